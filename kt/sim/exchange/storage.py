"""The exchange's state in SQLite; durable when a commit returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import msgspec

from kt.errors import KtError
from kt.files import create_private, private_folder
from kt.records import Side
from kt.sim.exchange.exchange_account import Account
from kt.sim.exchange.order_records import SimFill, SimOrder
from kt.sim.market.depth import ConsumedLevel

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accounts (key TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (ord_no INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS fills (exec_no INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS eaten (
    code TEXT, side TEXT, price INTEGER, epoch INTEGER, quantity INTEGER,
    PRIMARY KEY (code, side, price)
);
"""

LevelKey = tuple[str, Side, int]


class ExchangeStorage:
    """One database file. The market is not stored: it is computed from the seed."""

    def __init__(self, path: Path) -> None:
        private_folder(path.parent)
        self.path = path
        try:
            create_private(path)
            self._db = _connected(path)
        except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
            raise KtError(
                f"the exchange's state {path} cannot be opened: {error}",
                hint="kt sim reset puts it away and starts a new one",
            ) from error

    def meta(self) -> dict[str, str]:
        return dict(self._db.execute("SELECT name, value FROM meta"))

    def accounts(self) -> list[Account]:
        rows = self._db.execute("SELECT body FROM accounts")
        return [msgspec.json.decode(body, type=Account) for (body,) in rows]

    def orders(self) -> list[SimOrder]:
        rows = self._db.execute("SELECT body FROM orders ORDER BY ord_no")
        return [msgspec.json.decode(body, type=SimOrder) for (body,) in rows]

    def fills(self) -> list[SimFill]:
        rows = self._db.execute("SELECT body FROM fills ORDER BY exec_no")
        return [msgspec.json.decode(body, type=SimFill) for (body,) in rows]

    def consumed(self) -> dict[LevelKey, ConsumedLevel]:
        rows = self._db.execute("SELECT code, side, price, epoch, quantity FROM eaten")
        return {
            (code, Side(side), price): ConsumedLevel(epoch, quantity)
            for code, side, price, epoch, quantity in rows
        }

    def write(
        self,
        meta: dict[str, str],
        accounts: Iterable[Account] = (),
        orders: Iterable[SimOrder] = (),
        fills: Iterable[SimFill] = (),
        consumed: Iterable[tuple[LevelKey, ConsumedLevel]] = (),
        *,
        new_session: bool = False,
    ) -> None:
        """Write in one transaction; `new_session` deletes the last session's orders, fills and
        consumed levels.

        Raises KtError if it cannot be written; the request then gets no response.
        """
        try:
            self._write(meta, accounts, orders, fills, consumed, new_session=new_session)
        except sqlite3.Error as error:
            raise KtError(
                f"the exchange's state {self.path} cannot be written: {error}",
                hint="make room or permissions for it, then start the exchange again",
            ) from error

    def _write(
        self,
        meta: dict[str, str],
        accounts: Iterable[Account],
        orders: Iterable[SimOrder],
        fills: Iterable[SimFill],
        consumed: Iterable[tuple[LevelKey, ConsumedLevel]],
        *,
        new_session: bool,
    ) -> None:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            if new_session:
                for table in ("orders", "fills", "eaten"):
                    self._db.execute(f"DELETE FROM {table}")
            self._put("meta", meta.items())
            self._put("accounts", ((item.key, _text(item)) for item in accounts))
            self._put("orders", ((item.ord_no, _text(item)) for item in orders))
            self._put("fills", ((item.exec_no, _text(item)) for item in fills))
            self._put("eaten", ((*key, had.epoch, had.quantity) for key, had in consumed))

    def _put(self, table: str, rows: Iterable[tuple[object, ...]]) -> None:
        found = list(rows)
        if found:
            places = ",".join("?" * len(found[0]))
            self._db.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({places})", found)

    def close(self) -> None:
        self._db.close()


def _connected(path: Path) -> sqlite3.Connection:
    found = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        found.execute("PRAGMA journal_mode=WAL")
        found.execute("PRAGMA synchronous=FULL")
        found.executescript(_SCHEMA)
    except (sqlite3.Error, UnicodeDecodeError):
        found.close()
        raise
    return found


def _text(item: msgspec.Struct) -> str:
    return msgspec.json.encode(item).decode()

"""Reads days of any journal without changing its file: one of another profile, of an older kt, or
one that a run is writing to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar

from kt.errors import InputError
from kt.records import DayDenial, Decision, ExitLevels, Fill, JournalDay, Order, Record, Trade
from kt.store import schema
from kt.store.connection import rows
from kt.store.day_rows import DECISIONS
from kt.store.read_only import read_only
from kt.store.rows import day_text, from_row, time_of
from kt.store.sqlite_errors import mapped, primary_code

R = TypeVar("R", bound=Record)

_DAYS = """
SELECT day FROM orders UNION SELECT day FROM pnl_daily
UNION SELECT substr(decided_at, 1, 10) FROM decisions ORDER BY 1"""

_DENIALS = """
SELECT decision_id, stock_code, side, denied_by AS codes, checked_at AS at FROM checks
WHERE checked_at >= ? AND checked_at < ? AND NOT passed ORDER BY checked_at, seq"""

_ORDERS = "SELECT * FROM orders WHERE day >= ? AND day < ? ORDER BY created_at, seq"

_SENT = """
SELECT e.order_id, min(e.sent_at) AS at FROM order_events AS e JOIN orders AS o USING (order_id)
WHERE o.day >= ? AND o.day < ? AND e.sent_at IS NOT NULL GROUP BY e.order_id"""

_FILLS = "SELECT * FROM fills WHERE day >= ? AND day < ? ORDER BY at, seq"
_TRADES = "SELECT * FROM closed_trades WHERE day >= ? AND day < ? ORDER BY closed_at, seq"
_LEVELS = "SELECT * FROM exits WHERE at >= ? AND at < ? ORDER BY at, seq"


class JournalReader:
    """A journal that is only read, as of the moment it was opened."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def days(self) -> tuple[date, ...]:
        """The days on which something was decided or ordered, oldest first. Raises JournalError."""
        with mapped(self._path):
            return tuple(
                time_of(row["day"]).date() for row in rows(self._connection, _DAYS) if row["day"]
            )

    def day(self, day: date) -> JournalDay:
        """Everything of one day. Raises JournalError."""
        span = day_text(day), day_text(day + timedelta(days=1))
        with mapped(self._path):
            return JournalDay(
                decisions=self._all(DECISIONS, span, Decision),
                denials=self._all(_DENIALS, span, DayDenial),
                orders=self._all(_ORDERS, span, Order),
                sent={
                    row["order_id"]: time_of(row["at"])
                    for row in rows(self._connection, _SENT, span)
                },
                fills=self._all(_FILLS, span, Fill),
                trades=self._all(_TRADES, span, Trade),
                levels=self._all(_LEVELS, span, ExitLevels),
            )

    def _all(self, sql: str, span: tuple[str, str], kind: type[R]) -> tuple[R, ...]:
        return tuple(from_row(row, kind) for row in rows(self._connection, sql, span))


@contextmanager
def reading(path: Path) -> Iterator[JournalReader]:
    """The journal in a file, which stays as it is. Raises InputError for a file that is no journal
    or of a newer kt, and JournalError when it cannot be read."""
    with mapped(path), closing(read_only(path)) as file:
        file.isolation_level = None
        with closing(_current(file, path)) as connection:
            connection.execute("BEGIN")
            yield JournalReader(connection, path)


def _current(file: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """The file, or a copy of it in memory with today's schema."""
    try:
        version = schema.version_of(file)
        known = file.execute("SELECT 1 FROM sqlite_master WHERE name = 'order_events'").fetchone()
    except sqlite3.DatabaseError as error:
        if primary_code(error) != "SQLITE_NOTADB":
            raise
        known = None
    if known is None:
        raise InputError(f"{path} is not a journal of kt", hint="A journal is named kt.db.")
    if version > schema.VERSION:
        raise InputError(
            f"{path} has schema version {version}; this kt knows {schema.VERSION}",
            hint="A newer kt wrote it: update kt.",
        )
    if version == schema.VERSION:
        return file
    copy = sqlite3.connect(":memory:", isolation_level=None)
    file.backup(copy)
    schema.migrate(copy)
    return copy

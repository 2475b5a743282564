"""An account whose positions a test makes due: bought in one go, its prices steered, and what the
exchange really holds read beside the wire, which may be failing just then."""

from __future__ import annotations

import csv
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kt.rules import ticks
from tests.crash.house import LISTED, Account, House, Row
from tests.crash.processes import ROOT, Forge, Running

BASE: dict[str, dict[str, Any]] = {
    "limits": {
        "per_stock": 10**9, "total": 10**10, "turnover": 10**10, "daily_loss": 10**9,
        "positions": 1000, "entries_per_stock": 1000, "max_slippage_pct": 100,
        "orders_per_minute": 10_000, "orders_per_day": 100_000, "min_confidence": 0,
    },
    "sizing": {"risk_to_stop": 0, "calm_range_pct": 0, "volume_pct": 0},
    "exits": {"min_holding_minutes": 1440},
    "questions": {"profit": {"ask": False}},
    "scan": {"min_price": 10**13, "fast_every": 86400, "deep_every": 86400, "ai_every": 86400},
    "cycle": {"every": 10},
    "pipe": {"max_age": 600},
    "emergency": {
        "errors": 100_000, "rejects_in_row": 100_000, "burst_orders": 100_000,
        "reconnects": 100_000, "price_jump_pct": 100,
    },
    "profiles": {"sim": {"queries_per_second": 1000, "orders_per_second": 1000}},
}  # fmt: skip
"""Nothing is bought by kt itself, nothing is an emergency: each test says what it wants else."""
CASH = 10**10
MOVES = 0.9
"""How near the middle of its day a stock must stand to be held: earlier exits have moved it."""
OF_ALL = (
    "kt: flatten waits", "kt: cannot log in", "kt: emergency REJECTS", "kt: emergency CONNECTION",
    "kt: emergency SYSTEM_ERRORS",
)  # fmt: skip
"""Notices that tell of everything that is held."""


def config(**sections: Mapping[str, Any]) -> str:
    """A configuration file with these sections laid over the usual ones."""
    names = [*BASE, *(name for name in sections if name not in BASE)]
    return json.dumps({name: {**BASE.get(name, {}), **sections.get(name, {})} for name in names})


def stocks() -> tuple[str, ...]:
    """Codes of the embedded exchange, those that trade most first; neither cheap nor dear."""
    path = ROOT / "kt" / "sim" / "stocks.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if 5_000 < int(row["base_price"]) < 500_000]
    rows.sort(key=lambda row: -int(row["base_price"]) * int(row["usual_volume"]))
    return tuple(row["code"] for row in rows)


def until(happened: Callable[[], object], seconds: float, what: Callable[[], str]) -> None:
    """Wait for something; fails with the words when it does not happen."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what()}"
        time.sleep(0.05)


def centre(trader: Trader, codes: Iterable[str]) -> None:
    """Let these trade near the middle of their day again, from where earlier exits moved them."""
    moved = False
    for code in codes:
        last, lower, upper = trader.prices(code)
        middle = (lower + upper) // 2
        if not MOVES * middle <= last <= middle / MOVES:
            trader.steer(code, middle)
            moved = True
    if moved:
        trader.house.pass_time(LISTED)


@dataclass(frozen=True)
class Real:
    """What the exchange has of an account: shares held, and shares in open sells, by stock."""

    held: Mapping[str, int]
    selling: Mapping[str, int]


class Trader(Account):
    """Holds stocks, makes their exits due, and says what became of each."""

    def __init__(self, house: House, folder: Path, forge: Forge | None, text: str) -> None:
        super().__init__(house, folder, forge, text)
        self.bought: dict[str, int] = {}
        self._known: dict[str, Row] = {}
        self._heard = 0

    # --- holding ----------------------------------------------------------------------------

    def buying(self, codes: Iterable[str], quantity: int) -> Running:
        """One process that buys all of these, through the market."""
        items = [self._decision(code, quantity) for code in codes]
        self.bought.update({item["stock_code"]: quantity for item in items})
        document = {
            "kt": 1, "kind": "decisions", "profile": "sim", "run": "01JTEST",
            "asof": self.house.now().isoformat(), "items": items,
        }  # fmt: skip
        return self.start("order", "submit", "--wait", stdin=json.dumps(document))

    def _decision(self, code: str, quantity: int) -> Row:
        last, _, upper = self.prices(code)
        return {
            "action": "BUY", "stock_code": code, "stock_name": code, "quantity": quantity,
            "price": min(upper, ticks.round_up(last * 103 // 100)), "reason": "held by a test",
            "confidence": 0.9, "risk_level": "LOW", "decision_id": f"buy-{code}",
            "decided_at": self.house.now().isoformat(), "reference_price": last,
        }  # fmt: skip

    def hold(self, codes: Iterable[str], quantity: int) -> None:
        self.holds(self.buying(codes, quantity))

    def holds(self, buying: Running) -> None:
        ran = self.kept(buying.wait())
        assert ran.code == 0, ran.told()
        held = {code: row["quantity"] for code, row in self.positions().items()}
        assert held == self.bought, f"{held}\n{self.told()}"

    def positions(self) -> dict[str, Row]:
        held = {row["stock_code"]: row for row in self.rows("SELECT * FROM positions")}
        self._known |= held
        return held

    def known(self, code: str) -> Row:
        """The position, or what it was before it was sold."""
        self.positions()
        return self._known[code]

    # --- due ----------------------------------------------------------------------------------

    def steer(self, code: str, price: int) -> None:
        """Trade there: on the grid, rounded down, inside the day's limits."""
        self.house.control.steer(code, price=ticks.round_down(price))

    def fall(self, code: str) -> None:
        """Through the stop."""
        self.steer(code, self.known(code)["stop_price"])

    def rise(self, code: str) -> None:
        """To the target."""
        self.steer(code, ticks.round_up(self.known(code)["target_price"]))

    def age(self, code: str, minutes: int) -> None:
        """As if it had been bought so much earlier on this day."""
        at = datetime.fromisoformat(self.known(code)["opened_at"])
        past = (at - timedelta(minutes=minutes)).isoformat()
        self.change(f"UPDATE fills SET at = '{past}' WHERE stock_code = '{code}'")
        self.change(f"UPDATE positions SET opened_at = '{past}' WHERE stock_code = '{code}'")

    # --- and then ------------------------------------------------------------------------------

    def real(self) -> Real:
        """From the exchange's own file, which no fault keeps from being read."""
        path = self.house.folder / "sim" / "exchange.db"
        with closing(sqlite3.connect(path, timeout=10)) as connection:
            found = connection.execute("SELECT body FROM accounts WHERE key = ?", [self.key])
            account = json.loads(found.fetchone()[0])
            open_sells = connection.execute(
                "SELECT json_extract(body, '$.code'), SUM(json_extract(body, '$.open'))"
                " FROM orders WHERE json_extract(body, '$.account') = ?"
                " AND json_extract(body, '$.side') = 'SELL' GROUP BY 1",
                [self.key],
            ).fetchall()
        held = {code: row["quantity"] for code, row in account["held"].items()}
        return Real(held, {code: shares for code, shares in open_sells if shares})

    def listen(self) -> None:
        """What the owner was told up to now is about something else."""
        newest = self.rows("SELECT MAX(seq) AS seq FROM notices")
        self._heard = (newest[0]["seq"] or 0) if newest else 0

    def notices(self) -> list[Row]:
        """What the owner was told since, but for what is only good to know."""
        return self.rows(
            "SELECT * FROM notices WHERE seq > ? AND level IN ('warning', 'critical')",
            [self._heard],
        )

    def ends(self, codes: Iterable[str]) -> dict[str, str]:
        """By stock: `gone`, `standing` (its sells are in the market), `told`, or nothing yet."""
        real = self.real()
        notices = self.notices()

        def end_of(code: str) -> str:
            held = real.held.get(code, 0)
            if not held:
                return "gone"
            if real.selling.get(code, 0) >= held:
                return "standing"
            return "told" if any(_tells_of(code, row) for row in notices) else ""

        return {code: end_of(code) for code in codes}

    def mode(self) -> str:
        row = self.rows("SELECT mode FROM halts ORDER BY seq DESC LIMIT 1")
        return str(row[0]["mode"]) if row else "running"

    def sells(self) -> list[Row]:
        """kt's sells, without decisions of the analyst that were denied."""
        denied = "(origin = 'cycle' AND state = 'DENIED')"
        return self.orders(f"side = 'SELL' AND origin <> 'external' AND NOT {denied}")

    @contextmanager
    def busy_journal(self, held: float = 0.2, free: float = 0.05) -> Iterator[None]:
        """Another process has the write lock again and again."""
        stop = threading.Event()

        def hold() -> None:
            with closing(
                sqlite3.connect(self.database, isolation_level=None, timeout=30)
            ) as connection:
                while not stop.is_set():
                    connection.execute("BEGIN IMMEDIATE")
                    stop.wait(held)
                    connection.execute("ROLLBACK")
                    stop.wait(free)

        holder = threading.Thread(target=hold)
        holder.start()
        try:
            yield
        finally:
            stop.set()
            holder.join()


def _tells_of(code: str, notice: Row) -> bool:
    """Whether a notice says that this position is not sold yet: that an order was taken back for
    the stop, or that a flatten has begun, does not."""
    title, text = str(notice["title"]), str(notice["text"])
    if title.startswith("kt: flatten "):
        return code in text or title.startswith(OF_ALL)
    of_it = code in title and not title.startswith("taken back")
    return of_it or title.startswith(OF_ALL)

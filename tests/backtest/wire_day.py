"""One short day twice: over sockets at the speed of the wall clock, and in one process on the
virtual clock (docs/virtual-clock.md#wire).

    python -m tests.backtest.wire_day FOLDER

prints both days, one above the other.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from kt import ids
from kt.app import App
from kt.config.load import build_config
from kt.config.model import Config
from kt.engine.day import Day
from kt.ports import Clock
from kt.sim.exchange import Exchange
from kt.virtual_app import VirtualApp
from kt.virtual_time import VirtualTime
from tests.serving import serve

SEED = 7
DAY = "2026-01-05"
BEGIN = datetime.fromisoformat(f"{DAY}T10:10:12+09:00")
STEP = datetime.fromisoformat(f"{DAY}T10:10:47+09:00")
"""When the market moves."""
LATER = timedelta(minutes=15)
"""How far."""
SETTINGS: dict[str, Any] = {
    "session": {
        "start": "10:10", "prepare": "10:10", "open": "10:10", "last_buy": "10:11",
        "close": "10:11", "idle": "10:11",
    },
    "analyst": {"kind": "rules"},
    "limits": {"min_confidence": "0.4"},
    "exits": {"stop_loss_pct": "0.3", "take_profit_pct": "0.3"},
    "questions": {"profit": {"ask": "false"}},
    "scan": {
        "fast_every": "600", "deep_every": "600", "ai_every": "600", "fast_keep": "20",
        "deep_keep": "6", "ai_keep": "3",
    },
    "simulator": {"seed": str(SEED)},
}  # fmt: skip


def settings(folder: Path, base_url: str = "") -> Config:
    more: dict[str, Any] = {"state_dir": str(folder)}
    if base_url:
        more["profiles"] = {"sim": {"base_url": base_url}}
    return build_config({**SETTINGS, **more}, {}, {})


class Stairs:
    """A market that stands still, but for one step: at `STEP` it goes on by `LATER`. So a request
    a few seconds later gets the same answer."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def now(self) -> datetime:
        return BEGIN if self.clock.now() < STEP else BEGIN + LATER

    def monotonic(self) -> float:
        return self.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    def to_real(self, seconds: float) -> float:
        return self.clock.to_real(seconds)


def still(exchange: Exchange) -> None:
    """Let this exchange's market stand still."""
    exchange._clock = Stairs(exchange._clock)


Tell = Callable[[str], None]


def over_sockets(folder: Path, tell: Tell) -> Path:
    """The day with threads, HTTP and WebSocket. Returns its journal."""
    with serve(seed=SEED, open_at="10:10", day=DAY, rate=5.0) as served:
        served.clock.anchor += BEGIN - served.clock.now()
        still(served.exchange)
        app = App(settings(folder, served.base_url), {}, lambda line: None)
        try:
            Day(app.context("run"), app.stream, until_close=True, announce=tell).run()
        finally:
            app.close()
        return app.database


def in_one_process(folder: Path, tell: Tell) -> Path:
    """The same on the virtual clock."""
    clock = VirtualTime(BEGIN)
    with ids.drawn_from(Random(SEED).getrandbits), clock.driving():
        app = VirtualApp(settings(folder), {}, lambda line: None, clock)
        try:
            still(app.exchange._exchange)
            Day(app.context("run"), app.stream, until_close=True, announce=tell).run()
        finally:
            clock.close()
            app.close()
        return app.database


def rows(journal: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(journal)) as db:
        return db.execute(sql).fetchall()


def main() -> None:
    folder = Path(sys.argv[1])
    for run in (over_sockets, in_one_process):
        print(run.__doc__)
        run(folder / run.__name__, print)


if __name__ == "__main__":
    main()

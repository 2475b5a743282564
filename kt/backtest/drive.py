"""Runs the trading days of a backtest one after another, as `kt run --until-close` runs one."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import msgspec

from kt import ids
from kt.config.load import FILE_NAME
from kt.config.model import Config
from kt.engine.day import Day
from kt.errors import ExitCode
from kt.files import replace_private
from kt.paths import SIM, ExchangePaths
from kt.records import KST, DayResult
from kt.sim.market.bar_board import BarMarket
from kt.steps.context import Context
from kt.virtual_app import VirtualApp
from kt.virtual_time import VirtualTime

if TYPE_CHECKING:
    from kt.engine.state import DayReport

FIRST_DAY = date(2026, 1, 5)
"""Where a backtest begins unless a day is given: always the same, so that two backtests are."""
EARLY = timedelta(minutes=1)
"""How long before the configured start a day's run begins."""


@dataclass(frozen=True, slots=True)
class BacktestPlan:
    """What a backtest runs. `config` is complete: its own state folder, its seed, no channels."""

    config: Config
    environ: Mapping[str, str]
    days: tuple[date, ...]
    answers: Path | None = None
    """The journal of an earlier run, which answers in the analyst's place."""
    bars: BarMarket | None = None
    """The market in place of the seeded one."""

    @property
    def folder(self) -> Path:
        return Path(self.config.state_dir)


@dataclass(slots=True)
class DayRun:
    """One day that was run."""

    day: date
    report: DayReport

    @property
    def result(self) -> DayResult | None:
        return self.report.days[-1] if self.report.days else None


HOUR = 3600.0
RECORDS = 50_000
"""New objects until Python looks for cycles among them: nearly all are records, which have none."""


class Drive:
    """A backtest while it runs. `say` gets what a live run prints, `progress` the time of the
    virtual clock once an hour."""

    def __init__(
        self,
        plan: BacktestPlan,
        app: VirtualApp,
        say: Callable[[str], None],
        progress: Callable[[datetime], None],
    ) -> None:
        self.plan = plan
        self.app = app
        self._say = say
        self._progress = progress
        self.ctx: Context | None = None
        self.runs: list[DayRun] = []

    def days(self) -> Iterator[DayRun]:
        """Run each day; yields when it is over."""
        for day in self.plan.days:
            self.app.time.sleep_until(_start(self.plan.config, day))
            ctx = self.ctx = self.app.context("backtest")
            self._hourly(ctx)
            report = Day(ctx, self.app.stream, until_close=True, announce=self._say).run()
            done = report.exit_code is ExitCode.DONE
            ctx.journal.finish_run(ctx.run, "done" if done else "failed", report.exit_code)
            ctx.journal.flush()
            made = DayRun(day, report)
            self.runs.append(made)
            yield made

    def _hourly(self, ctx: Context) -> None:
        """Tell the time every hour while this day runs."""

        def tell() -> None:
            if self.ctx is ctx and len(self.runs) < len(self.plan.days):
                self._progress(self.app.time.now())
                self._hourly(ctx)

        passed = self.app.time.now().timestamp() % HOUR
        self.app.time.call_later(HOUR - passed, tell)

    def keep(self) -> None:
        """Save the exchange and a configuration file, so that other commands read this folder."""
        folder, given = self.plan.folder, self.plan.config.simulator
        self.app.exchange.keep(ExchangePaths(folder / SIM).database)
        simulator = {"seed": str(given.seed), "cash": str(given.cash), "costs": given.costs}
        text = msgspec.json.format(
            msgspec.json.encode({"state_dir": str(folder), "simulator": simulator})
        )
        replace_private(folder / FILE_NAME, text + b"\n")


def _start(config: Config, day: date) -> datetime:
    return datetime.combine(day, time_of_day.fromisoformat(config.session.start), KST) - EARLY


@contextlib.contextmanager
def driving(
    plan: BacktestPlan,
    say: Callable[[str], None],
    progress: Callable[[datetime], None] = lambda at: None,
    *,
    wire: bool = False,
) -> Iterator[Drive]:
    """The backtest on its own clock, with its own exchange and journal; both are closed when the
    block ends. With `wire` every query is encoded and decoded as in a live run. Raises ConfigError
    for an analyst that cannot be asked."""
    time = VirtualTime(_start(plan.config, plan.days[0]))
    usual = gc.get_threshold()
    bits = Random(f"{plan.config.simulator.seed}:ids").getrandbits
    with ids.drawn_from(bits), time.driving():
        app = VirtualApp(plan.config, plan.environ, say, time, plan.answers, plan.bars, wire=wire)
        try:
            gc.set_threshold(RECORDS, *usual[1:])
            say(f"decided by {app.analyst.name} {app.analyst.model}".rstrip())
            yield Drive(plan, app, say, progress)
        finally:
            gc.set_threshold(*usual)
            try:
                time.close()
            finally:
                app.close()

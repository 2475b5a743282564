"""One trial: a set of configuration values, traded over the days of a window with every seed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from msgspec.structs import replace

from kt.backtest.bars import load
from kt.backtest.drive import BacktestPlan, Drive, driving
from kt.config.model import Config
from kt.files import private_folder
from kt.records.base import Record
from kt.rules import performance
from kt.rules.sweep_space import DayWindow
from kt.sim.market.bar_board import BarMarket
from kt.steps.portfolio import equity

Rates = list[list[float]]
"""Daily returns as fractions, one row for each seed."""


class DayReturn(Record, frozen=True, kw_only=True):
    """One day of a trial; `rate` is what the equity gained, as a fraction."""

    day: date
    rate: float
    trades: int
    wins: int


class SeedResult(Record, frozen=True, kw_only=True):
    """The days of one seed; all that were planned, days without trading too."""

    seed: int
    days: tuple[DayReturn, ...]


class TrialResult(Record, frozen=True, kw_only=True):
    """What a trial brought; `error` says why there is nothing."""

    seeds: tuple[SeedResult, ...] = ()
    error: str = ""


def run_trial(
    config: Config,
    days: tuple[date, ...],
    seeds: tuple[int, ...],
    folder: Path,
    environ: Mapping[str, str],
    data: Path | None = None,
) -> TrialResult:
    """Trade these days once for each seed, on the bars of `data` if given. `folder` is for the
    journals, which are deleted: `kt backtest` makes them again, equal to the byte. Raises
    KtError."""
    try:
        bars = load(data, config.backtest, None, days[0], days[-1])[0] if data else None
        return TrialResult(
            seeds=tuple(_traded(config, days, seed, folder, environ, bars) for seed in seeds)
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _traded(
    config: Config,
    days: tuple[date, ...],
    seed: int,
    folder: Path,
    environ: Mapping[str, str],
    bars: BarMarket | None,
) -> SeedResult:
    state = folder / f"seed-{seed}"
    private_folder(state)
    own = replace(config, state_dir=str(state), simulator=replace(config.simulator, seed=seed))
    with driving(BacktestPlan(own, environ, days, bars=bars), lambda line: None) as drive:
        for _ in drive.days():
            pass
        return SeedResult(seed=seed, days=_days(drive))


def _days(drive: Drive) -> tuple[DayReturn, ...]:
    """Each day's return on the equity of the day before; the first day's on the capital."""
    ctx, planned = drive.ctx, drive.plan.days
    assert ctx is not None, "no day was run"
    points = ctx.journal.equity(since=equity.beginning(planned[0]), until=ctx.clock.now())
    closing = {point.at.date(): point.equity for point in performance.last_of_each_day(points)}
    results = {day.day: day for day in ctx.journal.days(since=planned[0], until=planned[-1])}
    before, found = drive.plan.config.simulator.cash, []
    for day in planned:
        after = closing.get(day, before)
        result = results.get(day)
        found.append(
            DayReturn(
                day=day,
                rate=after / before - 1 if before > 0 else 0.0,
                trades=result.trades if result else 0,
                wins=result.wins if result else 0,
            )
        )
        before = after
    return tuple(found)


def trained_rates(window: DayWindow, seeds: Sequence[SeedResult]) -> Rates:
    """The returns of the days that a set is chosen by."""
    return [[day.rate for day in seed.days if day.day in window.train] for seed in seeds]


def tested_rates(window: DayWindow, seeds: Sequence[SeedResult]) -> Rates:
    """The returns of the days after them."""
    return [[day.rate for day in seed.days if day.day in window.test] for seed in seeds]

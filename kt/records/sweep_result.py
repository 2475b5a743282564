"""What a sweep found, and how far that can be trusted."""

from __future__ import annotations

from datetime import date

from kt.records.base import Record


class SweepSet(Record, frozen=True, kw_only=True):
    """One set of configuration values in one window. Scores are those of the sweep's objective;
    None is "not defined", as for a set that never traded."""

    number: int
    """Within its window, from 1."""
    values: dict[str, str]
    score: float | None
    """On the training days, which sets are chosen by."""
    test_score: float | None
    """On the test days after them."""
    daily_pct: float | None
    """Mean return of a training day, in percent of the equity."""
    test_daily_pct: float | None
    trades: int
    """On the training days, all seeds together."""
    test_trades: int
    error: str = ""
    """Why the set could not be traded."""


class SweepWindow(Record, frozen=True, kw_only=True):
    """The training days and the test days of one window, and the set that won the training days."""

    first: date
    last: date
    test_first: date | None
    test_last: date | None
    best: SweepSet | None


class Sweep(Record, frozen=True, kw_only=True):
    """One sweep. `winner` is the best set of the last window, which is the one to use next, unless
    `refused` says why none is named (docs/sweep.md#verdict)."""

    study: str
    method: str
    objective: str
    keys: tuple[str, ...]
    seeds: tuple[int, ...]
    capital: int
    """In won, of each seed."""
    trials: int
    failed: int
    """Trials whose set could not be traded."""
    windows: tuple[SweepWindow, ...]
    sets: tuple[SweepSet, ...]
    """Those of the last window, the best first."""
    winner: SweepSet | None
    settings: tuple[str, ...] = ()
    """The winner and what was fixed, as options of `kt backtest`; empty without a winner."""
    refused: tuple[str, ...] = ()
    """Why no winner is named."""
    warnings: tuple[str, ...] = ()
    train_daily_pct: float | None
    """Mean return of a training day of the sets that won their windows, in percent."""
    test_daily_pct: float | None
    """The same on the days on which they were tested."""
    test_return_pct: float | None
    """The compounded return of all test days, each traded by the winner of the window before; the
    mean of the seeds."""
    test_sharpe: float | None
    """Annualised, of these days."""
    test_trades: int
    deflated_sharpe: float | None
    """The probability that the winner's Sharpe ratio is more than the luck of so many trials."""
    overfit_probability: float | None
    """The probability that the best set of one half of the days is below the median in the other
    (PBO)."""
    version: str

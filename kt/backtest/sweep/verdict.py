"""The verdict on a finished sweep: the best sets beside what they did on days they were not chosen
by, and how likely their lead is luck (docs/sweep.md#verdict)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from kt import __version__
from kt.backtest.sweep.shared_study import SharedTrial
from kt.backtest.sweep.sweep_plan import Place, SweepPlan
from kt.backtest.sweep.trial import Rates, SeedResult, tested_rates, trained_rates
from kt.records import Sweep, SweepSet, SweepWindow
from kt.rules import overfitting
from kt.rules.performance import sharpe_of_one
from kt.rules.sweep_space import DayWindow, score

SURE = 0.95
"""The usual level of confidence; the paper's for the deflated Sharpe ratio."""
MOST_OVERFIT = 0.05
"""The highest probability of overfitting that its paper would accept."""


def verdict(
    plan: SweepPlan,
    study: str,
    trials: Mapping[Place, SharedTrial],
    fewest_trades: int,
    fixed: Sequence[str] = (),
) -> Sweep:
    """The result of a sweep whose trials are all finished. `fewest_trades`: with fewer trades on
    the training days no set is named. `fixed` are the settings of all sets, as `KEY=VALUE`."""
    ranked = [_ranked(plan, trials, number) for number in range(len(plan.windows))]
    firsts = [rows[0] if rows and rows[0][0].score is not None else None for rows in ranked]
    won = [(window, first) for window, first in zip(plan.windows, firsts, strict=True) if first]
    trained = [row for window, (_, trial) in won for row in trained_rates(window, _seeds(trial))]
    tested = _joined([tested_rates(window, _seeds(trial)) for window, (_, trial) in won])
    best = firsts[-1][0] if firsts[-1] else None
    deflated, overfit = _luck(plan, [trial for _, trial in ranked[-1]])
    sweep = Sweep(
        study=study,
        method=plan.method,
        objective=plan.objective,
        keys=tuple(axis.key for axis in plan.axes),
        seeds=plan.seeds,
        capital=plan.configured({}).simulator.cash,
        trials=plan.size,
        failed=sum(bool(trial.result and trial.result.error) for trial in trials.values()),
        windows=tuple(map(_window, plan.windows, firsts)),
        sets=tuple(row for row, _ in ranked[-1]),
        winner=best,
        train_daily_pct=_daily_pct(trained),
        test_daily_pct=_daily_pct(tested),
        test_return_pct=_rounded(score("return", tested), 2),
        test_sharpe=_rounded(score("sharpe", tested), 2),
        test_trades=sum(first.test_trades for _, (first, _) in won),
        deflated_sharpe=_rounded(deflated, 4),
        overfit_probability=_rounded(overfit, 4),
        version=__version__,
    )
    return _judged(sweep, fewest_trades, fixed)


def _seeds(trial: SharedTrial) -> tuple[SeedResult, ...]:
    return trial.result.seeds if trial.result else ()


def _ranked(
    plan: SweepPlan, trials: Mapping[Place, SharedTrial], number: int
) -> list[tuple[SweepSet, SharedTrial]]:
    """The sets of a window, the best first, the earlier one among equals; those without a score
    last."""
    window = plan.windows[number]
    rows = [
        (_set(plan, window, trial), trial)
        for place, trial in sorted(trials.items())
        if place.window == number
    ]
    return sorted(rows, key=lambda row: (row[0].score is None, -(row[0].score or 0.0)))


def _set(plan: SweepPlan, window: DayWindow, trial: SharedTrial) -> SweepSet:
    seeds = _seeds(trial)
    trained, tested = trained_rates(window, seeds), tested_rates(window, seeds)
    days = [day for seed in seeds for day in seed.days]
    return SweepSet(
        number=trial.place.number + 1,
        values=dict(trial.chosen),
        score=trial.score,
        test_score=score(plan.objective, tested),
        daily_pct=_daily_pct(trained),
        test_daily_pct=_daily_pct(tested),
        trades=sum(day.trades for day in days if day.day in window.train),
        test_trades=sum(day.trades for day in days if day.day in window.test),
        error=trial.result.error if trial.result else "",
    )


def _window(window: DayWindow, first: tuple[SweepSet, SharedTrial] | None) -> SweepWindow:
    return SweepWindow(
        first=window.train[0],
        last=window.train[-1],
        test_first=window.test[0] if window.test else None,
        test_last=window.test[-1] if window.test else None,
        best=first[0] if first else None,
    )


def _joined(windows: Sequence[Rates]) -> Rates:
    """One row for each seed, through all windows."""
    return [[rate for row in rows for rate in row] for rows in zip(*windows, strict=True)]


def _daily_pct(rates: Rates) -> float | None:
    together = [rate for row in rates for rate in row]
    return round(100 * math.fsum(together) / len(together), 4) if together else None


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _luck(plan: SweepPlan, ranked: Sequence[SharedTrial]) -> tuple[float | None, float | None]:
    """The deflated Sharpe ratio of the best set, and the probability of overfitting, over the
    training days of the last window."""
    traded = [trial for trial in ranked if _seeds(trial)]
    if not traded:
        return None, None
    window = plan.windows[-1]
    rows = [
        [rate for row in trained_rates(window, _seeds(trial)) for rate in row] for trial in traded
    ]
    sharpes = [one for row in rows if (one := sharpe_of_one(row)) is not None]
    adjusted = plan.objective != "return"
    return (
        overfitting.deflated_sharpe(rows[0], sharpes),
        overfitting.overfit_probability(rows, adjusted=adjusted),
    )


def _judged(sweep: Sweep, fewest_trades: int, fixed: Sequence[str]) -> Sweep:
    from msgspec.structs import replace

    refused = tuple(_refusals(sweep, fewest_trades))
    warned = tuple(_warnings(sweep)) if sweep.winner else ()
    if refused or sweep.winner is None:
        return replace(sweep, winner=None, refused=refused, warnings=warned)
    values = (*fixed, *(f"{key}={value}" for key, value in sweep.winner.values.items()))
    return replace(sweep, settings=tuple(f"--set {one}" for one in values), warnings=warned)


def _refusals(sweep: Sweep, fewest_trades: int) -> list[str]:
    best = sweep.winner
    if best is None:
        return [f"no set has a {sweep.objective}: none traded"]
    found = []
    if best.trades < fewest_trades:
        found.append(
            f"only {best.trades} trades of the best set on its training days: with fewer than "
            f"{fewest_trades} their mean says nothing"
        )
    if (best.score or 0.0) <= 0:
        found.append("the best set gained nothing on its own training days")
    return found


def _warnings(sweep: Sweep) -> list[str]:
    found = []
    tested, sure, overfit = sweep.test_daily_pct, sweep.deflated_sharpe, sweep.overfit_probability
    if tested is None:
        found.append("no day was held back: nothing shows whether the set is any good on others")
    elif tested <= 0 < (sweep.train_daily_pct or 0.0):
        found.append("what won on the training days gained nothing on the test days: overfitted")
    if sure is None:
        found.append("too few days for the deflated Sharpe ratio")
    elif sure < SURE:
        found.append(
            f"deflated Sharpe ratio {sure:.2f}, below {SURE}: the lead may be the luck of "
            f"{len(sweep.sets)} tries"
        )
    if overfit is None:
        found.append("too few days or sets for the probability of overfitting")
    elif overfit > MOST_OVERFIT:
        found.append(
            f"probability of overfitting {overfit:.0%}, above {MOST_OVERFIT:.0%}: the best set of "
            "one half of the days often fails in the other"
        )
    return found

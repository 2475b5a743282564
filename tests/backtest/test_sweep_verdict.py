"""What a sweep concludes, and when it names nobody."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest
from optuna.trial import TrialState

from kt.backtest.sweep.shared_study import SharedTrial, join
from kt.backtest.sweep.sweep_plan import Place, SweepPlan
from kt.backtest.sweep.trial import DayReturn, SeedResult, TrialResult, trained_rates
from kt.backtest.sweep.verdict import verdict
from kt.records import Sweep
from kt.rules.sweep_space import parse_axis, score
from tests.backtest.sweeping import Runners, plan, search

Rate = Callable[[int, date], float]
"""What a set earns on a day, by its number."""


def judged(rate: Rate, *, trades: int = 5, fewest: int = 30, **more: Any) -> Sweep:
    """The verdict on eight sets over two windows."""
    made = plan(**more)
    trials = dict(_trial(made, window, number, rate, trades)
                  for window in range(len(made.windows)) for number in range(8))  # fmt: skip
    return verdict(made, "one", trials, fewest, ("scan.fast_keep=20",))


def _trial(
    made: SweepPlan, window: int, number: int, rate: Rate, trades: int
) -> tuple[Place, SharedTrial]:
    given = made.windows[window]
    seeds = tuple(
        SeedResult(seed=seed, days=tuple(
            DayReturn(day=day, rate=rate(number, day), trades=trades, wins=0) for day in given.days
        ))
        for seed in made.seeds
    )  # fmt: skip
    found = score(made.objective, trained_rates(given, seeds))
    chosen = {"exits.stop_loss_pct": str(2 + number // 2), "limits.positions": str(3 + number % 2)}
    state = TrialState.PRUNED if found is None else TrialState.COMPLETE
    place = Place(window, number)
    return place, SharedTrial(number, place, chosen, state, "", found, TrialResult(seeds=seeds))


def skilled(number: int, day: date) -> float:
    """Set 6 (the number 5) is the best, whatever the day."""
    return 0.01 - abs(number - 5) / 500 + Random(f"{number}{day}").gauss(0, 0.0005)


def test_the_best_set_of_the_last_window_wins() -> None:
    found = judged(skilled)
    assert found.winner is not None
    assert found.winner.number == 6
    assert found.settings == (
        "--set scan.fast_keep=20", "--set exits.stop_loss_pct=4", "--set limits.positions=4",
    )  # fmt: skip
    assert found.sets[0] == found.winner
    assert found.sets[-1].number == 1
    assert found.winner.trades == 2 * 6 * 5 and found.winner.test_trades == 2 * 2 * 5
    assert found.train_daily_pct == pytest.approx(1.0, abs=0.1)
    assert found.test_daily_pct == pytest.approx(1.0, abs=0.1)
    assert found.test_return_pct == pytest.approx(4.06, abs=0.4), "four test days in a row"
    assert found.test_trades == 2 * found.winner.test_trades
    assert found.overfit_probability == 0
    assert found.deflated_sharpe == pytest.approx(1.0, abs=0.01)
    assert (found.refused, found.warnings) == ((), ())


def test_too_few_trades_crown_nobody() -> None:
    found = judged(skilled, trades=2)
    assert found.winner is None and found.settings == ()
    assert found.refused == (
        "only 24 trades of the best set on its training days: with fewer than 30 their mean says "
        "nothing",
    )
    assert found.sets[0].number == 6, "the sets are shown all the same"
    assert judged(skilled, trades=2, fewest=24).winner is not None


def test_a_loss_is_no_winner() -> None:
    found = judged(lambda number, day: -0.001 * (number + 1))
    assert found.refused == ("the best set gained nothing on its own training days",)


def test_nothing_traded() -> None:
    found = judged(lambda number, day: 0.0, objective="sharpe", trades=0)
    assert found.refused == ("no set has a sharpe: none traded",)
    assert found.windows[0].best is None and found.test_return_pct is None


def test_luck_is_called_by_its_name() -> None:
    def lucky(number: int, day: date) -> float:
        return Random(f"{number}{day}").gauss(0.0005, 0.01)

    found = judged(lucky)
    assert found.winner is not None
    assert found.overfit_probability is not None and found.overfit_probability > 0.05
    assert found.deflated_sharpe is not None and found.deflated_sharpe < 0.95
    said = " ".join(found.warnings)
    assert "the luck of 8 tries" in said and "probability of overfitting" in said


def test_what_fails_on_the_test_days_is_overfitted() -> None:
    windows = plan().windows[:1]
    found = judged(
        lambda number, day: skilled(number, day) if day in windows[0].train else -0.01,
        windows=windows,
    )
    assert "gained nothing on the test days: overfitted" in found.warnings[0]


def test_without_test_days_nothing_is_proved() -> None:
    only = plan().windows[0]._replace(test=())
    found = judged(skilled, windows=(only,))
    assert found.test_daily_pct is None
    assert found.warnings[0].startswith("no day was held back")
    few = only._replace(train=only.train[:3])
    found = judged(skilled, windows=(few,), fewest=0)
    assert "too few days or sets for the probability of overfitting" in found.warnings


def test_failed_sets_are_counted_and_come_last(tmp_path: Path) -> None:
    texts = ("limits.per_stock=1000000,9000000", "limits.total=5000000,9000000")
    made = plan(axes=tuple(parse_axis(text) for text in texts))
    study = join(made, str(tmp_path / "study.log"), "one")
    trials = search(study, made, Runners(1), tmp_path).run()
    found = verdict(made, "one", trials, 0)
    assert (found.trials, found.failed) == (8, 2)
    assert "above limits.total" in found.sets[-1].error

"""The sets that a sweep tries. Each batch follows from the plan and the results of the batches
before it, so that every process of a study proposes the same, however many there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kt.backtest.sweep.sweep_plan import SweepPlan
from kt.rules.sweep_space import Axis, grid, text_of

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

Chosen = dict[str, str]
"""Key to value."""


def propose(
    plan: SweepPlan, window: int, batch: int, before: Sequence[tuple[Chosen, float | None]]
) -> list[Chosen]:
    """The sets of one batch. `before` are the sets of the earlier batches of this window with
    their scores, in order; None: the set has none, which counts as worse than any."""
    if plan.method == "grid":
        return grid(plan.axes)
    count = min(plan.batch, plan.trials - len(before)) if plan.method == "tpe" else plan.trials
    return _sampled(plan, _seed_of(plan, window, batch), count, before)


def _seed_of(plan: SweepPlan, window: int, batch: int) -> int:
    """Random sets are the same in every window; TPE goes its own way in each."""
    if plan.method == "random":
        return plan.sampler_seed
    return (plan.sampler_seed * 1_000_003 + window * 10_007 + batch) % 2**32


def _sampled(
    plan: SweepPlan, seed: int, count: int, before: Sequence[tuple[Chosen, float | None]]
) -> list[Chosen]:
    import optuna

    axes = {axis.key: axis for axis in plan.axes}
    spaces = {key: _distribution(axis) for key, axis in axes.items()}
    if plan.method == "random":
        sampler: optuna.samplers.BaseSampler = optuna.samplers.RandomSampler(seed=seed)
    else:
        sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for chosen, score in before:
        study.add_trial(_finished(chosen, score, axes, spaces))
    asked = [study.ask(spaces).params for _ in range(count)]
    return [{key: _value(axes[key], params[key]) for key in axes} for params in asked]


def _finished(
    chosen: Mapping[str, str],
    score: float | None,
    axes: Mapping[str, Axis],
    spaces: Mapping[str, BaseDistribution],
) -> FrozenTrial:
    import optuna

    state = optuna.trial.TrialState
    return optuna.trial.create_trial(
        state=state.PRUNED if score is None else state.COMPLETE,
        value=score,
        params={key: _parameter(axes[key], value) for key, value in chosen.items()},
        distributions=dict(spaces),
    )


def _distribution(axis: Axis) -> BaseDistribution:
    """A range by the number of its step, so that a value is exact."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if not axis.values:
        return FloatDistribution(axis.low, axis.high)
    if axis.ordered:
        return IntDistribution(0, len(axis.values) - 1)
    return CategoricalDistribution(axis.values)


def _value(axis: Axis, parameter: float | int | str) -> str:
    if not axis.values:
        return text_of(float(parameter))
    return axis.values[int(parameter)] if axis.ordered else str(parameter)


def _parameter(axis: Axis, value: str) -> float | int | str:
    if not axis.values:
        return min(max(float(value), axis.low), axis.high)
    return axis.values.index(value) if axis.ordered else value

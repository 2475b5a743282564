"""The options of `kt sweep`, and the plan that they make."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt.cli.support.backtest_options import MOST_SEED, chosen_days, refuse_both, settings_of
from kt.errors import UsageError

if TYPE_CHECKING:
    from kt.backtest.sweep.sweep_plan import Configured, Method, SweepPlan
    from kt.config.model import Config
    from kt.rules.sweep_space import Axis, DayWindow, Objective

MOST_SETS = 10_000
"""Sets of a grid, and trials of a window."""
DEFAULT_TRIALS = 40
FEWEST_TRADES = 30
"""A sample of fewer is too small for the normal approximation of its mean."""
MOST_SEEDS = 100
OURS = {
    "simulator.seed": "give the seeds with --seeds",
    "simulator.cash": "give the cash with --capital",
    "analyst.kind": "leave it out: the offline rules decide, as a model is not repeatable",
    "analyst.shadow": "leave it out: a sweep has no second analyst",
    "profile": "leave it out: a sweep trades on the embedded exchange",
    "state_dir": "set KT_STATE_DIR",
}
"""Keys that a sweep sets itself, and what to do instead."""


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """The options as they were given."""

    over: tuple[str, ...]
    data: Path | None
    method: Method
    trials: int | None
    batch: int
    objective: Objective
    days: int | None
    first: date | None
    last: date | None
    train: int | None
    test: int | None
    seeds: str
    capital: int | None
    settings: tuple[str, ...]
    min_trades: int
    jobs: int | None
    study: str
    storage: str


def plan_of(options: SweepOptions, file: str, environ: Mapping[str, str]) -> SweepPlan:
    """The plan. `file` is the configuration file, empty for the usual one. Raises UsageError and
    ConfigError."""
    from kt.backtest.sweep.sweep_plan import SweepPlan

    refuse_both(options.days, options.last)
    if options.train is not None and options.test is None:
        raise UsageError("--train needs --test", hint="As in --train 20 --test 5")
    if options.study and not re.fullmatch(r"[\w.-]{1,80}", options.study, re.ASCII):
        raise UsageError(
            "--study: this is not a name", hint="Use up to 80 letters, digits, `.`, `_` and `-`."
        )
    axes = axes_of(options.over, options.settings)
    configured = configured_by(file, environ, options.settings, options.capital)
    days, digest = days_of(options, configured({}))
    return SweepPlan(
        configured=configured,
        axes=axes,
        windows=windows_of(days, options.train, options.test),
        seeds=seeds_of(options.seeds, configured({}).simulator.seed),
        method=options.method,
        objective=options.objective,
        trials=trials_of(options.method, axes, options.trials),
        batch=options.batch,
        data=options.data.absolute() if options.data else None,
        data_digest=digest,
    )


def days_of(options: SweepOptions, config: Config) -> tuple[tuple[date, ...], str]:
    """The days to trade, and the digest of --data. Raises InputError and UsageError."""
    if options.data is None:
        return chosen_days(options.days, options.first, options.last), ""
    from kt.backtest.bars import described, load

    market, days = load(options.data, config.backtest, options.days, options.first, options.last)
    return days, described(market, days).sha256


def axes_of(over: Sequence[str], settings: Sequence[str]) -> tuple[Axis, ...]:
    """The keys to vary. Raises UsageError for a key that cannot be varied."""
    from kt.rules.sweep_space import parse_axis

    axes = tuple(parse_axis(text) for text in over)
    varied = [axis.key for axis in axes]
    fixed = [text.partition("=")[0].strip() for text in settings]
    for key in (*varied, *fixed):
        if key in OURS:
            raise UsageError(f"{key}: a sweep sets this key itself", hint=f"Instead, {OURS[key]}.")
        if key in varied and (varied.count(key) > 1 or key in fixed):
            raise UsageError(
                f"{key} is given twice", hint="Put its values into one --over, and none into --set."
            )
    return axes


def trials_of(method: Method, axes: Sequence[Axis], given: int | None) -> int:
    """The number of trials in a window; 0 for a grid, which has all. Raises UsageError."""
    from kt.rules.sweep_space import grid_size

    if method != "grid":
        return given or DEFAULT_TRIALS
    if given is not None:
        raise UsageError("a grid tries every set", hint="--trials is for random and tpe.")
    for axis in axes:
        if not axis.values:
            raise UsageError(
                f"--over {axis.key}: a grid needs a step in this range",
                hint=f"As in {axis.key}={axis.low:g}:{axis.high:g}:0.5, or --method random.",
            )
    if grid_size(axes) > MOST_SETS:
        raise UsageError(
            f"this grid has {grid_size(axes):,} sets, more than {MOST_SETS:,}",
            hint="Use --method random or tpe with --trials.",
        )
    return 0


def windows_of(
    days: tuple[date, ...], train: int | None, test: int | None
) -> tuple[DayWindow, ...]:
    """The windows. Without --train and --test the last fifth of the days is the test. Raises
    UsageError."""
    from kt.rules.sweep_space import held_back, windows

    if train is None:
        test = held_back(len(days)) if test is None else test
        train = len(days) - test
    found = windows(days, train, test or 0) if train > 0 else ()
    if not found:
        raise UsageError(
            f"{len(days)} days are fewer than --train {train} and --test {test or 0} need",
            hint="Give more --days.",
        )
    return found


def seeds_of(text: str, usual: int) -> tuple[int, ...]:
    """`7`, `7,8,9` or `1..5`. Raises UsageError."""
    from kt.rules.sweep_space import parse_axis

    if not text:
        return (usual,)
    try:
        seeds = tuple(int(value) for value in parse_axis(f"seeds={text}").values)
    except (UsageError, ValueError):
        seeds = ()
    if not seeds or len(seeds) > MOST_SEEDS or not all(0 <= one <= MOST_SEED for one in seeds):
        raise UsageError(
            f"--seeds {text}: these are not up to {MOST_SEEDS} whole numbers",
            hint="As in --seeds 7, --seeds 7,8,9 or --seeds 1..5",
        )
    return seeds


def configured_by(
    file: str, environ: Mapping[str, str], settings: Sequence[str], capital: int | None
) -> Configured:
    """The configurations of the sets: the file, which is read once, then --set, then the set.
    Raises ConfigError for a file that cannot be read."""
    from msgspec.structs import replace

    from kt.config.file import read_yaml
    from kt.config.load import build_config, find_config
    from kt.config.model import Notify

    found = find_config(file or None, environ)
    data = read_yaml(found) if found else {}
    where = str(found) if found else "configuration"

    def configured(chosen: Mapping[str, str]) -> Config:
        pairs = (*settings, *(f"{key}={value}" for key, value in chosen.items()))
        overrides: dict[str, Any] = {**settings_of(pairs), "profile": "sim"}
        overrides.setdefault("analyst", {}).update(kind="rules", shadow="")
        if capital is not None:
            overrides.setdefault("simulator", {})["cash"] = capital
        return replace(build_config(data, environ, overrides, where), notify=Notify())

    return configured

"""What a sweep searches, by what, and over which days: the same for every process of a study."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from kt import __version__
from kt.config.model import Config
from kt.errors import ConfigError
from kt.rules.sweep_space import Axis, DayWindow, Objective, grid_size

Method = Literal["grid", "random", "tpe"]
Configured = Callable[[Mapping[str, str]], Config]
"""The complete configuration of a set; raises ConfigError for an invalid one."""
PERSONAL = ("state_dir", "notify", "language", "hints", "gain_colors")
"""Sections of the configuration that may differ between the machines of one study."""


class Place(NamedTuple):
    """A trial's place in the sweep: its window, and its number within it from 0."""

    window: int
    number: int


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """The keys to vary, the windows of days, and how sets are found and compared."""

    configured: Configured
    axes: tuple[Axis, ...]
    windows: tuple[DayWindow, ...]
    seeds: tuple[int, ...]
    method: Method = "grid"
    objective: Objective = "return"
    trials: int = 0
    """Of a window; of no meaning for a grid, which has all."""
    batch: int = 8
    """tpe: how many sets are proposed before the results of any of them are known."""
    data: Path | None = None
    """Minute bars in place of the seeded market."""
    data_digest: str = ""
    """What these bars are, wherever they are kept."""

    @property
    def per_window(self) -> int:
        """The number of trials in each window."""
        return grid_size(self.axes) if self.method == "grid" else self.trials

    @property
    def size(self) -> int:
        """The number of all trials."""
        return self.per_window * len(self.windows)

    @property
    def sampler_seed(self) -> int:
        return self.seeds[0]

    def identity(self) -> dict[str, Any]:
        """What decides the results, by name, as plain values: equal for all processes of a
        study."""
        import optuna

        base = msgspec.to_builtins(self.configured({}))
        sampler = {} if self.method == "grid" else {"Optuna": optuna.__version__}
        adaptive = {"batch": self.batch} if self.method == "tpe" else {}
        given = {
            "version": __version__,
            "configuration": {key: base[key] for key in base if key not in PERSONAL},
            "keys": self.axes,
            "windows": [window.days for window in self.windows],
            "test days": [len(window.test) for window in self.windows],
            "seeds": self.seeds,
            "method": self.method,
            "objective": self.objective,
            "trials": self.per_window,
            **({"data": self.data_digest} if self.data else {}),
            **sampler,
            **adaptive,
        }
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(given))
        return plain

    def default_name(self) -> str:
        """A study name that the same command gets again."""
        text = msgspec.json.encode(self.identity(), order="deterministic")
        return f"sweep-{hashlib.sha256(text).hexdigest()[:10]}"

    def check(self) -> None:
        """Raise ConfigError for a key or a value that no set can use. Values that are invalid only
        together fail in their trial."""
        self.configured({})
        for axis in self.axes:
            for value in axis.ends:
                try:
                    self.configured({axis.key: value})
                except ConfigError:
                    if len(self.axes) == 1:
                        raise
                    self._alone(axis, value)

    def _alone(self, axis: Axis, value: str) -> None:
        """Raise ConfigError unless the value is valid beside some end of the other axes."""
        others = [other for other in self.axes if other is not axis]
        for pick in (0, -1):
            try:
                self.configured({axis.key: value} | {o.key: o.ends[pick] for o in others})
            except ConfigError as error:
                failure = error
            else:
                return
        raise failure

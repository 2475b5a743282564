"""The settings of an exchange, also passed to its detached process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kt.config.fields import TimeOfDay
from kt.config.model import Simulator
from kt.paths import SIM


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`state_dir` is the root of kt's state; without one nothing is saved. Port 0: any free port.

    `day` (YYYY-MM-DD) and `open_at` are the initial clock time of a new state. `rate` is requests
    per second (0: no limits). `idle_minutes` and `ping_seconds` are real time; with 0 idle
    minutes the exchange never stops automatically.
    """

    state_dir: Path | None = None
    port: Annotated[int, Meta(ge=0, le=65535)] = 0
    seed: Annotated[int, Meta(ge=0)] = 1
    signals: bool = True
    speed: Annotated[float, Meta(gt=0)] = 1.0
    open_at: TimeOfDay = "10:00"
    day: str = ""
    faults: Path | None = None
    replay: Path | None = None
    cash: Annotated[int, Meta(gt=0)] = 10_000_000
    costs: Literal["real", "mock"] = "real"
    rate: Annotated[float, Meta(ge=0)] = 5.0
    app_key: str = ""
    secret_key: str = ""
    idle_minutes: Annotated[float, Meta(ge=0)] = 0
    ping_seconds: Annotated[float, Meta(gt=0)] = 10.0

    @property
    def folder(self) -> Path | None:
        """The exchange's state folder."""
        return self.state_dir / SIM if self.state_dir else None


def from_simulator(simulator: Simulator, state_dir: Path) -> Settings:
    """The settings with which `kt` starts it automatically, from the configuration."""
    return Settings(
        state_dir=state_dir,
        seed=simulator.seed,
        signals=simulator.signals,
        speed=simulator.speed,
        cash=simulator.cash,
        costs=simulator.costs,
        idle_minutes=simulator.idle_minutes,
    )

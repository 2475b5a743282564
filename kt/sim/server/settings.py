"""What an exchange is started with; also what its detached process is told on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kt.config.model import Simulator, TimeOfDay
from kt.paths import SIM


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`state_dir` is the root of kt's state; without one nothing is kept. Port 0 is any free one.

    `day` (YYYY-MM-DD) and `open_at` are where the clock of a fresh state begins. `rate` is
    requests a second (0: no limits). `idle_minutes` and `ping_seconds` are real time; 0 idle
    minutes means that the exchange never stops by itself.
    """

    state_dir: Path | None = None
    port: Annotated[int, Meta(ge=0, le=65535)] = 0
    seed: Annotated[int, Meta(ge=0)] = 1
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
        """Where the exchange keeps what must survive."""
        return self.state_dir / SIM if self.state_dir else None


def from_simulator(simulator: Simulator, state_dir: Path) -> Settings:
    """What `kt` starts by itself, as the configuration says."""
    return Settings(
        state_dir=state_dir,
        seed=simulator.seed,
        speed=simulator.speed,
        cash=simulator.cash,
        costs=simulator.costs,
        idle_minutes=simulator.idle_minutes,
    )

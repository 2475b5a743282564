"""The real exchange, served on a free loopback port from a thread of the test's process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kt.clock import ScaledClock
from kt.sim.control import Control
from kt.sim.discovery import ws_url
from kt.sim.exchange import Exchange
from kt.sim.faults import parse_faults
from kt.sim.server import serving
from kt.sim.server.context import ServerContext
from kt.sim.server.settings import Settings
from kt.sim.server.startup import open_context

TRADING_DAY = "2026-11-23"
"""A Monday with ordinary hours, whatever the day of the test is."""


@dataclass(frozen=True)
class Served:
    """A running exchange. `exchange` may be called from the test's thread; it locks itself."""

    base_url: str
    ws_url: str
    exchange: Exchange
    clock: ScaledClock
    context: ServerContext

    @property
    def control(self) -> Control:
        """What the user of the exchange's state folder may do with it."""
        return Control(self.base_url, self.context.control_key)

    def set_faults(self, rules: Sequence[dict[str, Any]]) -> None:
        """Replace the faults in force."""
        self.context.faults.replace(parse_faults({"rules": list(rules)}, "test"))


@contextlib.contextmanager
def serve(
    *,
    seed: int = 1,
    speed: float = 1.0,
    open_at: str = "10:00",
    day: str = TRADING_DAY,
    faults: Sequence[dict[str, Any]] | None = None,
    state_dir: Path | None = None,
    cash: int = 10_000_000,
    costs: Literal["real", "mock"] = "real",
    rate: float = 0.0,
    app_key: str = "",
    secret_key: str = "",
    ping_seconds: float = 10.0,
    replay: Path | None = None,
    port: int = 0,
) -> Iterator[Served]:
    """`with serve(speed=60) as served:` — no rate limits unless `rate` is given."""
    settings = Settings(
        state_dir=state_dir, port=port, seed=seed, speed=speed, open_at=open_at, day=day,
        cash=cash, costs=costs, rate=rate, app_key=app_key, secret_key=secret_key,
        ping_seconds=ping_seconds, replay=replay,
    )  # fmt: skip
    with contextlib.ExitStack() as stack:
        listening = serving.listen(port)
        stack.callback(listening.close)
        context = stack.enter_context(open_context(settings))
        context.faults.replace(parse_faults({"rules": list(faults or [])}, "test"))
        ready = threading.Event()
        server = serving.server(context, ready.set)
        failed: list[BaseException] = []

        def work() -> None:
            try:
                asyncio.run(serving.serve(context, listening, server))
            except BaseException as error:  # noqa: BLE001 — shown by the test
                failed.append(error)
            finally:
                ready.set()

        thread = threading.Thread(target=work, name="exchange", daemon=True)
        thread.start()
        ready.wait(20)
        base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            yield Served(base_url, ws_url(base_url), context.exchange, context.clock, context)
        finally:
            server.should_exit = True
            thread.join(20)
        if failed:
            raise failed[0]

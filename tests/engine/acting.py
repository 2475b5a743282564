"""A trading day driven by a script of timed actions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kt.config.model import Config
from kt.engine.day import Day
from kt.engine.state import DayReport
from kt.records import KST, Side, StreamState, Tick
from kt.steps.context import Context
from kt.steps.orders import place
from kt.steps.reconcile.order_tracking import on_notice
from kt.steps.risk import check
from tests import fakes
from tests.fakes import SAMSUNG, FakeStream, PumpedClock, World

MONDAY = datetime(2026, 11, 23, tzinfo=KST)


def at(clock: str, day: int = 0) -> datetime:
    hour, minute, *second = (int(part) for part in clock.split(":"))
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute, seconds=sum(second))


class Stage:
    """A day over fakes. `act` schedules an action; `play` runs until a time and then stops."""

    def __init__(
        self, folder: Path, config: Config | None = None, start: str = "10:00", **options: Any
    ) -> None:
        self.clock = PumpedClock(at(start))
        self.clock.listeners.append(self._tick)
        self.world = World(folder, config, clock=self.clock)
        self.streams: list[FakeStream] = []
        self.refuse: Exception | None = None
        self.lines: list[str] = []
        self.acts: list[tuple[datetime, Callable[[], object]]] = []
        self.day = Day(self.world.ctx, self._stream, announce=self.lines.append, **options)

    @property
    def ctx(self) -> Context:
        return self.world.ctx

    @property
    def stream(self) -> FakeStream:
        return self.streams[-1]

    def _stream(self) -> FakeStream:
        self.streams.append(FakeStream(self.refuse))
        return self.streams[-1]

    def _tick(self) -> None:
        while self.acts and self.acts[0][0] <= self.clock.now():
            self.acts.pop(0)[1]()

    def act(self, when: str, what: Callable[[], object], day: int = 0) -> None:
        self.acts.append((at(when, day), what))
        self.acts.sort(key=lambda act: act[0])

    def play(self, until: str, day: int = 0) -> DayReport:
        self.act(until, self.day.stop, day)
        return self.day.run()

    # what may happen

    def tick(self, price: int, code: str = SAMSUNG) -> None:
        self.stream.say(
            Tick(
                stock_code=code,
                price=price,
                quantity=1,
                side=Side.BUY,
                volume=1,
                change_pct=0.0,
                at=self.clock.now(),
                received_at=self.clock.now(),
            )
        )

    def state(self, state: str) -> None:
        self.stream.say(StreamState(state=state, at=self.clock.now(), detail="test"))

    def hold(self, quantity: int = 10, price: int = 70_000) -> None:
        """A position of kt's own, bought before the day begins."""
        ticket = fakes.ticket(quantity=quantity, price=price)
        checked = check.check_order(self.ctx, fakes.wanted(ticket))
        order = place.place(self.ctx, checked)
        on_notice(self.ctx, self.world.broker.fill(order.ord_no, quantity, price))
        self.world.broker.sent.clear()

    def fill_all(self) -> None:
        """Every open order trades at its price, or at the market's."""
        for number, row in list(self.world.broker.rows.items()):
            if row.open_quantity:
                price = row.price or self.world.market.prices[row.stock_code]
                self.stream.say(self.world.broker.fill(number, row.open_quantity, price))

    def close(self) -> None:
        self.world.close()


Make = Callable[..., Stage]
"""A stage by its configuration, its time of day and the day's options; closed after the test."""

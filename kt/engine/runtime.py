"""What every part of the trading day works with: built once by `Day`, and handed down."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from kt.engine.announcer import Announcer
from kt.engine.feed import Feed
from kt.engine.state import DayReport, DayState
from kt.engine.timers import Timers
from kt.engine.watchdog import Watchdog
from kt.engine.workers import Answered, Workers
from kt.errors import ExitCode
from kt.records import OPEN_STATES, Order, Origin, StreamEvent
from kt.steps.context import Context


@dataclass(frozen=True, slots=True)
class Todo:
    """Work for the decision thread, one piece at a time: events that arrive during one piece are
    handled before the next, so that a stop-loss does not wait for a batch of orders."""

    works: tuple[Callable[[], object], ...]


Event = StreamEvent | Answered | Todo
"""What the day's queue carries; None wakes the loop up."""


@dataclass(frozen=True)
class Runtime:
    """The day's memory, its queue and timers, and what works beside it. Only the decision
    thread uses it; a worker gets what it needs as arguments."""

    ctx: Context
    events: queue.SimpleQueue[Event | None]
    workers: Workers
    feed: Feed
    announcer: Announcer
    watchdog: Watchdog
    until_close: bool = False
    """The run ends when the day is settled and idle."""
    state: DayState = field(default_factory=DayState)
    timers: Timers = field(default_factory=Timers)
    report: DayReport = field(default_factory=DayReport)

    @property
    def seconds(self) -> float:
        """The clock's monotonic seconds."""
        return self.ctx.clock.monotonic()

    def say(self, line: str) -> None:
        self.announcer.say(line)

    def tell(self, order: Order) -> None:
        """What is new about it, by the journal: since an answer came the stream may have told
        more."""
        self.announcer.order(self.ctx.journal.order(order.order_id) or order)

    def booked(self, orders: Iterable[Order]) -> None:
        """These orders have changed in the journal."""
        self.state.refresh(self.ctx)
        for order in orders:
            self.tell(order)

    def open_orders(self) -> tuple[Order, ...]:
        """Today's own ones."""
        today = self.ctx.clock.now().date()
        ours = self.ctx.journal.orders(day=today, states=OPEN_STATES)
        return tuple(order for order in ours if order.origin is not Origin.EXTERNAL)

    def one_by_one(self, works: Iterable[Callable[[], object]]) -> None:
        """Do these here, each after what happened while the one before it was done."""
        todo = tuple(works)
        if todo:
            self.events.put(Todo(todo))

    def end(self, reason: str, code: ExitCode = ExitCode.DONE) -> None:
        """The run is over after this event."""
        if not self.state.ended:
            self.state.ended = reason
            self.state.exit_code = code
            self.say(reason)

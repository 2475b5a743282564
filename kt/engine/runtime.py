"""What the parts of the trading day share: built once by `Day` and passed to every function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from kt.engine.announcer import Announcer
from kt.engine.feed import Feed
from kt.engine.state import DayReport, DayState
from kt.engine.timers import Timers
from kt.engine.watchdog import Watchdog
from kt.engine.workers import Answered, Workers
from kt.errors import ExitCode
from kt.ports.concurrency import Mailbox
from kt.records import OPEN_STATES, Order, Origin, StreamEvent
from kt.steps.context import Context


@dataclass(frozen=True, slots=True)
class WorkBatch:
    """Work for the decision thread, one piece at a time: events that arrive during one piece are
    handled before the next, so that a stop-loss does not wait for a batch of orders."""

    works: tuple[Callable[[], object], ...]


Event = StreamEvent | Answered | WorkBatch
"""What the day's queue carries; None wakes the loop up."""


@dataclass(frozen=True)
class Runtime:
    """The day's state, its queue, timers and workers. Only the decision thread uses it; jobs on
    workers get what they need as arguments."""

    ctx: Context
    events: Mailbox[Event | None]
    workers: Workers
    feed: Feed
    announcer: Announcer
    watchdog: Watchdog
    until_close: bool = False
    """The run ends when the day is settled, instead of waiting for the next trading day."""
    publish: Callable[[str], None] | None = None
    """Takes the day's figures for monitors; never raises."""
    state: DayState = field(default_factory=DayState)
    timers: Timers = field(default_factory=Timers)
    report: DayReport = field(default_factory=DayReport)

    @property
    def seconds(self) -> float:
        """The clock's monotonic seconds."""
        return self.ctx.clock.monotonic()

    def say(self, line: str) -> None:
        self.announcer.say(line)

    def announce_order(self, order: Order) -> None:
        """Announce what changed in an order, from the journal: since an answer arrived the stream
        may have added to it."""
        self.announcer.order(self.ctx.journal.order(order.order_id) or order)

    def orders_changed(self, orders: Iterable[Order]) -> None:
        """These orders were changed in the journal: reload the positions and announce them."""
        self.state.refresh(self.ctx)
        for order in orders:
            self.announce_order(order)

    def open_orders(self) -> tuple[Order, ...]:
        """Today's open orders that kt placed."""
        today = self.ctx.clock.now().date()
        ours = self.ctx.journal.orders(day=today, states=OPEN_STATES)
        return tuple(order for order in ours if order.origin is not Origin.EXTERNAL)

    def queue_work(self, works: Iterable[Callable[[], object]]) -> None:
        """Run these on the decision thread one by one; events that arrive meanwhile go in
        between."""
        todo = tuple(works)
        if todo:
            self.events.put(WorkBatch(todo))

    def end(self, reason: str, code: ExitCode = ExitCode.DONE) -> None:
        """End the run after this event."""
        if not self.state.ended:
            self.state.ended = reason
            self.state.exit_code = code
            self.say(reason)

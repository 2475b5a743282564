"""The third stop: take back what is open, sell all that is held at market, then halt.

It goes to the end. It waits out a broker that cannot be reached, and a stock that refuses keeps
no other from being sold. It can be repeated at any time, after a crash too: it starts from what
is held now, never from what it did before. Until nothing is held the stop stays `flatten`, so
that `kt run` goes on with it, also on the next day.
"""

from __future__ import annotations

import queue
from dataclasses import dataclass

from kt.errors import AuthError, Denied, JournalError, KtError
from kt.ports.patience import within
from kt.records import (
    OPEN_STATES,
    UNRESOLVED_STATES,
    Order,
    OrderIntent,
    OrderState,
    OrderType,
    Origin,
    Side,
    Stop,
    StopMode,
    StreamEvent,
)
from kt.rules import trading_phases
from kt.steps.context import Context
from kt.steps.fan_out import note_error
from kt.steps.notices import notify
from kt.steps.orders import place
from kt.steps.reconcile import order_tracking, position_reconciliation, startup
from kt.steps.results import Flattened
from kt.steps.risk import check, stops

BEARABLE = 0.3
"""The part of the book's whole bid side that one piece may take."""
ROUNDS = 40
"""Pieces follow one another at most so often in one pass."""
FOLLOW = 15.0
"""Seconds to wait for one round's fills."""
LOOKS = 3
PAUSE = 1.5
LOOK = 2.0
"""Real seconds that a piece waits for the book of its stock."""
OFFLINE, LONGEST_OFFLINE = 1.0, 15.0
"""Seconds between two tries at a broker that cannot be reached: doubled up to the longest."""
REFUSED, LONGEST_REFUSED = 5.0, 300.0
"""Seconds between two tries at stocks that refuse."""
TAKE_OVER = 120.0
"""Seconds after which a flatten that has not ended is taken to have lost its process. Joining one
that is alive after all does no harm: both sell no more than what the broker says is left."""


def flatten(
    ctx: Context,
    reason: str,
    by: str = "owner",
    events: queue.Queue[StreamEvent] | None = None,
    *,
    patient: bool = False,
) -> Flattened:
    """Cancel, sell, follow to the end, halt. A dead connection is waited out.

    What refuses to be sold is tried again until the market closes when `patient`, and otherwise
    named; the stop stays `flatten` then. Raises AuthError, and JournalError when nothing can be
    written down.
    """
    stops.begin_flatten(ctx, reason, by)
    work = _Flattening(ctx, events if events is not None else queue.Queue())
    work.to_the_end(patient)
    report = work.report()
    if report.done and work.ours():
        stops.halt(ctx, f"after flatten: {reason}", by)
    elif not report.done:
        notify(ctx, "critical", "kt: flatten left something", "; ".join(report.left))
    return report


EMERGENCY = "emergency"
"""Who sets a stop by `emergency.action`."""


def abandoned(ctx: Context, stop: Stop) -> bool:
    """Whether this stop is a flatten that a `kt run` must bring to its end. One that an earlier
    run's emergency began is this run's at once, for only one run works at a time."""
    if stop.mode is not StopMode.FLATTEN:
        return False
    return stop.by == EMERGENCY or (ctx.clock.now() - stop.at).total_seconds() >= TAKE_OVER


@dataclass(frozen=True, slots=True)
class _Held:
    """Shares of one stock that could be sold now, of all that are held."""

    stock_code: str
    stock_name: str
    quantity: int
    sellable: int


class _Flattening:
    """One flatten: what was cancelled and sold, and by stock why something is left."""

    def __init__(self, ctx: Context, events: queue.Queue[StreamEvent]) -> None:
        self.ctx = ctx
        self.events = events
        self.cancelled: dict[str, Order] = {}
        self.sold: dict[str, Order] = {}
        self.left: dict[str, str] = {}
        self.blocked: set[str] = set()
        self.told: set[str] = set()

    def to_the_end(self, patient: bool) -> None:
        """Pass after pass until nothing is left, the owner decided otherwise, or only a person
        can go on."""
        refused = REFUSED
        while True:
            self.reach_the_broker()
            if not self.left or not self.ours():
                return
            if not patient or not self._market_open():
                return
            self._tell_left()
            self.ctx.clock.sleep(refused)
            refused = min(LONGEST_REFUSED, refused * 2)

    def reach_the_broker(self) -> None:
        """One pass that was not cut short by the connection."""
        pause = OFFLINE
        while True:
            self.left.clear()
            try:
                self.one_pass()
                return
            except (AuthError, JournalError):
                raise
            except KtError as failure:
                note_error(self.ctx, "flatten", failure)
                if pause == OFFLINE:
                    self._tell_waiting(failure)
                if not self.ours():
                    self.left[""] = f"given up: {stops.current(self.ctx).mode}"
                    return
            self.ctx.clock.sleep(pause)
            pause = min(LONGEST_OFFLINE, pause * 2)

    def ours(self) -> bool:
        """Whether flatten is still what is wanted: a person may have halted meanwhile."""
        return stops.current(self.ctx).mode is StopMode.FLATTEN

    def _market_open(self) -> bool:
        return trading_phases.may_order(self.ctx.clock.now(), self.ctx.config.session)

    def _tell_left(self) -> None:
        """What is tried again and again is told once: the end of this may be hours away."""
        if self.left.keys() <= self.told:
            return
        self.told |= self.left.keys()
        notify(
            self.ctx,
            "critical",
            "kt: flatten goes on",
            f"not sold yet: {'; '.join(self._named())}. It is tried again, less and less often, "
            "until the market closes.",
        )

    def _named(self) -> tuple[str, ...]:
        return tuple(f"{code}: {why}" if code else why for code, why in self.left.items())

    def _tell_waiting(self, failure: KtError) -> None:
        notify(
            self.ctx,
            "critical",
            "kt: flatten waits for the broker",
            f"{failure}. It goes on by itself as soon as the broker answers.",
        )

    def one_pass(self) -> None:
        """The sells first, because the price does not wait; then what became of what."""
        self.take_back()
        self.sell_all()
        startup.reconcile(self.ctx, urgent=True)
        self.take_back()
        self.unblock()
        self.sell_all()
        self.look_again()

    def unblock(self) -> None:
        """What stood in the way of a sell may be settled by now: one that was not found may be
        tried once more, and so may one beside an order that another process left behind."""
        for order in self.sold.values():
            now = self.ctx.journal.order(order.order_id)
            if order.state is OrderState.UNKNOWN and now is not None and now.state != order.state:
                self.blocked.add(order.stock_code)
        for code in self.blocked:
            self.left.pop(code, None)
        self.blocked.clear()

    def take_back(self) -> None:
        """A sell at market is on its way out: it keeps its place in the queue."""
        for order in self.open_orders():
            if order.side is Side.BUY or order.order_type is OrderType.LIMIT:
                self.cancelled[order.order_id] = self.cancel(order)

    def open_orders(self) -> tuple[Order, ...]:
        """Those that are not somebody else's. Limit sells are taken back too: their shares could
        not be sold at market otherwise."""
        return tuple(
            order
            for order in order_tracking.still_open(self.ctx)
            if order.origin is not Origin.EXTERNAL
        )

    def cancel(self, order: Order) -> Order:
        try:
            return place.cancel(self.ctx, order).order
        except Denied as denied:  # it has just ended
            note_error(self.ctx, "flatten.cancel", denied)
            return self.ctx.journal.order(order.order_id) or order

    def sell_all(self) -> None:
        """Round after round of one piece a stock, each followed to its end."""
        for _ in range(ROUNDS):
            pieces = self.sell_round()
            if not pieces:
                return
            for order in order_tracking.follow(self.ctx, pieces, self.events, FOLLOW):
                ended = self.cancel(order) if order.state in OPEN_STATES else order
                self.sold[order.order_id] = ended

    def to_sell(self) -> tuple[_Held, ...]:
        """What is held; by the books alone while the broker is there and does not list it: one
        question that fails keeps nothing from being sold. It is asked again in the end."""
        try:
            with within(LOOK):
                return self.held()
        except (AuthError, JournalError):
            raise
        except KtError as failure:
            note_error(self.ctx, "flatten.holdings", failure)
        with within(LOOK):
            self.ctx.broker.open_orders()
        return self.with_the_books({})

    def held(self) -> tuple[_Held, ...]:
        """What the broker lists and what the books hold besides."""
        listed = {
            item.stock_code: _Held(item.stock_code, item.stock_name, item.quantity, item.sellable)
            for item in self.ctx.broker.holdings().items
            if item.quantity
        }
        return self.with_the_books(listed)

    def with_the_books(self, listed: dict[str, _Held]) -> tuple[_Held, ...]:
        """A list that lacks shares is not believed at once, and what is not there is the
        broker's to refuse."""
        moving = position_reconciliation.in_flight(self.ctx)
        for position in self.ctx.journal.positions():
            code = position.stock_code
            if code not in listed and code not in moving:
                shares = position.quantity
                listed[code] = _Held(code, position.stock_name, shares, shares)
        return tuple(listed.values())

    def sell_round(self) -> list[Order]:
        """One piece of every stock that can be sold; a refusal is kept and not tried again in
        this pass."""
        pieces = []
        for held in self.to_sell():
            if held.sellable <= 0 or held.stock_code in self.left:
                continue
            order = self.sell_piece(held)
            if order is None:
                continue
            if order.state in OPEN_STATES or order.state is OrderState.FILLED:
                pieces.append(order)
                continue
            self.sold[order.order_id] = order
            why = f"{held.quantity} shares: {order.state} {order.code} {order.message}"
            self.left[held.stock_code] = why.rstrip()
        return pieces

    def sell_piece(self, held: _Held) -> Order | None:
        intent = OrderIntent(
            side=Side.SELL,
            stock_code=held.stock_code,
            stock_name=held.stock_name,
            quantity=_piece(self.ctx, held),
            order_type=OrderType.MARKET,
            price=0,
            origin=Origin.FLATTEN,
            reason="flatten",
        )
        try:
            return place.place(self.ctx, check.check_exit(self.ctx, intent, held.quantity))
        except Denied as denied:  # such as by another process that sells the same stock
            self.left[held.stock_code] = f"{held.quantity} shares: {denied}"
            self.blocked.add(held.stock_code)
            return None

    def look_again(self) -> None:
        """What is still held or open in the end; lists may lag behind the fills for a moment."""
        held: tuple[_Held, ...] = ()
        for _ in range(LOOKS):
            held = self.held()
            if all(one.stock_code in self.left for one in held):
                break
            self.ctx.clock.sleep(PAUSE)
            order_tracking.catch_up(self.ctx)
        still = {
            o.stock_code: f"{o.side} {o.ord_no} of {o.open_quantity} shares is {o.state}"
            for o in self.open_orders()
        }
        for one in held:
            why = f"{one.quantity} shares are held, {one.sellable} of them can be sold"
            still[one.stock_code] = self.left.get(one.stock_code, why)
        self.left = still

    def report(self) -> Flattened:
        found = (self.ctx.journal.order(order_id) for order_id in self.sold)
        sold = tuple(o for o in found if o and (o.ord_no or o.state in UNRESOLVED_STATES))
        return Flattened(
            cancelled=tuple(self.cancelled.values()),
            sold=sold,
            left=self._named(),
            done=not self.left,
        )


def _piece(ctx: Context, held: _Held) -> int:
    """No more than the book can bear; all of it when the book cannot be seen at once."""
    try:
        with within(LOOK):
            book = ctx.market.book(held.stock_code)
    except KtError as failure:
        note_error(ctx, "flatten.book", failure)
        return held.sellable
    if not book.total_bid:
        return held.sellable
    return min(held.sellable, max(1, int(book.total_bid * BEARABLE)))

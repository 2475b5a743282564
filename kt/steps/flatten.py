"""The third stop: take back what is open, sell all that is held at market, then halt.

It can be repeated at any time, after a crash too: it starts from what the broker holds, never
from what it did before.
"""

from __future__ import annotations

import queue

from kt.errors import Denied, KtError
from kt.records import (
    OPEN_STATES,
    UNRESOLVED_STATES,
    Holding,
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
from kt.steps import check, follow, place, reconcile, stops
from kt.steps.context import Context
from kt.steps.gather import note_error
from kt.steps.reports import Flattened

BEARABLE = 0.3
"""The part of the book's whole bid side that one piece may take."""
ROUNDS = 40
"""Pieces follow one another at most so often; what is left then is reported."""
FOLLOW = 15.0
"""Seconds to wait for one round's fills."""
LOOKS = 3
PAUSE = 1.5
TAKE_OVER = 120.0
"""Seconds after which a flatten that has not ended is taken to have lost its process. Joining one
that is alive after all does no harm: both sell no more than what the broker says is left."""


def flatten(
    ctx: Context,
    reason: str,
    by: str = "owner",
    events: queue.Queue[StreamEvent] | None = None,
) -> Flattened:
    """Cancel, sell, follow to the end, halt. What could not be sold is named, and kt is halted
    all the same. Raises JournalError when even that cannot be kept; the flag file halts then."""
    stops.begin_flatten(ctx, reason, by)
    work = _Flattening(ctx, events if events is not None else queue.Queue())
    try:
        work.run()
    except KtError as failure:
        note_error(ctx, "flatten", failure)
        work.left.setdefault("", f"flatten ended early: {failure}")
    stops.halt(ctx, f"after flatten: {reason}", by)
    report = work.report()
    if report.left:
        stops.tell(ctx, "critical", "kt: flatten left something", "; ".join(report.left))
    return report


def abandoned(ctx: Context, stop: Stop) -> bool:
    """Whether this stop is a flatten that somebody must bring to its end."""
    age = (ctx.clock.now() - stop.at).total_seconds()
    return stop.mode is StopMode.FLATTEN and age >= TAKE_OVER


class _Flattening:
    """One flatten: what was cancelled and sold, and by stock why something is left."""

    def __init__(self, ctx: Context, events: queue.Queue[StreamEvent]) -> None:
        self.ctx = ctx
        self.events = events
        self.cancelled: dict[str, Order] = {}
        self.sold: dict[str, Order] = {}
        self.left: dict[str, str] = {}

    def run(self) -> None:
        self.round()
        unknown = {o.stock_code for o in self.sold.values() if o.state is OrderState.UNKNOWN}
        if unknown or self.open_orders():
            # What is not found at the broker may be tried once more: it sells no share twice,
            # and takes back no order twice.
            for code in unknown:
                self.left.pop(code, None)
            self.round()
        self.look_again()

    def round(self) -> None:
        """What stands is known, taken back, and what is held is sold."""
        reconcile.reconcile(self.ctx, urgent=True)
        for order in self.open_orders():
            self.cancelled[order.order_id] = self.cancel(order)
        self.sell_all()

    def open_orders(self) -> tuple[Order, ...]:
        """Open buys, and open sells too: their shares could not be sold at market otherwise."""
        return tuple(
            order for order in follow.still_open(self.ctx) if order.origin is not Origin.EXTERNAL
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
            for order in follow.follow(self.ctx, pieces, self.events, FOLLOW):
                ended = self.cancel(order) if order.state in OPEN_STATES else order
                self.sold[order.order_id] = ended

    def sell_round(self) -> list[Order]:
        """One piece of every stock that can be sold; a refusal is kept and not tried again."""
        pieces = []
        for held in self.ctx.broker.holdings().items:
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

    def sell_piece(self, held: Holding) -> Order | None:
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
        checked = check.check_order(self.ctx, intent)
        try:
            return place.place(self.ctx, checked)
        except Denied as denied:  # such as by another process that sells the same stock
            self.left[held.stock_code] = f"{held.quantity} shares: {denied}"
            return None

    def look_again(self) -> None:
        """What is still held or open in the end; lists may lag behind the fills for a moment."""
        held: tuple[Holding, ...] = ()
        for _ in range(LOOKS):
            held = tuple(h for h in self.ctx.broker.holdings().items if h.quantity)
            if all(h.stock_code in self.left for h in held):
                break
            self.ctx.clock.sleep(PAUSE)
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
            left=tuple(f"{code}: {why}" if code else why for code, why in self.left.items()),
            done=not self.left,
        )


def _piece(ctx: Context, held: Holding) -> int:
    """No more than the book can bear; all of it when the book cannot be seen."""
    try:
        book = ctx.market.book(held.stock_code)
    except KtError as failure:
        note_error(ctx, "flatten.book", failure)
        return held.sellable
    if not book.total_bid:
        return held.sellable
    return min(held.sellable, max(1, int(book.total_bid * BEARABLE)))

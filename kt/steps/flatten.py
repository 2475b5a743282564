"""The third stop: take back what is open, sell all that is held at market, then halt.

It can be repeated at any time, after a crash too: it starts from what the broker holds, never
from what it did before.
"""

from __future__ import annotations

import queue

from kt.errors import Denied, KtError
from kt.records import (
    OPEN_STATES,
    Holding,
    Order,
    OrderState,
    OrderTicket,
    OrderType,
    Origin,
    Side,
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


class _Flattening:
    """One flatten: what was cancelled and sold, and by stock why something is left."""

    def __init__(self, ctx: Context, events: queue.Queue[StreamEvent]) -> None:
        self.ctx = ctx
        self.events = events
        self.cancelled: tuple[Order, ...] = ()
        self.sold: dict[str, Order] = {}
        self.left: dict[str, str] = {}

    def run(self) -> None:
        reconcile.reconcile(self.ctx, urgent=True)
        self.cancelled = tuple(self.cancel(order) for order in self.open_orders())
        self.sell_all()
        unknown = {o.stock_code for o in self.sold.values() if o.state is OrderState.UNKNOWN}
        if unknown:
            # What is not found at the broker may be tried once more: it sells no share twice.
            reconcile.reconcile(self.ctx, urgent=True)
            for code in unknown:
                self.left.pop(code, None)
            self.sell_all()
        self.look_again()

    def open_orders(self) -> tuple[Order, ...]:
        """Open buys, and open sells too: their shares could not be sold at market otherwise."""
        return tuple(
            order for order in follow.still_open(self.ctx) if order.origin is not Origin.EXTERNAL
        )

    def cancel(self, order: Order) -> Order:
        try:
            return place.cancel(self.ctx, order).order
        except Denied as denied:
            self.left[order.stock_code] = f"its open order stands: {denied}"
            return order

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
        ticket = OrderTicket(
            side=Side.SELL,
            stock_code=held.stock_code,
            quantity=_piece(self.ctx, held),
            order_type=OrderType.MARKET,
            price=0,
        )
        checked = check.check_order(
            self.ctx, ticket, Origin.FLATTEN, reason="flatten", stock_name=held.stock_name
        )
        try:
            return place.place(self.ctx, checked, origin=Origin.FLATTEN)
        except Denied as denied:
            self.left[held.stock_code] = f"{held.quantity} shares: {denied}"
            return None

    def look_again(self) -> None:
        """What is still held in the end; lists may lag behind the fills for a moment."""
        held: tuple[Holding, ...] = ()
        for _ in range(LOOKS):
            held = tuple(h for h in self.ctx.broker.holdings().items if h.quantity)
            if all(h.stock_code in self.left for h in held):
                break
            self.ctx.clock.sleep(PAUSE)
        for one in held:
            why = f"{one.quantity} shares are held, {one.sellable} of them can be sold"
            self.left.setdefault(one.stock_code, why)

    def report(self) -> Flattened:
        return Flattened(
            cancelled=self.cancelled,
            sold=tuple(o for o in self.sold.values() if o.ord_no),
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

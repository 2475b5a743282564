"""The third stop: take back what is open, sell all that is held at market, then halt.

It can be repeated at any time, after a crash too: it starts from what the broker holds, never
from what it did before.
"""

from __future__ import annotations

import queue

from kt.errors import Denied, KtError
from kt.records import (
    FINAL_STATES,
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


def flatten(
    ctx: Context,
    reason: str,
    by: str = "owner",
    events: queue.Queue[StreamEvent] | None = None,
) -> Flattened:
    """Cancel, sell, follow to the end, halt. What could not be sold is named, and kt is halted
    all the same. Raises what makes it impossible even to begin (AuthError, JournalError)."""
    stops.begin_flatten(ctx, reason, by)
    heard: queue.Queue[StreamEvent] = events if events is not None else queue.Queue()
    left: dict[str, str] = {}
    cancelled: tuple[Order, ...] = ()
    sold: dict[str, Order] = {}
    try:
        reconcile.reconcile(ctx)
        cancelled = _cancel_all(ctx, left)
        for _ in range(ROUNDS):
            pieces = _sell_round(ctx, left)
            if not pieces:
                break
            for order in follow.follow(ctx, pieces, heard, FOLLOW):
                sold[order.order_id] = order
                if order.state not in FINAL_STATES and order.state in OPEN_STATES:
                    sold[order.order_id] = _try_cancel(ctx, order, left)
    except KtError as failure:
        note_error(ctx, "flatten", failure)
        left.setdefault("", f"flatten ended early: {failure}")
    stops.halt(ctx, f"after flatten: {reason}", by)
    report = Flattened(
        cancelled=cancelled,
        sold=tuple(sold.values()),
        left=tuple(f"{code}: {why}".lstrip(": ") for code, why in left.items()),
        done=not left,
    )
    if left:
        stops.tell(ctx, "critical", "kt: flatten left something", "; ".join(report.left))
    return report


def _cancel_all(ctx: Context, left: dict[str, str]) -> tuple[Order, ...]:
    """Open buys, and open sells too: their shares could not be sold at market otherwise."""
    ours = ctx.journal.orders(day=ctx.clock.now().date(), states=OPEN_STATES)
    return tuple(
        _try_cancel(ctx, order, left) for order in ours if order.origin is not Origin.EXTERNAL
    )


def _try_cancel(ctx: Context, order: Order, left: dict[str, str]) -> Order:
    try:
        return place.cancel(ctx, order)
    except Denied as denied:
        left[order.stock_code] = f"its open order stands: {denied}"
        return order


def _sell_round(ctx: Context, left: dict[str, str]) -> list[Order]:
    """One piece of every stock that can be sold; a refusal is kept and not tried again."""
    pieces = []
    for held in ctx.broker.holdings().items:
        if held.sellable <= 0 or held.stock_code in left:
            continue
        order = _sell_piece(ctx, held)
        if order.state in OPEN_STATES or order.state is OrderState.FILLED:
            pieces.append(order)
        else:
            left[held.stock_code] = (
                f"{held.quantity} shares: {order.state} {order.code} {order.message}".rstrip()
            )
    return pieces


def _sell_piece(ctx: Context, held: Holding) -> Order:
    ticket = OrderTicket(
        side=Side.SELL,
        stock_code=held.stock_code,
        quantity=_piece(ctx, held),
        order_type=OrderType.MARKET,
        price=0,
    )
    checked = check.check_order(ctx, ticket, Origin.FLATTEN)
    return place.place(ctx, checked, origin=Origin.FLATTEN)


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

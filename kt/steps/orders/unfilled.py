"""Orders of kt's own that stay open too long: amended to the market price, or cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from kt.errors import Denied, KtError
from kt.records import (
    CHANGING_STATES,
    OPEN_STATES,
    STOP_EXITS,
    Book,
    Order,
    OrderEventKind,
    OrderType,
    Origin,
    Side,
)
from kt.steps.context import Context
from kt.steps.fan_out import note_error
from kt.steps.orders import place
from kt.steps.risk import check


def unfilled(ctx: Context, books: Mapping[str, Book] | None = None) -> tuple[Order, ...]:
    """Amend or cancel the overdue orders; those that were changed.

    `books` are order books from the stream by stock code; without one the market is asked.
    """
    known = books or {}
    changed = (chase(ctx, order, known.get(order.stock_code)) for order in overdue(ctx))
    return tuple(order for order in changed if order is not None)


_LEFT_ALONE = frozenset({Origin.EXTERNAL, Origin.MANUAL, Origin.FLATTEN}) | STOP_EXITS
"""Origins whose orders are not changed: a price that a person entered is left to that person, and a
market stop keeps its time priority when there is no bid."""


def overdue(ctx: Context) -> tuple[Order, ...]:
    """The orders that are open longer than `orders.unfilled_after` and that kt may change."""
    listed = ctx.journal.orders(day=ctx.clock.now().date(), states=OPEN_STATES)
    return tuple(
        order for order in listed if order.origin not in _LEFT_ALONE and _too_old(ctx, order)
    )


def chase(ctx: Context, order: Order, book: Book | None = None) -> Order | None:
    """Amend one overdue order, or cancel it; None when it can no longer be changed, which is
    journaled."""
    try:
        price = _better_price(ctx, order, book)
        changed = place.amend(ctx, order, price=price) if price else place.cancel(ctx, order)
    except Denied as denied:
        note_error(ctx, "unfilled", denied)
        return None
    return changed.order


def _too_old(ctx: Context, order: Order) -> bool:
    """Age since the order's last amend against the configured limit; False while a change is
    pending."""
    if order.state in CHANGING_STATES:
        return False
    since = max((at for at in _amends(ctx, order)), default=order.created_at)
    return (ctx.clock.now() - since).total_seconds() >= ctx.config.orders.unfilled_after


def _amends(ctx: Context, order: Order) -> list[datetime]:
    events = ctx.journal.order_events(order.order_id)
    return [event.at for event in events if event.kind is OrderEventKind.AMENDING]


def _better_price(ctx: Context, order: Order, book: Book | None) -> int:
    """The best price of the opposite side in won, if the safety rules allow an amend to it; 0 to
    cancel."""
    orders = ctx.config.orders
    if orders.unfilled == "cancel" or len(_amends(ctx, order)) >= orders.max_amends:
        return 0
    if order.order_type is OrderType.MARKET:
        return 0
    try:
        seen = book or ctx.market.book(order.stock_code)
        levels = seen.asks if order.side is Side.BUY else seen.bids
        if not levels or levels[0].price == order.price:
            return 0
        checked = check.check_amend(ctx, order, price=levels[0].price)
    except KtError as failure:
        note_error(ctx, "unfilled.price", failure)
        return 0
    return levels[0].price if checked.passed else 0

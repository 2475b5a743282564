"""Orders of kt's own that stay open too long: amended to the market price, or cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from kt.errors import Denied, KtError
from kt.records import (
    CHANGING_STATES,
    OPEN_STATES,
    STOP_EXITS,
    Advice,
    AdviceChoice,
    Book,
    Order,
    OrderEventKind,
    OrderType,
    Origin,
    Side,
)
from kt.steps.context import Context
from kt.steps.decide import order_question
from kt.steps.fan_out import note_error
from kt.steps.orders import place
from kt.steps.risk import check


def unfilled(ctx: Context, books: Mapping[str, Book] | None = None) -> tuple[Order, ...]:
    """Ask about the overdue orders, then amend or cancel them; those that were changed.

    `books` are order books from the stream by stock code; without one the market is asked.
    """
    changed = (ask_and_chase(ctx, order, (books or {}).get(order.stock_code))
               for order in overdue(ctx))  # fmt: skip
    return tuple(order for order in changed if order is not None)


def ask_and_chase(ctx: Context, order: Order, book: Book | None = None) -> Order | None:
    """Ask the analyst where it is asked, then amend or cancel."""
    advice = order_question.unfilled(ctx, order, book) if asks(ctx, order) else None
    return chase(ctx, order, book, advice)


_LEFT_ALONE = frozenset({Origin.EXTERNAL, Origin.MANUAL, Origin.FLATTEN}) | STOP_EXITS
"""Origins whose orders are not changed: a price that a person entered is left to that person, and a
market stop keeps its time priority when there is no bid."""


def overdue(ctx: Context) -> tuple[Order, ...]:
    """The orders that are open longer than `orders.unfilled_after` and that kt may change."""
    listed = ctx.journal.orders(day=ctx.clock.now().date(), states=OPEN_STATES)
    return tuple(
        order for order in listed if order.origin not in _LEFT_ALONE and _too_old(ctx, order)
    )


def leftovers(ctx: Context) -> tuple[Order, ...]:
    """The open sells that kt may change, whatever their age: what is left of the day's orders once
    its open buys are cancelled."""
    listed = ctx.journal.orders(day=ctx.clock.now().date(), states=OPEN_STATES)
    return tuple(
        order
        for order in listed
        if order.side is Side.SELL
        and order.origin not in _LEFT_ALONE
        and order.state not in CHANGING_STATES
    )


def asks(ctx: Context, order: Order) -> bool:
    """Whether the analyst is asked about an overdue order (`questions.unfilled`): not where it can
    only be cancelled."""
    return ctx.config.questions.unfilled.ask and _may_amend(ctx, order)


def chase(
    ctx: Context, order: Order, book: Book | None = None, advice: Advice | None = None
) -> Order | None:
    """Amend one overdue order, or cancel it, as the analyst advises, or else by the configured
    rule; None when it can no longer be changed, which is journaled. An advised price that the
    safety rules deny cancels the order."""
    try:
        price = _new_price(ctx, order, book, advice)
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


def _new_price(ctx: Context, order: Order, book: Book | None, advice: Advice | None) -> int:
    """The price to amend to in won, if the safety rules allow it; 0 to cancel."""
    if not _may_amend(ctx, order):
        return 0
    try:
        if advice is None or advice.choice is AdviceChoice.RULE:
            price = _best_price(ctx, order, book)
        else:
            price = advice.price
        checked = check.check_amend(ctx, order, price=price) if price else None
    except KtError as failure:
        note_error(ctx, "unfilled.price", failure)
        return 0
    return price if checked is not None and checked.passed else 0


def _may_amend(ctx: Context, order: Order) -> bool:
    orders = ctx.config.orders
    if orders.unfilled == "cancel" or len(_amends(ctx, order)) >= orders.max_amends:
        return False
    return order.order_type is not OrderType.MARKET


def _best_price(ctx: Context, order: Order, book: Book | None) -> int:
    """The best price of the opposite side in won; 0 where there is none, or it is the order's."""
    seen = book or ctx.market.book(order.stock_code)
    levels = seen.asks if order.side is Side.BUY else seen.bids
    return levels[0].price if levels and levels[0].price != order.price else 0

"""Step 6: what the broker says about our orders, from the stream and from its lists.

The same happening counts once, whoever tells it first and however often.
"""

from __future__ import annotations

import queue
from collections import defaultdict
from collections.abc import Iterable, Sequence

from kt.errors import KtError
from kt.records import (
    CHANGING_STATES,
    FINAL_STATES,
    OPEN_STATES,
    BrokerOrder,
    Execution,
    Order,
    OrderEvent,
    OrderEventKind,
    OrderNotice,
    StreamEvent,
)
from kt.steps.context import Context
from kt.steps.failpoints import hit
from kt.steps.fan_out import note_error
from kt.steps.order_events import event, fill_event
from kt.steps.portfolio import position_book
from kt.steps.reconcile import executions
from kt.steps.waiting import wait_for

LOOK_EVERY = 5.0
"""Seconds between two looks at the broker's lists while following: frames can be lost."""


def on_notice(ctx: Context, notice: OrderNotice) -> Order | None:
    """Fold one frame into its order; None when the order is not ours (or not known yet)."""
    order = find(ctx, notice.ord_no, notice.original_ord_no)
    if order is None:
        return None
    happened = _from_notice(ctx, order, notice)
    return order if happened is None else apply(ctx, happened)


def find(ctx: Context, ord_no: str, original_ord_no: str = "") -> Order | None:
    """Our order of today by one of its numbers, or by the number it goes back to."""
    day = ctx.clock.now().date()
    for number in (ord_no, original_ord_no):
        if number.strip("0"):
            order = ctx.journal.order_by_number(number, day)
            if order is not None:
                return order
    return None


def apply(ctx: Context, happened: OrderEvent) -> Order:
    """Record one event; a fill that counted changes the position too."""
    hit("follow.notice", ctx.profile)
    after = ctx.journal.record(happened)
    hit("follow.recorded", ctx.profile)
    if happened.fill is not None:
        position_book.book(ctx, after.stock_code, happened.fill.price)
        hit("follow.booked", ctx.profile)
    return after


def _from_notice(ctx: Context, order: Order, notice: OrderNotice) -> OrderEvent | None:
    number = str(int(notice.ord_no or 0))
    if notice.status == "FILL":
        # A market order's frame may lack the price: the broker's lists tell it a moment later.
        return fill_event(executions.from_notice(ctx, order, notice)) if notice.fill_price else None
    if notice.status == "CANCELLED" or (notice.status, notice.intent) == ("CONFIRMED", "CANCEL"):
        return event(
            ctx,
            order.order_id,
            OrderEventKind.CANCELLED,
            key=number,
            ord_no=notice.ord_no,
            quantity=notice.quantity,
            at=notice.at,
        )
    if (notice.status, notice.intent) == ("CONFIRMED", "AMEND"):
        return event(
            ctx,
            order.order_id,
            OrderEventKind.AMENDED,
            key=number,
            ord_no=notice.ord_no,
            quantity=notice.quantity,
            price=notice.price,
            at=notice.at,
        )
    if notice.status == "REJECTED":
        kind = {
            "AMEND": OrderEventKind.AMEND_FAILED,
            "CANCEL": OrderEventKind.CANCEL_FAILED,
        }.get(notice.intent, OrderEventKind.REJECTED)
        return event(
            ctx, order.order_id, kind, key=number, message=notice.reject_reason, at=notice.at
        )
    return None


def catch_up(ctx: Context) -> tuple[Order, ...]:
    """Ask the broker's lists about every open order of today; the orders that changed.

    Safe to repeat, and safe beside the stream. Raises the broker's errors.
    """
    watched = still_open(ctx)
    if not watched:
        return ()
    rows = by_order(ctx, ctx.broker.executions())
    after = {order.order_id: book_executions(ctx, order, rows[order.order_id]) for order in watched}
    still = [order for order in after.values() if order.state in OPEN_STATES]
    if still:
        listed = ctx.broker.open_orders()
        doubtful = [o for o in still if o.state in CHANGING_STATES or not _as_listed(o, listed)]
        if doubtful:
            after.update(_look_up(ctx, {order.order_id: order for order in doubtful}))
    return tuple(after[before.order_id] for before in watched if after[before.order_id] != before)


def still_open(ctx: Context) -> tuple[Order, ...]:
    """Today's orders that may still fill, as the journal has them."""
    return ctx.journal.orders(day=ctx.clock.now().date(), states=OPEN_STATES)


def by_order(ctx: Context, rows: Iterable[Execution]) -> dict[str, list[Execution]]:
    """Executions by our order's id; what is not ours is left out."""
    found: dict[str, list[Execution]] = defaultdict(list)
    for row in rows:
        order = find(ctx, row.ord_no, row.original_ord_no)
        if order is not None:
            found[order.order_id].append(row)
    return found


def book_executions(ctx: Context, order: Order, rows: Sequence[Execution]) -> Order:
    """Fold the executions of one order that the journal does not have yet."""
    if sum(row.quantity for row in rows) <= order.filled_quantity:
        return order
    for fill in executions.from_executions(ctx, order, rows):
        order = apply(ctx, fill_event(fill))
    return order


def _as_listed(order: Order, listed: Sequence[BrokerOrder]) -> bool:
    """Whether as many of its shares are open there as the books say. It may have filled, been
    taken back in part or been amended by a change that was given up as lost."""
    numbers = _numbers(order)
    still = sum(row.open_quantity for row in listed if int(row.ord_no) in numbers)
    return still == order.open_quantity


def _look_up(ctx: Context, orders: dict[str, Order]) -> dict[str, Order]:
    """Orders that stand otherwise in the open list, or whose change is not confirmed, in the
    day's list."""
    first = min((number for order in orders.values() for number in _numbers(order)), default=0)
    listed = ctx.broker.day_orders(f"{first:07d}" if first else "")
    return {key: from_day_list(ctx, order, listed) for key, order in orders.items()}


def from_day_list(ctx: Context, order: Order, listed: Sequence[BrokerOrder]) -> Order:
    """Fold what the day's list says about one order: its amends, its cancels, and its end."""
    for row in sorted(listed, key=lambda row: int(row.ord_no)):
        kind = _CHANGES.get(row.kind)
        known = _numbers(order)
        if kind is None or int(row.original_ord_no or 0) not in known:
            continue
        if int(row.ord_no) in known or not row.confirmed_quantity:
            continue
        order = apply(ctx, _from_row(ctx, order, kind, row))
    return _ended(ctx, order, listed)


_CHANGES = {"AMEND": OrderEventKind.AMENDED, "CANCEL": OrderEventKind.CANCELLED}


def _from_row(ctx: Context, order: Order, kind: OrderEventKind, row: BrokerOrder) -> OrderEvent:
    return event(
        ctx,
        order.order_id,
        kind,
        key=str(int(row.ord_no)),
        ord_no=row.ord_no,
        quantity=row.confirmed_quantity,
        price=row.price,
        evidence="the day's list",
        at=row.at,
    )


def _ended(ctx: Context, order: Order, listed: Sequence[BrokerOrder]) -> Order:
    """None of the order's numbers is open any more, all its fills are known, and shares are
    left: the exchange took the rest back."""
    numbers = _numbers(order)
    rows = {int(row.ord_no): row for row in listed if int(row.ord_no) in numbers}
    if order.state not in OPEN_STATES or set(rows) != numbers:
        return order
    filled = sum(row.filled_quantity for row in rows.values())
    if any(row.open_quantity for row in rows.values()) or filled != order.filled_quantity:
        return order
    return apply(
        ctx,
        event(
            ctx,
            order.order_id,
            OrderEventKind.CANCELLED,
            key="ended",
            quantity=order.quantity - filled,
            evidence="the day's list shows it closed",
        ),
    )


def _numbers(order: Order) -> set[int]:
    return {int(number) for number in (*order.ord_nos, order.ord_no) if number.strip("0")}


def follow(
    ctx: Context,
    orders: Sequence[Order],
    events: queue.Queue[StreamEvent],
    seconds: float,
) -> tuple[Order, ...]:
    """Wait until every order is final or the clock's seconds have passed; the orders as they
    then are. Reads the stream's queue and looks at the lists now and then."""
    wanted = [order.order_id for order in orders]
    started = looked = ctx.clock.monotonic()
    while True:
        now = {key: ctx.journal.order(key) for key in wanted}
        if all(order is None or order.state in FINAL_STATES for order in now.values()):
            break
        moment = ctx.clock.monotonic()
        if moment - started >= seconds:
            break
        if moment - looked >= LOOK_EVERY:
            _look(ctx)
            looked = moment
        happened = wait_for(ctx.clock, events, min(LOOK_EVERY, seconds - (moment - started)))
        if isinstance(happened, OrderNotice):
            on_notice(ctx, happened)
    return tuple(ctx.journal.order(order.order_id) or order for order in orders)


def _look(ctx: Context) -> None:
    try:
        catch_up(ctx)
    except KtError as failure:
        note_error(ctx, "follow.catch_up", failure)

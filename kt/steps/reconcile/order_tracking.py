"""Step 6: order tracking: fills, amends, cancels and rejections, from the stream and the lists.

The same event counts once, whichever source reports it first and however often.
"""

from __future__ import annotations

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
from kt.steps.waiting import Waitable, wait_for

POLL_INTERVAL = 5.0
"""Seconds between two requests for the lists while following: stream frames can be lost."""


def on_notice(ctx: Context, notice: OrderNotice) -> Order | None:
    """Apply one order frame of the stream; the order, None when it is not one of kt's (or not
    known yet)."""
    order = find(ctx, notice.ord_no, notice.original_ord_no)
    if order is None:
        return None
    received = _from_notice(ctx, order, notice)
    return order if received is None else apply(ctx, received)


def find(ctx: Context, ord_no: str, original_ord_no: str = "") -> Order | None:
    """kt's order of today by one of its numbers, or by the number that it amends or cancels."""
    day = ctx.clock.now().date()
    for number in (ord_no, original_ord_no):
        if number.strip("0"):
            order = ctx.journal.order_by_number(number, day)
            if order is not None:
                return order
    return None


def apply(ctx: Context, received: OrderEvent) -> Order:
    """Record one event; a fill updates the position too."""
    hit("follow.notice", ctx.profile)
    after = ctx.journal.record(received)
    hit("follow.recorded", ctx.profile)
    if received.fill is not None:
        position_book.book(ctx, after.stock_code, received.fill.price)
        hit("follow.booked", ctx.profile)
    return after


def _from_notice(ctx: Context, order: Order, notice: OrderNotice) -> OrderEvent | None:
    number = str(int(notice.ord_no or 0))
    if notice.status == "FILL":
        # A market order's frame may lack the price: the broker's lists have it a moment later.
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
    """Update today's open orders from the broker's lists; the orders that changed.

    Safe to repeat, and together with the stream. Raises the broker's errors.
    """
    orders = still_open(ctx)
    if not orders:
        return ()
    rows = _rows_of(orders, ctx.broker.executions())
    after = {order.order_id: book_executions(ctx, order, rows[order.order_id]) for order in orders}
    unfinished = [order for order in after.values() if order.state in OPEN_STATES]
    if unfinished:
        listed = ctx.broker.open_orders()
        doubtful = [
            o for o in unfinished if o.state in CHANGING_STATES or not _matches_open_list(o, listed)
        ]
        if doubtful:
            after.update(_update_from_day_list(ctx, {order.order_id: order for order in doubtful}))
    return tuple(after[before.order_id] for before in orders if after[before.order_id] != before)


def still_open(ctx: Context) -> tuple[Order, ...]:
    """Today's orders that may still fill, by the journal."""
    return ctx.journal.orders(day=ctx.clock.now().date(), states=OPEN_STATES)


def _rows_of(orders: Iterable[Order], rows: Iterable[Execution]) -> dict[str, list[Execution]]:
    """The executions by the id of the order that has their number, or the number they amend."""
    order_ids = {number: order.order_id for order in orders for number in _numbers(order)}
    found: dict[str, list[Execution]] = defaultdict(list)
    for row in rows:
        numbers = (int(row.ord_no or 0), int(row.original_ord_no or 0))
        order_id = next((order_ids[number] for number in numbers if number in order_ids), None)
        if order_id is not None:
            found[order_id].append(row)
    return found


def book_executions(ctx: Context, order: Order, rows: Sequence[Execution]) -> Order:
    """Book the executions of one order that the journal does not have yet."""
    if sum(row.quantity for row in rows) <= order.filled_quantity:
        return order
    for fill in executions.from_executions(ctx, order, rows):
        order = apply(ctx, fill_event(fill))
    return order


def _matches_open_list(order: Order, listed: Sequence[BrokerOrder]) -> bool:
    """Whether the open list has as many open shares as the journal. If not, there was a fill, a
    cancel, or an amend that kt does not know yet."""
    numbers = _numbers(order)
    listed_open = sum(row.open_quantity for row in listed if int(row.ord_no) in numbers)
    return listed_open == order.open_quantity


def _update_from_day_list(ctx: Context, orders: dict[str, Order]) -> dict[str, Order]:
    """Update orders from the day's list, fetched from the lowest of their numbers on."""
    first = min((number for order in orders.values() for number in _numbers(order)), default=0)
    listed = ctx.broker.day_orders(f"{first:07d}" if first else "")
    return {key: from_day_list(ctx, order, listed) for key, order in orders.items()}


def from_day_list(ctx: Context, order: Order, listed: Sequence[BrokerOrder]) -> Order:
    """Apply what the day's list says about one order: amends, cancels, and its end."""
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
    """Close an order when none of its numbers is open, all its fills are booked and shares are
    left: the exchange cancelled the rest."""
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
    events: Waitable[StreamEvent],
    seconds: float,
) -> tuple[Order, ...]:
    """Wait until every order is final or this many seconds of the clock have passed; the orders as
    they are then. Uses the stream's queue, and the lists every POLL_INTERVAL."""
    wanted = [order.order_id for order in orders]
    started = polled = ctx.clock.monotonic()
    while True:
        current = ctx.journal.orders_by_id(wanted)
        if all(order.state in FINAL_STATES for order in current.values()):
            break
        now = ctx.clock.monotonic()
        if now - started >= seconds:
            break
        if now - polled >= POLL_INTERVAL:
            _poll(ctx)
            polled = now
        received = wait_for(ctx.clock, events, min(POLL_INTERVAL, seconds - (now - started)))
        if isinstance(received, OrderNotice):
            on_notice(ctx, received)
    return tuple(current.get(order.order_id, order) for order in orders)


def _poll(ctx: Context) -> None:
    try:
        catch_up(ctx)
    except KtError as failure:
        note_error(ctx, "follow.catch_up", failure)

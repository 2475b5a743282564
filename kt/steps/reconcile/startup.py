"""Reconciliation at startup, and by `kt order resolve`.

Orders of earlier days expire, unresolved orders and changes are identified, missed fills are
booked, then positions and cash are compared. External orders are reported and never touched.
"""

from __future__ import annotations

from kt.errors import UsageError
from kt.records import (
    OPEN_STATES,
    UNRESOLVED_STATES,
    BrokerOrder,
    Order,
    OrderEventKind,
)
from kt.steps.context import Context
from kt.steps.failpoints import hit
from kt.steps.order_events import event
from kt.steps.reconcile import (
    cash_reconciliation,
    order_recovery,
    order_tracking,
    position_reconciliation,
)
from kt.steps.results import Reconciliation
from kt.steps.risk import check, stops


def reconcile(
    ctx: Context, *, patience: float = order_recovery.PATIENCE, urgent: bool = False
) -> Reconciliation:
    """Reconcile everything with the broker. Safe to repeat, and to kill at any point.

    Waits up to `patience` seconds of the clock for orders whose outcome is unknown. Raises the
    broker's errors, JournalError, and KtError(CLOCK) when the clock is wrong (not checked when
    `urgent`: flatten must not wait for it).
    """
    hit("reconcile.start", ctx.profile)
    if not urgent:
        check.check_clock(ctx)
    stops.current(ctx)
    expired = _expire(ctx)
    resolved, unknown = order_recovery.resolve_intents(ctx, patience)
    before = _fills_today(ctx)
    order_tracking.catch_up(ctx)
    changed = order_recovery.resolve_changes(ctx, patience)
    hit("reconcile.caught_up", ctx.profile)
    differences = (
        *position_reconciliation.reconcile_positions(ctx),
        *cash_reconciliation.compare(ctx),
    )
    external = _external(ctx)
    return Reconciliation(
        resolved=(*resolved, *changed),
        unknown=tuple(unknown),
        expired=expired,
        external=external,
        differences=differences,
        positions=ctx.journal.positions(),
        caught_up=_fills_today(ctx) - before,
    )


def _fills_today(ctx: Context) -> int:
    return sum(bool(fill.ord_no) for fill in ctx.journal.fills(day=ctx.clock.now().date()))


def _expire(ctx: Context) -> tuple[Order, ...]:
    """Expire the open orders of earlier days: the exchange cancels them at the close."""
    today = ctx.clock.now().date()
    return tuple(
        expire(ctx, order, "of an earlier day")
        for order in ctx.journal.orders(states=OPEN_STATES)
        if order.created_at.date() < today
    )


def expire(ctx: Context, order: Order, why: str) -> Order:
    """Record the order as EXPIRED; a later fill still counts."""
    return ctx.journal.record(event(ctx, order.order_id, OrderEventKind.EXPIRED, evidence=why))


def _external(ctx: Context) -> tuple[BrokerOrder, ...]:
    """Open orders at the broker that kt did not place. One that an unresolved order of kt's could
    be is not counted. Halts if `orders.external` is `halt`."""
    ours = {int(number) for number in order_recovery.known_numbers(ctx)}
    doubtful = {
        (order.stock_code, order.side) for order in ctx.journal.orders(states=UNRESOLVED_STATES)
    }
    external = tuple(
        order
        for order in ctx.broker.open_orders()
        if int(order.ord_no) not in ours
        and int(order.original_ord_no or 0) not in ours
        and (order.stock_code, order.side) not in doubtful
    )
    if external and ctx.config.orders.external == "halt":
        names = ", ".join(f"{o.side} {o.stock_code} x{o.open_quantity}" for o in external)
        stops.halt(ctx, f"orders at the broker that kt did not place: {names}", by="external")
    return external


def resolve(ctx: Context, order_id: str, *, placed: str = "", not_placed: bool = False) -> Order:
    """Resolve an order by hand: it was placed under the number `placed`, or it was not placed.
    Releases the stock's lock. Raises UsageError unless exactly one of the two is given, and for an
    order that is not unresolved."""
    order = ctx.journal.order(order_id)
    if order is None:
        raise UsageError(f"no order {order_id}", hint="see `kt order list --unknown`")
    if bool(placed) == not_placed:
        raise UsageError("say one of: placed under which number, or not placed")
    if order.state not in UNRESOLVED_STATES:
        raise UsageError(f"order {order_id} is {order.state}: there is nothing to resolve")
    if placed:
        _not_another(ctx, order, placed)
        after = order_recovery.adopt(ctx, order, placed, "a person's word")
    else:
        after = ctx.journal.record(
            event(ctx, order_id, OrderEventKind.GIVEN_UP, evidence="a person's word")
        )
    order_recovery.unlock(ctx)
    if placed and after.created_at.date() == ctx.clock.now().date():
        order_tracking.catch_up(ctx)
    return ctx.journal.order(order_id) or after


def _not_another(ctx: Context, order: Order, placed: str) -> None:
    if not placed.isdecimal() or not int(placed):
        raise UsageError(f"{placed!r} is not an order number", hint="seven digits, as listed")
    other = ctx.journal.order_by_number(placed, order.created_at.date())
    if other is not None:
        raise UsageError(
            f"{placed} is the number of order {other.order_id} already; nothing was changed",
            hint="see `kt order list`",
        )

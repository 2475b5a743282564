"""Step 5, and the only door to the broker's order methods: durable intent, one send, one outcome.

Nothing here raises for what the wire did: the order that comes back says how it ended, and
UNKNOWN means that nobody knows yet. What is raised is what stopped it before the send.
"""

from __future__ import annotations

from kt.errors import Denied
from kt.records import (
    OPEN_STATES,
    AmendTicket,
    CancelTicket,
    Check,
    CheckResult,
    Order,
    OrderEventKind,
    OrderState,
    OrderTicket,
    Origin,
    Outcome,
    OutcomeStatus,
    Side,
    StopMode,
    SymbolLock,
)
from kt.steps import intent
from kt.steps.context import Context
from kt.steps.events import event, from_outcome
from kt.steps.points import reach
from kt.steps.stops import current, tell

SENDS = 3
"""How often an order that the broker said it did not take (429) is sent in all."""
PAUSE = 1.0
"""Seconds before it is sent again: the broker counts by the second."""

_AFTER_PLACE = {
    OutcomeStatus.ACKED: OrderEventKind.ACKED,
    OutcomeStatus.REJECTED: OrderEventKind.REJECTED,
    OutcomeStatus.NOT_PLACED: OrderEventKind.NOT_PLACED,
    OutcomeStatus.UNKNOWN: OrderEventKind.UNKNOWN,
}


def place(ctx: Context, check: Check, *, origin: Origin, client_id: str = "") -> Order:
    """Send one checked order. The same client id again returns the first order and sends nothing.

    Raises Denied(DUPLICATE) when the same stock and side already has an unresolved intent,
    Denied(CLIENT_ID) when the id was used for other contents, JournalError when the intent
    cannot be kept, Unreachable when a buy's starting point cannot be asked: nothing was sent.
    """
    first = _sent_before(ctx, check, client_id)
    if first is not None:
        return first
    order = intent.intend(ctx, check, origin, client_id)
    refused = intent.denial(ctx, check, origin)
    if refused is not None:
        return _deny(ctx, order, refused)
    order = _with_number(order, intent.noted_number(ctx, order.side))
    reach("place.before_plan", ctx.profile)
    planned = ctx.journal.plan_order(order, event(ctx, order.order_id, OrderEventKind.PLANNED))
    reach("place.planned", ctx.profile)
    if planned.order_id != order.order_id:
        return planned
    return _send(ctx, planned)


def _sent_before(ctx: Context, check: Check, client_id: str) -> Order | None:
    """The first order of this client id and this very decision, however it was sized then."""
    if not client_id or not check.decision.decision_id:
        return None
    for order in ctx.journal.orders(limit=500):
        if order.client_id == client_id and order.decision_id == check.decision.decision_id:
            return order
    return None


def _with_number(order: Order, noted: str) -> Order:
    from msgspec.structs import replace

    return replace(order, noted_ord_no=noted)


def _deny(ctx: Context, order: Order, refused: CheckResult) -> Order:
    return ctx.journal.plan_order(
        order,
        event(
            ctx,
            order.order_id,
            OrderEventKind.DENIED,
            code=refused.code,
            message=refused.detail,
        ),
    )


def _send(ctx: Context, order: Order) -> Order:
    ticket = OrderTicket(
        side=order.side,
        stock_code=order.stock_code,
        quantity=order.quantity,
        order_type=order.order_type,
        price=order.price,
    )
    for attempt in range(1, SENDS + 1):
        key = str(attempt)
        order = ctx.journal.record(event(ctx, order.order_id, OrderEventKind.SENDING, key=key))
        if order.state is not OrderState.SENDING:
            return order  # another process settled this intent: it must not be sent any more
        reach("place.sending", ctx.profile)
        outcome = ctx.broker.place(ticket)
        reach("place.sent", ctx.profile)
        kind = _AFTER_PLACE[outcome.status]
        order = ctx.journal.record(from_outcome(ctx, order, kind, outcome, key=key))
        reach("place.recorded", ctx.profile)
        if not (outcome.status is OutcomeStatus.NOT_PLACED and outcome.retryable):
            break
        if attempt < SENDS:
            ctx.clock.sleep(PAUSE * attempt)
    return _after(ctx, order, outcome)


def _after(ctx: Context, order: Order, outcome: Outcome) -> Order:
    if outcome.status is OutcomeStatus.UNKNOWN:
        lock_unknown(ctx, order, outcome.evidence)
    elif outcome.status is OutcomeStatus.REJECTED:
        ctx.journal.error(
            ctx.run,
            "order",
            f"place.{order.stock_code}",
            f"[{outcome.code}] {outcome.message}",
            ctx.clock.now(),
        )
    elif order.state is OrderState.UNKNOWN:
        # Another process gave up waiting for this answer; the answer is certain.
        return ctx.journal.record(from_outcome(ctx, order, OrderEventKind.GIVEN_UP, outcome))
    return order


def lock_unknown(ctx: Context, order: Order, evidence: str) -> None:
    """Lock the stock until somebody knows, and tell the owner."""
    ctx.journal.lock_symbol(
        SymbolLock(
            stock_code=order.stock_code,
            reason=f"the outcome of order {order.order_id} is unknown ({evidence})",
            order_id=order.order_id,
            at=ctx.clock.now(),
        )
    )
    tell(
        ctx,
        "critical",
        f"order outcome unknown: {order.side} {order.stock_code} x{order.quantity}",
        f"{evidence}. {order.stock_code} is locked. kt looks for it at the broker; if it stays "
        f"unknown, look there yourself and use `kt order resolve {order.order_id}`.",
    )


def amend(ctx: Context, order: Order, *, price: int, quantity: int = 0) -> Order:
    """Change an open order of ours (quantity 0 = all that is open). Check the price first
    (check.check_amend). Raises Denied when the stops or the order's state forbid it."""
    _touchable(order)
    stop = current(ctx)
    if stop.mode in (StopMode.HALT, StopMode.FLATTEN):
        raise Denied(f"kt is halted: {stop.reason}", hint="see `kt resume`", code="HALTED")
    if stop.mode is StopMode.REDUCE and order.side is Side.BUY:
        raise Denied(f"only shrinking orders: {stop.reason}", code="REDUCING")
    _not_in_test_mode(ctx)
    reach("amend.before", ctx.profile)
    key = f"{order.ord_no}:{ctx.clock.now().timestamp()}"
    wanted = ctx.journal.record(
        event(
            ctx,
            order.order_id,
            OrderEventKind.AMENDING,
            key=key,
            ord_no=order.ord_no,
            price=price,
            quantity=quantity,
        )
    )
    reach("amend.amending", ctx.profile)
    if wanted.state is not OrderState.AMENDING:
        return wanted
    outcome = ctx.broker.amend(
        AmendTicket(
            ord_no=order.ord_no, stock_code=order.stock_code, quantity=quantity, price=price
        )
    )
    reach("amend.sent", ctx.profile)
    kind = {
        OutcomeStatus.ACKED: OrderEventKind.AMENDED,
        OutcomeStatus.UNKNOWN: OrderEventKind.CHANGE_UNKNOWN,
    }.get(outcome.status, OrderEventKind.AMEND_FAILED)
    return _changed(ctx, order, kind, outcome, key, outcome.quantity or quantity, price)


def cancel(ctx: Context, order: Order, *, quantity: int = 0) -> Order:
    """Take back an open order of ours (quantity 0 = all that is open); allowed under every stop."""
    _touchable(order)
    _not_in_test_mode(ctx)
    reach("cancel.before", ctx.profile)
    key = f"{order.ord_no}:{ctx.clock.now().timestamp()}"
    wanted = ctx.journal.record(
        event(
            ctx,
            order.order_id,
            OrderEventKind.CANCELLING,
            key=key,
            ord_no=order.ord_no,
            quantity=quantity,
        )
    )
    reach("cancel.cancelling", ctx.profile)
    if wanted.state is not OrderState.CANCELLING:
        return wanted
    outcome = ctx.broker.cancel(
        CancelTicket(ord_no=order.ord_no, stock_code=order.stock_code, quantity=quantity)
    )
    reach("cancel.sent", ctx.profile)
    kind = {
        OutcomeStatus.ACKED: OrderEventKind.CANCELLED,
        OutcomeStatus.UNKNOWN: OrderEventKind.CHANGE_UNKNOWN,
    }.get(outcome.status, OrderEventKind.CANCEL_FAILED)
    return _changed(ctx, order, kind, outcome, key, outcome.quantity or order.open_quantity, 0)


def _changed(
    ctx: Context,
    order: Order,
    kind: OrderEventKind,
    outcome: Outcome,
    key: str,
    quantity: int,
    price: int,
) -> Order:
    """Record how an amend or cancel ended. Acked ones carry the number the change got, so the
    stream's confirmation of the same change is the same event."""
    acked = outcome.status is OutcomeStatus.ACKED
    name = str(int(outcome.ord_no)) if acked and outcome.ord_no else key
    changed = ctx.journal.record(
        from_outcome(ctx, order, kind, outcome, key=name, quantity=quantity, price=price)
    )
    verb = "amend" if order.state is OrderState.AMENDING or price else "cancel"
    reach(f"{verb}.recorded", ctx.profile)
    if kind is OrderEventKind.CHANGE_UNKNOWN:
        tell(
            ctx,
            "critical",
            f"{verb} outcome unknown: {order.stock_code} {order.ord_no}",
            f"{outcome.evidence}. kt asks the broker what stands; see `kt order list`.",
        )
    return changed


def _touchable(order: Order) -> None:
    if order.origin is Origin.EXTERNAL:
        raise Denied("kt did not place this order and does not touch it", code="EXTERNAL")
    if order.state not in OPEN_STATES or not order.ord_no:
        raise Denied(
            f"order {order.order_id} is {order.state}: there is nothing to change", code="NOT_OPEN"
        )


def _not_in_test_mode(ctx: Context) -> None:
    if ctx.config.dry_run:
        raise Denied("test mode: nothing was sent", code="TEST_MODE")

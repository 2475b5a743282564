"""Before and after the send of an amend or a cancel: validate and record the request, then turn the
outcome into an event.

One amend at a time, because an amend needs the order's newest number: a second one is denied while
a change is pending. A cancel is always allowed.
"""

from __future__ import annotations

from dataclasses import dataclass

from kt.errors import Denied, Halted
from kt.ids import new_id
from kt.records import (
    CHANGING_STATES,
    OPEN_STATES,
    Order,
    OrderEvent,
    OrderEventKind,
    OrderState,
    Origin,
    Outcome,
    OutcomeStatus,
)
from kt.rules.risk.denials import Code
from kt.steps.context import Context
from kt.steps.failpoints import hit
from kt.steps.order_events import event, from_outcome
from kt.steps.risk.stops import refusal


@dataclass(frozen=True, slots=True)
class ChangeKind:
    """The event kinds and the state of an amend or a cancel."""

    name: str
    requested: OrderEventKind
    state: OrderState
    done: OrderEventKind
    failed: OrderEventKind


AMEND = ChangeKind(
    "amend",
    OrderEventKind.AMENDING,
    OrderState.AMENDING,
    OrderEventKind.AMENDED,
    OrderEventKind.AMEND_FAILED,
)
CANCEL = ChangeKind(
    "cancel",
    OrderEventKind.CANCELLING,
    OrderState.CANCELLING,
    OrderEventKind.CANCELLED,
    OrderEventKind.CANCEL_FAILED,
)


@dataclass(frozen=True, slots=True)
class OrderChange:
    """One requested change: `order` as it was at the request, and the event key of the request."""

    kind: ChangeKind
    order: Order
    key: str
    quantity: int
    price: int


@dataclass(frozen=True, slots=True)
class Changed:
    """The order as it is now, and the outcome of this change. The two may differ when another
    process changes the same order."""

    order: Order
    outcome: Outcome


def request(
    ctx: Context, order_id: str, kind: ChangeKind, *, quantity: int = 0, price: int = 0
) -> OrderChange:
    """Check the order's current state and record the request in one durable transaction, before
    anything is sent. Raises Denied when the order may not be changed."""
    hit(f"{kind.name}.before", ctx.profile)
    with ctx.journal.together():
        order = _changeable_order(ctx, order_id, kind)
        key = f"{order.ord_no}:{new_id(ctx.clock.now())}"
        after = ctx.journal.record(
            event(
                ctx,
                order_id,
                kind.requested,
                key=key,
                ord_no=order.ord_no,
                price=price,
                quantity=quantity,
            )
        )
    hit(f"{kind.name}.{kind.state.lower()}", ctx.profile)
    if after.state not in CHANGING_STATES:
        raise _not_open(after)
    return OrderChange(kind, order, key, quantity, price)


def outcome_event(ctx: Context, change: OrderChange, outcome: Outcome) -> OrderEvent:
    """The event for the outcome of a change. The key of an accepted one is its order number, so
    that the stream's frame about the same change gives the same event."""
    kind, order = change.kind, change.order
    if outcome.status is OutcomeStatus.ACKED:
        done = outcome.quantity or change.quantity or order.open_quantity
        number = str(int(outcome.ord_no)) if outcome.ord_no else change.key
        return from_outcome(
            ctx, order, kind.done, outcome, key=number, quantity=done, price=change.price
        )
    unknown = outcome.status is OutcomeStatus.UNKNOWN
    event_kind = OrderEventKind.CHANGE_UNKNOWN if unknown else kind.failed
    return from_outcome(ctx, order, event_kind, outcome, key=change.key)


def _changeable_order(ctx: Context, order_id: str, kind: ChangeKind) -> Order:
    order = ctx.journal.order(order_id)
    if order is None or order.origin is Origin.EXTERNAL:
        raise Denied("kt did not place this order and does not touch it", code="EXTERNAL")
    if order.state not in OPEN_STATES or not order.ord_no:
        raise _not_open(order)
    if ctx.config.dry_run:
        raise Denied("test mode: nothing was sent", code=Code.TEST_MODE)
    if kind is AMEND and order.state in CHANGING_STATES:
        raise Denied(
            f"order {order.ord_no} is {order.state}: another change of it is under way; nothing "
            "was sent",
            hint="`kt order list` shows what became of it.",
            code=Code.DUPLICATE,
        )
    return order


def _not_open(order: Order) -> Denied:
    return Denied(
        f"order {order.order_id} is {order.state}: there is nothing to change", code="NOT_OPEN"
    )


def check_stops(ctx: Context, order: Order) -> None:
    """Raises Halted or Denied when the stop in force forbids amending this order."""
    refused = refusal(ctx, order.side, Origin.MANUAL)
    if refused is not None:
        error = Halted if refused.code == Code.HALTED else Denied
        raise error(refused.detail, hint="see `kt resume`", code=refused.code)

"""What an amend and a cancel have around their send: may this order be changed, by which wish,
and how did it end.

One amend at a time: whoever comes while a change of the order is under way is told so, because
an amend needs the order's newest number. A cancel may come beside anything.
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
class Verb:
    """What amends and cancels do not have in common."""

    name: str
    asked: OrderEventKind
    state: OrderState
    done: OrderEventKind
    failed: OrderEventKind


AMEND = Verb(
    "amend",
    OrderEventKind.AMENDING,
    OrderState.AMENDING,
    OrderEventKind.AMENDED,
    OrderEventKind.AMEND_FAILED,
)
CANCEL = Verb(
    "cancel",
    OrderEventKind.CANCELLING,
    OrderState.CANCELLING,
    OrderEventKind.CANCELLED,
    OrderEventKind.CANCEL_FAILED,
)


@dataclass(frozen=True, slots=True)
class OrderChange:
    """One change of one order: `order` as it stood when the wish was kept, under `key`."""

    verb: Verb
    order: Order
    key: str
    quantity: int
    price: int


@dataclass(frozen=True, slots=True)
class Changed:
    """The order as it is now, and what became of this very change of it: another process may be
    changing the same order."""

    order: Order
    outcome: Outcome


def keep(
    ctx: Context, order_id: str, verb: Verb, *, quantity: int = 0, price: int = 0
) -> OrderChange:
    """Look at the order as it is and keep the wish, in one transaction: durable before the
    socket is touched, as a new order's intent is. Raises Denied when it may not be changed."""
    hit(f"{verb.name}.before", ctx.profile)
    with ctx.journal.together():
        order = _changeable(ctx, order_id, verb)
        key = f"{order.ord_no}:{new_id(ctx.clock.now())}"
        wanted = ctx.journal.record(
            event(
                ctx,
                order_id,
                verb.asked,
                key=key,
                ord_no=order.ord_no,
                price=price,
                quantity=quantity,
            )
        )
    hit(f"{verb.name}.{verb.state.lower()}", ctx.profile)
    if wanted.state not in CHANGING_STATES:
        raise _not_open(wanted)
    return OrderChange(verb, order, key, quantity, price)


def ended(ctx: Context, asked: OrderChange, outcome: Outcome) -> OrderEvent:
    """How a change ended. One that was taken carries the number it got, so that the stream's
    word of the same change is the same event."""
    verb, order = asked.verb, asked.order
    if outcome.status is OutcomeStatus.ACKED:
        done = outcome.quantity or asked.quantity or order.open_quantity
        number = str(int(outcome.ord_no)) if outcome.ord_no else asked.key
        return from_outcome(
            ctx, order, verb.done, outcome, key=number, quantity=done, price=asked.price
        )
    unknown = outcome.status is OutcomeStatus.UNKNOWN
    kind = OrderEventKind.CHANGE_UNKNOWN if unknown else verb.failed
    return from_outcome(ctx, order, kind, outcome, key=asked.key)


def _changeable(ctx: Context, order_id: str, verb: Verb) -> Order:
    order = ctx.journal.order(order_id)
    if order is None or order.origin is Origin.EXTERNAL:
        raise Denied("kt did not place this order and does not touch it", code="EXTERNAL")
    if order.state not in OPEN_STATES or not order.ord_no:
        raise _not_open(order)
    if ctx.config.dry_run:
        raise Denied("test mode: nothing was sent", code=Code.TEST_MODE)
    if verb is AMEND and order.state in CHANGING_STATES:
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


def not_stopped(ctx: Context, order: Order) -> None:
    """Raises Halted or Denied where the stop in force forbids to amend this order."""
    refused = refusal(ctx, order.side, Origin.MANUAL)
    if refused is not None:
        kind = Halted if refused.code == Code.HALTED else Denied
        raise kind(refused.detail, hint="see `kt resume`", code=refused.code)

"""Order events with deterministic ids, so that the same event counts once.

An id consists of the order, the kind, and a key that distinguishes events of one kind. A retried
write, a repeated stream frame and a REST answer about the same event give the same id.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from kt.records import Fill, Order, OrderEvent, OrderEventKind, Outcome
from kt.steps.context import Context


def event(
    ctx: Context,
    order_id: str,
    kind: OrderEventKind,
    *,
    key: str = "",
    ord_no: str = "",
    quantity: int = 0,
    price: int = 0,
    code: str = "",
    message: str = "",
    evidence: str = "",
    at: datetime | None = None,
) -> OrderEvent:
    """An event that happened at `at` (default: now). `key` distinguishes two events of one kind on
    one order."""
    suffix = f":{key}" if key else ""
    return OrderEvent(
        event_id=f"{order_id}:{kind}{suffix}",
        order_id=order_id,
        kind=kind,
        at=at or ctx.clock.now(),
        ord_no=ord_no,
        quantity=quantity,
        price=price,
        code=code,
        message=message,
        evidence=evidence,
    )


def from_outcome(
    ctx: Context,
    order: Order,
    kind: OrderEventKind,
    outcome: Outcome,
    *,
    key: str = "",
    quantity: int = 0,
    price: int = 0,
) -> OrderEvent:
    """An event with the order number, code, message and evidence of a send's outcome."""
    made = event(
        ctx,
        order.order_id,
        kind,
        key=key,
        ord_no=outcome.ord_no,
        quantity=quantity,
        price=price,
        code=outcome.code,
        message=outcome.message,
        evidence=outcome.evidence,
    )
    return replace(
        made, concerns=outcome.concerns, not_enough=outcome.not_enough, sent_at=outcome.sent_at
    )


def fill_event(fill: Fill) -> OrderEvent:
    """A FILL event; its id contains the range of the order number's shares that the fill covers."""
    shares = f"{int(fill.ord_no or 0)}:{fill.from_quantity}-{fill.to_quantity}"
    return OrderEvent(
        event_id=f"{fill.order_id}:{OrderEventKind.FILL}:{shares}",
        order_id=fill.order_id,
        kind=OrderEventKind.FILL,
        at=fill.at,
        ord_no=fill.ord_no,
        quantity=fill.quantity,
        price=fill.price,
        fill=fill,
    )

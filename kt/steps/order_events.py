"""Order events with names of their own, so that the same happening counts once.

An event's id is made of the order, the kind and what tells two of a kind apart: a retried
write, a stream frame that comes twice, and the REST look that sees the same thing all agree.
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
    """`key` tells two events of one kind on one order apart."""
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
    """An event that carries what the broker said."""
    told = event(
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
    return replace(told, concerns=outcome.concerns, not_enough=outcome.not_enough)


def fill_event(fill: Fill) -> OrderEvent:
    """One FILL; its id is the stretch of the number's shares that it covers."""
    stretch = f"{int(fill.ord_no or 0)}:{fill.from_quantity}-{fill.to_quantity}"
    return OrderEvent(
        event_id=f"{fill.order_id}:{OrderEventKind.FILL}:{stretch}",
        order_id=fill.order_id,
        kind=OrderEventKind.FILL,
        at=fill.at,
        ord_no=fill.ord_no,
        quantity=fill.quantity,
        price=fill.price,
        fill=fill,
    )

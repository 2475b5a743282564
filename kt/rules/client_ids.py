"""The one rule for a client id that comes again: the same wish is answered with its first order,
another one is refused."""

from __future__ import annotations

from kt.errors import Denied
from kt.records import Order, OrderTicket
from kt.rules.risk.denials import Code


def refuse_other(planned: Order, decision_id: str, ticket: OrderTicket | None) -> None:
    """Raises Denied(CLIENT_ID) unless the order `planned` under this client id, with the price of
    its plan, is what is wanted again: an order that rests on the same decision, however it is
    sized now, or without a decision one of the same contents. `ticket` None: not sized yet."""
    if decision_id or planned.decision_id or ticket is None:
        same = planned.decision_id == decision_id
    else:
        same = ticket == OrderTicket.of(planned)
    if not same:
        of = ", of another decision" if planned.decision_id != decision_id else ""
        raise Denied(
            f"the client id {planned.client_id!r} belongs to {planned.side} {planned.quantity:,} "
            f"{planned.stock_code} (order {planned.order_id}{of}); nothing was sent",
            hint="Use a new --client-id for a new order.",
            code=Code.CLIENT_ID,
        )

"""The rule for a repeated client id: the same order is returned, a different one is refused."""

from __future__ import annotations

from kt.errors import Denied
from kt.records import Order, OrderTicket
from kt.rules.risk.denials import Code


def refuse_other(planned: Order, decision_id: str, ticket: OrderTicket | None) -> None:
    """Raises Denied(CLIENT_ID) unless `planned`, the order with this client id, is what is wanted
    again.

    With a decision that is an order of the same decision, whatever its size now; without one it is
    an order with the same contents as `ticket` (None: not sized yet).
    """
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

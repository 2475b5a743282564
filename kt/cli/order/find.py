"""Find an order of kt's by its id, the end of its id, or the broker's order number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kt.cli.support.param_types import shown
from kt.errors import UsageError

if TYPE_CHECKING:
    from kt.records import Order
    from kt.steps.context import Context

SHORTEST = 6
"""Minimum length of an id's end that is accepted, if it is unique."""


def find_order(ctx: Context, name: str) -> Order:
    """The order with this id or number. Raises UsageError when there is none, or more than one."""
    wanted = name.strip().upper()
    order = ctx.journal.order(wanted)
    if order is None and re.fullmatch("[0-9]{1,18}", wanted):
        order = ctx.journal.order_by_number(wanted, ctx.clock.now().date())
    if order is not None:
        return order
    ends = []
    if len(wanted) >= SHORTEST:
        ends = [order for order in ctx.journal.orders() if order.order_id.endswith(wanted)]
    if len(ends) == 1:
        return ends[0]
    why = "more than one order has this ending" if ends else "kt has no such order"
    raise UsageError(f"{shown(name)}: {why}", hint="See `kt order list --all`.")


def repeated(first: Order) -> str:
    """The message for a client id that was used before."""
    return (
        f"{first.client_id!r} is order {first.order_id} of {first.created_at:%Y-%m-%d %H:%M:%S} "
        f"({first.state}); nothing was sent, a new order needs a new --client-id"
    )


def used(first: Order) -> str:
    """The message for a decision that was ordered before."""
    return (
        f"the decision for {first.stock_code} was already ordered as {first.order_id} at "
        f"{first.created_at:%Y-%m-%d %H:%M:%S} ({first.state}); nothing was sent, "
        "--again orders it once more"
    )

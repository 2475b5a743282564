"""Finding an order of ours by what a person types: kt's id, its end, or the broker's number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kt.cli.support.param_types import shown
from kt.errors import UsageError

if TYPE_CHECKING:
    from kt.records import Order
    from kt.steps.context import Context

SHORTEST = 6
"""So many letters of an id's end are enough, when they name one order."""


def find_order(ctx: Context, name: str) -> Order:
    """The order of this name. Raises UsageError when there is none, or more than one."""
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
    why = "more than one order ends so" if ends else "there is no such order of kt's"
    raise UsageError(f"{shown(name)}: {why}", hint="See `kt order list --all`.")


def repeated(first: Order) -> str:
    """What is said of a client id that was used before."""
    return (
        f"{first.client_id!r} is order {first.order_id} of {first.created_at:%Y-%m-%d %H:%M:%S} "
        f"({first.state}); nothing was sent, a new order takes a new --client-id"
    )


def used(first: Order) -> str:
    """What is said of a decision that has become an order before."""
    return (
        f"the decision for {first.stock_code} is order {first.order_id} of "
        f"{first.created_at:%Y-%m-%d %H:%M:%S} ({first.state}) already; nothing was sent, "
        "--again orders it once more"
    )

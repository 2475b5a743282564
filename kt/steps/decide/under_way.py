"""What kt has under way: its open orders, and what it has sold today and why."""

from __future__ import annotations

from kt.records import OPEN_STATES, OpenOrder, Order, Side, SoldToday, UnderWay
from kt.steps.context import Context

MAX_SOLD = 20
"""The newest sales that are named."""


def under_way(ctx: Context) -> UnderWay:
    """Today's open orders, those of other programs included, and today's sales, newest first. From
    the journal alone."""
    today = ctx.journal.orders(day=ctx.clock.now().date())
    sold = (order for order in today if order.side is Side.SELL and order.filled_quantity)
    return UnderWay(
        open_orders=tuple(open_order(order) for order in today if order.state in OPEN_STATES),
        sold=tuple(_sold(order) for order in sold)[:MAX_SOLD],
    )


def open_order(order: Order) -> OpenOrder:
    """An order without its ids, which differ in every run and would keep a replay from finding
    its answers."""
    return OpenOrder(
        side=order.side,
        stock_code=order.stock_code,
        stock_name=order.stock_name,
        quantity=order.quantity,
        open_quantity=order.open_quantity,
        order_type=order.order_type,
        price=order.price,
        origin=order.origin,
        since=order.created_at,
    )


def _sold(order: Order) -> SoldToday:
    return SoldToday(
        stock_code=order.stock_code,
        stock_name=order.stock_name,
        quantity=order.filled_quantity,
        price=round(order.filled_value / order.filled_quantity),
        origin=order.origin,
        reason=order.reason,
        at=order.updated_at,
    )

"""Sells that were sent and are nowhere at the broker: kt tries one of a stock once more."""

from __future__ import annotations

from collections.abc import Iterable

from kt.records import Order, Side

NOT_FOUND = "NOT_FOUND"
"""The code of a sell that recovery did not find."""


def lost_sells(orders: Iterable[Order], stock_code: str) -> int:
    """How often a sell of this stock was lost, among the day's orders."""
    return sum(
        order.code == NOT_FOUND and order.side is Side.SELL and order.stock_code == stock_code
        for order in orders
    )

"""Price-time priority, and which orders cross."""

from __future__ import annotations

from kt.records import Side


def priority(side: Side, price: int, sequence: int) -> tuple[int, int]:
    """A sorting key: market orders (price 0) first, then the better price, then the earlier
    arrival (docs/market-rules.md#matching). `sequence` grows with time."""
    if not price:
        return (-1, sequence)
    return (price if side is Side.SELL else _FAR - price, sequence)


def crosses(side: Side, price: int, other: int) -> bool:
    """Whether an order at this limit (0 = market) trades against the other side's price."""
    if not price:
        return True
    return price >= other if side is Side.BUY else price <= other


_FAR = 1 << 60
"""Higher than any price: turns the highest bid into the smallest key."""

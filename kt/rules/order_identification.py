"""Finds which of the broker's orders an unresolved order of kt is: exactly one, none, or several.

The broker stores no client order id. An order is identified by its stock, side, quantity, price and
type, by a number above the highest one noted before it was sent, and by not being another order
that kt knows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from kt.records import BrokerOrder, Execution, Order, OrderType, Side
from kt.rules.distinct_fills import number


class Found(StrEnum):
    """MATCH: adopt it. NONE: it may still be listed later. AMBIGUOUS: a person must decide."""

    MATCH = "MATCH"
    NONE = "NONE"
    AMBIGUOUS = "AMBIGUOUS"


@dataclass(frozen=True, slots=True)
class Matching:
    """The result. `ord_nos` are the candidates' numbers, ascending."""

    found: Found
    ord_nos: tuple[str, ...]

    @property
    def ord_no(self) -> str:
        """The one number of a MATCH; empty otherwise."""
        return self.ord_nos[0] if self.found is Found.MATCH else ""


def match_order(
    intent: Order,
    listed: Iterable[BrokerOrder],
    executions: Iterable[Execution],
    ours: Collection[str],
) -> Matching:
    """Find an unresolved new order among the day's orders and fills (kt00007, ka10075, ka10076).

    `listed` may contain an order several times, from several listings. `ours` are all order numbers
    kt knows. A fill counts as evidence for an order that no listing has yet.
    """
    known = {number(ord_no) for ord_no in ours}
    after = number(intent.noted_ord_no)
    candidates: dict[int, str] = {}
    seen: set[int] = set()
    for row in listed:
        seen.add(number(row.ord_no))
        if _same_order(intent, row) and _ours_perhaps(row.ord_no, after, known):
            candidates[number(row.ord_no)] = row.ord_no
    for execution in executions:
        if number(execution.ord_no) in seen:
            continue
        if _same_fill(intent, execution) and _ours_perhaps(execution.ord_no, after, known):
            candidates[number(execution.ord_no)] = execution.ord_no
    return _matching(candidates)


def _same_order(intent: Order, row: BrokerOrder) -> bool:
    return (
        row.kind == "NEW"
        and row.stock_code == intent.stock_code
        and row.side is intent.side
        and row.quantity == intent.quantity
        and row.order_type is intent.order_type
        and (intent.order_type is OrderType.MARKET or row.price == intent.price)
    )


def _same_fill(intent: Order, execution: Execution) -> bool:
    return (
        number(execution.original_ord_no) <= 0
        and execution.stock_code == intent.stock_code
        and execution.side is intent.side
        and execution.order_quantity == intent.quantity
        and (intent.order_type is OrderType.MARKET or execution.order_price == intent.price)
    )


def _ours_perhaps(ord_no: str, after: int, known: set[int]) -> bool:
    return number(ord_no) > after and number(ord_no) not in known


def _matching(candidates: dict[int, str]) -> Matching:
    ord_nos = tuple(candidates[key] for key in sorted(candidates))
    if not ord_nos:
        return Matching(Found.NONE, ())
    return Matching(Found.MATCH if len(ord_nos) == 1 else Found.AMBIGUOUS, ord_nos)


NOT_FOUND = "NOT_FOUND"
"""`Order.code` of a sell that was given up because it is not in the broker's lists."""


def lost_sells(orders: Iterable[Order], stock_code: str) -> int:
    """How many sells of a stock, among these orders, were given up as not found."""
    return sum(
        order.code == NOT_FOUND and order.side is Side.SELL and order.stock_code == stock_code
        for order in orders
    )

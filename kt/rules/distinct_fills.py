"""Which shares were filled: executions reported twice, or by two sources, count once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from kt.records import Fill, Order, Side

ShareRange = tuple[int, int]


@dataclass(frozen=True, slots=True)
class DistinctFills:
    """The fills of one order, each share once, in the order of their times. A fill that partly
    repeats earlier ones is cut to its new part.

    `rejected` fills are impossible: an invalid range, another stock or side, or more shares than
    the order's quantity.
    """

    fills: tuple[Fill, ...]
    rejected: tuple[Fill, ...]

    @property
    def quantity(self) -> int:
        return sum(fill.quantity for fill in self.fills)

    @property
    def value(self) -> int:
        return sum(fill.quantity * fill.price for fill in self.fills)


def number(ord_no: str) -> int:
    """An order number as an integer, for comparing: its digits without padding; -1 when it has
    none."""
    return int(ord_no) if ord_no.isdecimal() else -1


def distinct_fills(order: Order, fills: Iterable[Fill]) -> DistinctFills:
    """The filled shares of one order, each once; the result does not depend on the order of
    arrival.

    Overlapping ranges of one order number are the same shares. The stream is preferred over the
    REST listing (its price is the execution's own), then the earlier one.
    """
    covered: dict[int, list[ShareRange]] = {}
    kept: list[Fill] = []
    rejected: list[Fill] = []
    left = order.quantity
    for fill in sorted(fills, key=_precedence):
        if not _possible(order, fill):
            rejected.append(fill)
            continue
        seen = covered.setdefault(number(fill.ord_no), [])
        for shares in _without((fill.from_quantity, fill.to_quantity), seen):
            seen.append(shares)
            piece = _cut(fill, shares, left)
            if piece.quantity < shares[1] - shares[0]:
                rejected.append(fill)
            if piece.quantity:
                kept.append(piece)
                left -= piece.quantity
    kept.sort(key=sequence)
    return DistinctFills(tuple(kept), tuple(dict.fromkeys(rejected)))


def sequence(fill: Fill) -> tuple[datetime, bool, int, int, str]:
    """The sort key of fills in the order in which they happened: of those within one second, buys
    before sells, then by order number and share range (as text, `12-25` is before `4-16`)."""
    return fill.at, fill.side is Side.SELL, number(fill.ord_no), fill.from_quantity, fill.fill_id


def _precedence(fill: Fill) -> tuple[object, ...]:
    return (
        fill.source != "stream",
        fill.at,
        number(fill.ord_no),
        fill.from_quantity,
        fill.to_quantity,
        fill.price,
        fill.fill_id,
        fill.fee,
        fill.tax,
    )


def _possible(order: Order, fill: Fill) -> bool:
    return (
        fill.order_id == order.order_id
        and fill.stock_code == order.stock_code
        and fill.side is order.side
        and fill.price > 0
        and 0 <= fill.from_quantity < fill.to_quantity
        and fill.quantity == fill.to_quantity - fill.from_quantity
    )


def _without(shares: ShareRange, seen: list[ShareRange]) -> list[ShareRange]:
    """The parts of a range that none of the seen ones covers."""
    parts = [shares]
    for start, end in seen:
        parts = [
            part
            for a, b in parts
            for part in ((a, min(b, start)), (max(a, end), b))
            if part[0] < part[1]
        ]
    return parts


def _cut(fill: Fill, shares: ShareRange, left: int) -> Fill:
    """The fill for a part of its range, limited to the shares that are left."""
    start, end = shares[0], min(shares[1], shares[0] + left)
    if (start, end) == (fill.from_quantity, fill.to_quantity):
        return fill
    before, after = start - fill.from_quantity, end - fill.from_quantity
    return msgspec.structs.replace(
        fill,
        quantity=end - start,
        from_quantity=start,
        to_quantity=end,
        fee=_share(fill.fee, before, after, fill.quantity),
        tax=_share(fill.tax, before, after, fill.quantity),
    )


def _share(amount: int, before: int, after: int, whole: int) -> int:
    """The part of an amount that falls on shares `before`..`after`; all parts add up to it."""
    return amount * after // whole - amount * before // whole

"""Which shares were really filled: executions told twice, or by two sources, count once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from kt.records import Fill, Order

Stretch = tuple[int, int]


@dataclass(frozen=True, slots=True)
class DistinctFills:
    """The fills of one order without any share twice.

    `fills` are in the order of their times; a fill of which a part was already told is cut to
    its new part. `rejected` cannot be: broken stretches, another stock or side, or shares
    beyond the order's quantity.
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
    """An order number to compare by: its digits, whatever its padding; -1 when it has none."""
    return int(ord_no) if ord_no.isdecimal() else -1


def distinct_fills(order: Order, fills: Iterable[Fill]) -> DistinctFills:
    """The shares of one order that were filled, each once; the same for any order of arrival.

    Overlapping stretches of one order number are the same shares. The stream's word comes
    before the REST listing's (its price is the execution's own), then the earlier one.
    """
    told: dict[int, list[Stretch]] = {}
    kept: list[Fill] = []
    rejected: list[Fill] = []
    left = order.quantity
    for fill in sorted(fills, key=_precedence):
        if not _possible(order, fill):
            rejected.append(fill)
            continue
        seen = told.setdefault(number(fill.ord_no), [])
        for stretch in _without((fill.from_quantity, fill.to_quantity), seen):
            seen.append(stretch)
            piece = _cut(fill, stretch, left)
            if piece.quantity < stretch[1] - stretch[0]:
                rejected.append(fill)
            if piece.quantity:
                kept.append(piece)
                left -= piece.quantity
    kept.sort(key=lambda fill: (fill.at, number(fill.ord_no), fill.from_quantity, fill.fill_id))
    return DistinctFills(tuple(kept), tuple(dict.fromkeys(rejected)))


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


def _without(stretch: Stretch, seen: list[Stretch]) -> list[Stretch]:
    """The parts of a stretch that none of the seen ones covers."""
    parts = [stretch]
    for start, end in seen:
        parts = [
            part
            for a, b in parts
            for part in ((a, min(b, start)), (max(a, end), b))
            if part[0] < part[1]
        ]
    return parts


def _cut(fill: Fill, stretch: Stretch, left: int) -> Fill:
    """The fill for a part of its stretch and for no more shares than are left."""
    start, end = stretch[0], min(stretch[1], stretch[0] + left)
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

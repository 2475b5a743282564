"""The first difference between what kt made of a recording then and what it makes of it now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kt.recording.entries import RecordedResult
from kt.records import OrderEventKind

COMPARED: dict[str, tuple[str, ...]] = {
    "decision": (
        *("action", "stock_code", "quantity", "price", "confidence", "reference_price"),
        *("analyst", "provenance", "faults"),
    ),
    "check": ("side", "stock_code", "quantity", "price", "order_type", "origin", "passed"),
    "order": (
        *("side", "stock_code", "quantity", "price", "order_type", "origin", "state", "code"),
    ),
    "event": ("kind", "quantity", "price", "code"),
}
"""What must agree where the recorded run took time of its own, in which clocks are read, threads
change places and identifiers are drawn. On the virtual clock everything must."""


@dataclass(frozen=True, slots=True)
class FirstDifference:
    """Where a replay leaves the recording: microseconds since its beginning, what was made
    (decision, check, order or event), of which stock, as it was and as it is; None for nothing."""

    at: int
    what: str
    stock_code: str
    was: dict[str, Any] | None
    now: dict[str, Any] | None


def first_difference(
    was: Sequence[RecordedResult], now: Sequence[RecordedResult], *, exact: bool
) -> FirstDifference | None:
    """None when both agree. `exact`: in all fields, times and their order. Otherwise in those of
    COMPARED, in the order in which they came for each stock and kind: different stocks may have
    changed places, and so may an order's fills and its answer. An order's fills are compared
    together: a list of the broker tells at once what the stream tells piece by piece."""
    if exact:
        return _compared("", [_whole(one) for one in was], [_whole(one) for one in now])
    found = []
    left, right = _by_stock(was), _by_stock(now)
    for key in sorted({*left, *right}):
        one = _compared(key[1], left.get(key, []), right.get(key, []))
        if one is not None:
            found.append(one)
    return min(found, key=lambda one: one.at, default=None)


_Made = tuple[RecordedResult, dict[str, Any]]


def _whole(result: RecordedResult) -> _Made:
    return result, {"at": result.at, "what": result.what, **result.values}


def _by_stock(results: Iterable[RecordedResult]) -> dict[tuple[str, str], list[_Made]]:
    """By kind and stock; an event belongs to the stock of its order. Fills are a kind of their own:
    one thread reads them from the stream while another reads the order's answer. All of an order
    stand where its first one does."""
    found: dict[tuple[str, str], list[_Made]] = defaultdict(list)
    stocks: dict[str, str] = {}
    filled: dict[str, _Filled] = {}
    for one in results:
        order_id = one.values.get("order_id", "")
        code = one.values.get("stock_code") or stocks.get(order_id, "")
        stocks.setdefault(order_id, code)
        kept = {name: one.values.get(name) for name in COMPARED.get(one.what, ())}
        if not is_fill(one):
            found[one.what, code].append((one, kept))
            continue
        if order_id not in filled:
            filled[order_id] = _Filled(kept)
            found["fill", code].append((one, kept))
        filled[order_id].add(one.values["quantity"], one.values["price"])
    return found


class _Filled:
    """Puts an order's fills together in the fields of its first: the quantity, and the average
    price in whole won."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields
        self._quantity = self._value = 0

    def add(self, quantity: int, price: int) -> None:
        self._quantity += quantity
        self._value += quantity * price
        self._fields |= {"quantity": self._quantity, "price": round(self._value / self._quantity)}


def is_fill(result: RecordedResult) -> bool:
    return result.values.get("kind") == OrderEventKind.FILL


def _agree(was: dict[str, Any], now: dict[str, Any]) -> bool:
    """In every field that was recorded: a newer kt may know more."""
    return all(name in now and now[name] == value for name, value in was.items())


def _compared(stock: str, was: Sequence[_Made], now: Sequence[_Made]) -> FirstDifference | None:
    for place in range(max(len(was), len(now))):
        before = was[place] if place < len(was) else None
        after = now[place] if place < len(now) else None
        if before is not None and after is not None and _agree(before[1], after[1]):
            continue
        shown = before or after
        assert shown is not None
        result = shown[0]
        code = stock or str(result.values.get("stock_code", ""))
        return FirstDifference(
            result.at, result.what, code, before and before[1], after and after[1]
        )
    return None

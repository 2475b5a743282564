"""Which decisions and orders of two journals of one day belong together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from itertools import zip_longest
from typing import TypeVar

from kt.records import Decision, Fill, JournalDay, Order, OrderState

T = TypeVar("T")
Pair = tuple[T | None, T | None]
"""What the first journal has and what the second has; one of them may be None."""


def matched_decisions(
    live: Sequence[Decision], backtest: Sequence[Decision], window: timedelta
) -> list[Pair[Decision]]:
    """On the same stock, the nearest in time first, at most `window` apart. Decisions without a
    time match nothing."""
    others = _grouped(enumerate(backtest), lambda numbered: numbered[1].stock_code)
    near = sorted(
        (gap, i, j)
        for i, one in enumerate(live)
        for j, other in others.get(one.stock_code, ())
        if (gap := _gap(one, other)) <= window
    )
    left, right = dict(enumerate(live)), dict(enumerate(backtest))
    pairs: list[Pair[Decision]] = []
    for _, i, j in near:
        if i in left and j in right:
            pairs.append((left.pop(i), right.pop(j)))
    pairs += [(one, None) for one in left.values()]
    return pairs + [(None, other) for other in right.values()]


def _gap(one: Decision, other: Decision) -> timedelta:
    if one.decided_at is None or other.decided_at is None:
        return timedelta.max
    return abs(one.decided_at - other.decided_at)


def matched_orders(
    live: JournalDay, backtest: JournalDay, decisions: Iterable[Pair[Decision]]
) -> list[Pair[Order]]:
    """Orders of matched decisions belong together; of orders without a decision that the journal
    has, those of the same stock, side and origin, in their order. Denied ones are left out."""
    partners = {one.decision_id: other.decision_id for one, other in decisions if one and other}
    first, first_rest = _by_decision(live)
    second, second_rest = _by_decision(backtest)
    pairs: list[Pair[Order]] = []
    for decision_id, orders in first.items():
        pairs += zip_longest(orders, second.pop(partners.get(decision_id, ""), ()))
    pairs += [(None, order) for orders in second.values() for order in orders]
    grouped, others = _grouped(first_rest, _kind), _grouped(second_rest, _kind)
    for kind in {**grouped, **others}:
        pairs += zip_longest(grouped.get(kind, ()), others.get(kind, ()))
    return sorted(pairs, key=lambda pair: min(one.created_at for one in pair if one))


def _by_decision(day: JournalDay) -> tuple[dict[str, list[Order]], list[Order]]:
    """The orders by their decision, and those without one."""
    known = {decision.decision_id for decision in day.decisions}
    orders = [order for order in day.orders if order.state is not OrderState.DENIED]
    rest = [order for order in orders if order.decision_id not in known]
    return _grouped((o for o in orders if o.decision_id in known), lambda o: o.decision_id), rest


def _kind(order: Order) -> tuple[str, ...]:
    return order.stock_code, order.side.value, order.origin.value


K = TypeVar("K")


def _grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    found: dict[K, list[T]] = defaultdict(list)
    for item in items:
        found[key(item)].append(item)
    return dict(found)


def equal_fills(live: Iterable[Fill], backtest: Iterable[Fill]) -> int:
    """How many fills of one order both have, with the same quantity and price."""
    first = Counter((fill.quantity, fill.price) for fill in live)
    return (first & Counter((fill.quantity, fill.price) for fill in backtest)).total()

"""Two journals of one day beside each other: every difference with its cause and its cost.

Profit is money received, less money paid, plus the cost of what is still held; so the costs of the
orders, and of the shares bought and not sold, add up to the difference of the realised profits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from kt.records import (
    Cause,
    CauseCost,
    ComparedSide,
    Comparison,
    DayCount,
    DayDifference,
    Decision,
    JournalDay,
    Order,
    Side,
)
from kt.rules import day_causes
from kt.rules.day_causes import NAMES, SAME_MOMENT, OneDay, Why
from kt.rules.day_matching import Pair, equal_fills, matched_decisions, matched_orders

UNEXPLAINED: Why = (Cause.UNKNOWN, "no rule explains it")
COUNTED = ("decisions", "orders", "fills")


@dataclass
class _Comparing:
    """What was found so far, in the order of time."""

    days: tuple[OneDay, OneDay]
    window: timedelta
    differences: list[DayDifference] = field(default_factory=list)
    equal: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    decided: dict[str, tuple[Pair[Decision], Why | None]] = field(default_factory=dict)
    """By the ids of both decisions: the pair, and why it differs."""
    bought: dict[str, tuple[Why, datetime]] = field(default_factory=dict)
    """By stock: why the first buy differs, and when it was made."""


def compare(
    day: date, files: tuple[str, str], live: JournalDay, backtest: JournalDay, window: timedelta
) -> Comparison:
    """The day of both journals. `files` are their names."""
    found = _Comparing((OneDay(NAMES[0], live), OneDay(NAMES[1], backtest)), window)
    pairs = matched_decisions(live.decisions, backtest.decisions, window)
    for decisions in pairs:
        _decision(found, decisions)
    for orders in matched_orders(live, backtest, pairs):
        _order(found, orders)
    found.differences.extend(_held(found))
    found.differences.sort(key=_place)
    realised = [sum(trade.profit for trade in one.trades) for one in (live, backtest)]
    return Comparison(
        day=day,
        live=files[0],
        backtest=files[1],
        window_minutes=int(window.total_seconds() // 60),
        live_realised=realised[0],
        backtest_realised=realised[1],
        difference=realised[0] - realised[1],
        counts=tuple(_counts(found)),
        causes=tuple(_causes(found.differences)),
        differences=tuple(found.differences),
    )


def _counts(found: _Comparing) -> Iterator[DayCount]:
    live, backtest = ((one.day.decisions, one.placed, one.day.fills) for one in found.days)
    for what, first, second in zip(COUNTED, live, backtest, strict=True):
        yield DayCount(what=what, live=len(first), backtest=len(second), equal=found.equal[what])


def _causes(differences: list[DayDifference]) -> Iterator[CauseCost]:
    for cause in Cause:
        costs = [one.cost for one in differences if one.cause is cause]
        if costs:
            yield CauseCost(cause=cause, differences=len(costs), cost=sum(costs))


def _place(one: DayDifference) -> tuple[bool, datetime | None, str]:
    times = [side.at for side in (one.live, one.backtest) if side]
    return not times, min(times, default=None), one.stock_code


def _decision(found: _Comparing, pair: Pair[Decision]) -> None:
    """A decision that orders nothing and that only one journal has is no difference."""
    live, backtest = pair
    why = None
    if live and backtest and day_causes.same_decision(live, backtest):
        found.equal["decisions"] += 1
    elif any(one.action.trades for one in pair if one):
        why = _why_decided(found, live, backtest)
        found.differences.append(
            _row("decision", pair, why, 0, (_decided(live), _decided(backtest)))
        )
    for one in filter(None, pair):
        found.decided[one.decision_id] = pair, why


def _why_decided(found: _Comparing, live: Decision | None, backtest: Decision | None) -> Why:
    if live and backtest:
        return day_causes.decision_cause(live, backtest)
    there, one = (found.days[1], live) if live else (found.days[0], backtest)
    assert one is not None
    return day_causes.lone_decision_cause(one, there, found.window)


def _order(found: _Comparing, pair: Pair[Order]) -> None:
    live, backtest = pair
    first, second = found.days
    if live and backtest:
        fills = first.fills.get(live.order_id, []), second.fills.get(backtest.order_id, [])
        found.equal["fills"] += equal_fills(*fills)
        if _same(found, live, backtest):
            found.equal["orders"] += 1
            return
    why = _cause(found, pair)
    sides = _ordered(live, first), _ordered(backtest, second)
    cash = [side.cash if side else 0 for side in sides]
    one = next(order for order in pair if order)
    if one.side is Side.BUY and _other_shares(sides):
        found.bought.setdefault(one.stock_code, (why, one.created_at))
    found.differences.append(_row("order", pair, why, cash[0] - cash[1], sides))


def _other_shares(sides: Pair[ComparedSide]) -> bool:
    """Whether the shares bought, or the price paid for them, differ."""
    told = [(side.filled, side.fill_price) if side else (0, None) for side in sides]
    return told[0] != told[1]


def _same(found: _Comparing, live: Order, backtest: Order) -> bool:
    first, second = found.days
    filled = first.filled_at(live), second.filled_at(backtest)
    times = [(first.sent(live), second.sent(backtest))]
    if filled[0] and filled[1]:
        times.append((filled[0], filled[1]))
    return (
        day_causes.same_ticket(live, backtest)
        and (live.filled_quantity, live.filled_value)
        == (backtest.filled_quantity, backtest.filled_value)
        and (live.state == backtest.state or live.filled_quantity > 0)
        and first.cash(live) == second.cash(backtest)
        and all(abs(one - other) <= SAME_MOMENT for one, other in times)
    )


def _cause(found: _Comparing, pair: Pair[Order]) -> Why:
    live, backtest = pair
    one = next(order for order in pair if order)
    decided, why_decided = found.decided.get(one.decision_id, (None, None))
    levels = day_causes.other_levels(pair, found.days)
    follows = _follows(found, one.stock_code) if one.side is Side.SELL else None
    if follows and why_decided and why_decided[0] is Cause.DATA:
        why_decided = follows
    if live and backtest:
        why = day_causes.pair_cause(live, backtest, found.days, why_decided)
        exits = day_causes.exit_cause(live, backtest, found.days, found.window)
        return why or levels or follows or exits or _alike(found, live, backtest) or UNEXPLAINED
    there = found.days[1] if live else found.days[0]
    why = day_causes.lone_cause(one, there, decided, why_decided, found.window)
    return why or follows or levels or UNEXPLAINED


def _alike(found: _Comparing, live: Order, backtest: Order) -> Why | None:
    """Of the same order at the same time, what is known and is none of the causes."""
    first, second = found.days
    if not day_causes.same_ticket(live, backtest):
        return None
    if live.filled_value == backtest.filled_value and first.cash(live) != second.cash(backtest):
        return Cause.UNKNOWN, "the same fills, other fees or tax"
    if abs(first.sent(live) - second.sent(backtest)) <= SAME_MOMENT:
        return Cause.UNKNOWN, "sent at the same time: the market or the fill model differs"
    return None


def _follows(found: _Comparing, stock_code: str) -> Why | None:
    """The cause of the stock's first buy that differs, for what comes after it."""
    if stock_code not in found.bought:
        return None
    (cause, _), at = found.bought[stock_code]
    return cause, f"follows from the buy of {at:%H:%M:%S}"


def _held(found: _Comparing) -> Iterator[DayDifference]:
    """Of each stock, what the days' realised profits differ by beyond the cash of its orders."""
    names = {
        order.stock_code: order.stock_name for one in found.days for order in one.day.orders
    } | {trade.stock_code: trade.stock_name for one in found.days for trade in one.day.trades}
    for code, name in sorted(names.items()):
        live, backtest = (_cost_of_held(one, code) for one in found.days)
        if live != backtest:
            rows = (one for one in found.differences if one.what == "order")
            first = next((row for row in rows if row.stock_code == code), None)
            yield DayDifference(
                what="held",
                stock_code=code,
                stock_name=name,
                cause=first.cause if first else Cause.UNKNOWN,
                detail=f"shares held cost {live:,} and {backtest:,}",
                cost=live - backtest,
            )


def _cost_of_held(one: OneDay, stock_code: str) -> int:
    """What the shares bought and not sold that day cost, less what sold ones of earlier days did,
    in won."""
    profit = sum(trade.profit for trade in one.day.trades if trade.stock_code == stock_code)
    fills = (fill for fill in one.day.fills if fill.stock_code == stock_code)
    return profit - sum(one.cash_of(fill) for fill in fills)


def _row(
    what: str,
    pair: Pair[Decision] | Pair[Order],
    why: Why,
    cost: int,
    sides: Pair[ComparedSide],
) -> DayDifference:
    one = next(item for item in pair if item)
    return DayDifference(
        what=what,
        stock_code=one.stock_code,
        stock_name=one.stock_name,
        cause=why[0],
        detail=why[1],
        cost=cost,
        live=sides[0],
        backtest=sides[1],
    )


def _decided(one: Decision | None) -> ComparedSide | None:
    if one is None or one.decided_at is None:
        return None
    return ComparedSide(
        id=one.decision_id,
        at=one.decided_at,
        action=one.action.value,
        quantity=one.quantity,
        price=one.price,
    )


def _ordered(order: Order | None, there: OneDay) -> ComparedSide | None:
    if order is None:
        return None
    return ComparedSide(
        id=order.order_id,
        at=there.sent(order),
        action=order.side.value,
        quantity=order.quantity,
        price=order.price,
        origin=order.origin.value,
        state=order.state.value,
        filled=order.filled_quantity,
        fill_price=round(order.average_fill, 2) if order.filled_quantity else None,
        filled_at=there.filled_at(order),
        cash=there.cash(order),
    )

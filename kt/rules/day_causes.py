"""Why a decision or an order differs between two journals of one day: the first rule that applies,
and `unknown` when none does (docs/virtual-clock.md#compare)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kt.records import (
    EXITS,
    Action,
    Cause,
    Decision,
    ExitLevels,
    Fill,
    JournalDay,
    Order,
    OrderState,
    Origin,
    Side,
)
from kt.rules.day_matching import Pair

Why = tuple[Cause, str]
SAME_MOMENT = timedelta(seconds=1)
"""What is at most so far apart has the same time."""
OTHER_LEVEL_PCT = 0.5
"""Stops and targets, in percent of the price paid, that differ by more were set otherwise; less is
the rounding to ticks."""
BY_PRICE = frozenset({Origin.STOP_LOSS, Origin.TAKE_PROFIT})
"""Exits that a price alone causes."""
NAMES = ("the live day", "the backtest")


@dataclass
class OneDay:
    """One journal's day, with what the rules look up in it."""

    name: str
    day: JournalDay
    decisions: dict[str, Decision] = field(init=False)
    fills: dict[str, list[Fill]] = field(init=False)

    def __post_init__(self) -> None:
        self.decisions = {one.decision_id: one for one in self.day.decisions}
        self.fills = {}
        for fill in self.day.fills:
            self.fills.setdefault(fill.order_id, []).append(fill)

    @property
    def placed(self) -> list[Order]:
        """The orders that no rule denied."""
        return [order for order in self.day.orders if order.state is not OrderState.DENIED]

    def sent(self, order: Order) -> datetime:
        """When the order was sent; when it was made, if the journal does not have that."""
        return self.day.sent.get(order.order_id, order.created_at)

    def filled_at(self, order: Order) -> datetime | None:
        return min((fill.at for fill in self.fills.get(order.order_id, ())), default=None)

    def cash(self, order: Order) -> int:
        """What the order's fills changed in cash, after fees and tax, in won."""
        return sum(map(self.cash_of, self.fills.get(order.order_id, ())))

    @staticmethod
    def cash_of(fill: Fill) -> int:
        """What one fill changed in cash, in won."""
        value = fill.quantity * fill.price
        return (value if fill.side is Side.SELL else -value) - fill.fee - fill.tax

    def levels(self, order: Order) -> ExitLevels | None:
        """Stop and target of the order's stock when it was made."""
        set_before = (
            one
            for one in self.day.levels
            if one.stock_code == order.stock_code and one.at <= order.created_at
        )
        return max(set_before, key=lambda one: one.at, default=None)

    def denied(self, order: Order, decision: Decision | None, window: timedelta) -> str:
        """The codes of the rules that denied such an order here: of this decision, or without one
        of the same stock and side at most `window` away. Empty for none."""
        denials = [(d.decision_id, d.stock_code, d.side, d.codes, d.at) for d in self.day.denials]
        denials += [
            (one.decision_id, one.stock_code, one.side, one.code, one.created_at)
            for one in self.day.orders
            if one.state is OrderState.DENIED
        ]
        for decision_id, stock_code, side, codes, at in denials:
            if decision is not None:
                if decision_id == decision.decision_id:
                    return codes
            elif (stock_code, side) == (order.stock_code, order.side) and (
                abs(at - order.created_at) <= window
            ):
                return codes
        return ""


def lone_decision_cause(one: Decision, there: OneDay, window: timedelta) -> Why:
    """Of a decision that the other journal, `there`, does not have."""
    others = (other.decided_at for other in there.day.decisions)
    if any(at and one.decided_at and abs(at - one.decided_at) <= window for at in others):
        return Cause.DATA, f"not a candidate in {there.name}"
    return Cause.UNKNOWN, f"nothing was decided in {there.name} at that time"


def decision_cause(live: Decision, backtest: Decision) -> Why:
    """Of two decisions that differ."""
    why: Why = (Cause.MODEL, "decided otherwise at the same price")
    seen = live.reference_price, backtest.reference_price
    if live.action is Action.ABSTAIN or backtest.action is Action.ABSTAIN:
        there = NAMES[0] if live.action is Action.ABSTAIN else NAMES[1]
        why = Cause.MODEL, f"no usable answer of the analyst in {there}"
    elif live.question_key and live.question_key == backtest.question_key:
        why = Cause.MODEL, "the same question, another answer"
    elif live.held != backtest.held:
        why = Cause.DATA, f"{live.held:,} and {backtest.held:,} shares held"
    elif 0 in seen:
        why = Cause.UNKNOWN, "the price that was decided on is not known"
    elif seen[0] != seen[1]:
        why = Cause.DATA, f"decided at {seen[0]:,} and {seen[1]:,}"
    return why


def same_decision(live: Decision, backtest: Decision) -> bool:
    """Whether both order the same, or nothing."""
    if not (live.action.trades or backtest.action.trades):
        return True
    return (live.action, live.quantity, live.price) == (
        backtest.action,
        backtest.quantity,
        backtest.price,
    )


def lone_cause(
    order: Order,
    there: OneDay,
    decided: Pair[Decision] | None,
    why_decided: Why | None,
    window: timedelta,
) -> Why | None:
    """Of an order that only one journal has. `there` is the other one, `decided` the decisions that
    the order is based on, `why_decided` why they differ. None: no rule applies."""
    if why_decided is not None:
        return why_decided
    partner = next(
        (one for one in decided or () if one and there.decisions.get(one.decision_id)), None
    )
    codes = there.denied(order, partner, window)
    if codes:
        return Cause.LIMIT, f"denied in {there.name}: {codes}"
    if partner is not None:
        return Cause.UNKNOWN, f"decided alike, and no order in {there.name}"
    return None


def pair_cause(
    live: Order, backtest: Order, days: tuple[OneDay, OneDay], why_decided: Why | None
) -> Why | None:
    """Of an order that both journals have and that is not the same. None: no rule applies."""
    rejected = [one.state is OrderState.REJECTED for one in (live, backtest)]
    if rejected[0] != rejected[1]:
        order, there = (live, days[0]) if rejected[0] else (backtest, days[1])
        return Cause.REFUSAL, f"the broker rejected it in {there.name}: {order.code}"
    if why_decided is not None:
        return why_decided
    later = days[1].sent(backtest) - days[0].sent(live)
    if not same_ticket(live, backtest):
        if live.decision_id and live.quantity != backtest.quantity:
            return Cause.LIMIT, f"sized {live.quantity:,} and {backtest.quantity:,} by the limits"
        return None
    if abs(later) <= SAME_MOMENT or live.origin in EXITS:
        return None
    return _late(later)


def exit_cause(
    live: Order, backtest: Order, days: tuple[OneDay, OneDay], window: timedelta
) -> Why | None:
    """Of an exit that both journals have at the same stop and target, and that is not the same.
    None: no rule applies."""
    levels = days[0].levels(live), days[1].levels(backtest)
    later = days[1].sent(backtest) - days[0].sent(live)
    if live.origin not in BY_PRICE or None in levels or abs(later) <= SAME_MOMENT:
        return None
    if abs(later) > window:
        return Cause.DATA, "the price reached it at another time"
    return _late(later) if same_ticket(live, backtest) else None


def other_levels(orders: Pair[Order], days: tuple[OneDay, OneDay]) -> Why | None:
    """`limit` for an exit by price whose stop or target was set at another part of the price paid;
    with one order, as it was set in the other journal by that time."""
    at = next(order for order in orders if order)
    if at.origin not in BY_PRICE:
        return None
    first, second = (day.levels(one or at) for day, one in zip(days, orders, strict=True))
    if first is None or second is None:
        return None
    for name in ("stop_price", "target_price"):
        one, other = _percent(first, name), _percent(second, name)
        if abs(one - other) > OTHER_LEVEL_PCT:
            word = name.removesuffix("_price")
            return Cause.LIMIT, f"{word} set at {one:+.1f}% and {other:+.1f}%"
    return None


def _percent(levels: ExitLevels, name: str) -> float:
    price = int(getattr(levels, name))
    return (price / levels.average_price - 1) * 100 if levels.average_price else 0.0


def _late(later: timedelta) -> Why:
    seconds = abs(later.total_seconds())
    there = NAMES[1] if later > timedelta(0) else NAMES[0]
    return Cause.LATENCY, f"sent {seconds:,.1f} s later in {there}"


def same_ticket(live: Order, backtest: Order) -> bool:
    """Whether the same was ordered."""
    return (live.quantity, live.price, live.order_type) == (
        backtest.quantity,
        backtest.price,
        backtest.order_type,
    )

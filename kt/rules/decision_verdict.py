"""The verdict on a decision at its horizon: what it earned after costs, and whether doing it was
better than not doing it (docs/decision-scores.md#verdict).

Until the horizon a stock is either held or not. A BUY and a HOLD of a held stock choose to hold it;
a SELL and a HOLD of a stock that is not held choose the opposite. Both choices have a return, and a
decision is right when its own is the higher one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kt.records import KST, Action
from kt.rules import calendar, fees


@dataclass(frozen=True, slots=True)
class TradeCosts:
    """What one side of a trade costs, in percent of the price."""

    buy_pct: float
    sell_pct: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Rates in percent of the price that the decision is judged from, after costs."""

    return_pct: float
    """Of what was decided."""
    edge_pct: float
    """How much more than not doing it."""
    hit: bool


def cost_rates(commission_pct: float, market: str, kind: str, day: datetime) -> TradeCosts:
    """The costs of a stock on a day: commission on both sides, and the tax on the sale."""
    tax_pct = fees.sell_tax_rate(market, kind, day.astimezone(KST).date()) / 1000
    return TradeCosts(commission_pct, commission_pct + tax_pct)


def holds(action: Action, held: bool) -> bool:
    """Whether the stock is held after the decision was carried out."""
    return action is Action.BUY or (action is Action.HOLD and held)


def choice_pct(hold: bool, held: bool, price: float, later: float, costs: TradeCosts) -> float:
    """What holding or not holding the stock earns from `price` to `later`, in percent of `price`.

    Holding costs a round trip unless the stock is held already; not holding a held stock costs the
    sale.
    """
    if hold:
        move_pct = (later - price) * 100 / price
        return move_pct if held else move_pct - costs.buy_pct - costs.sell_pct
    return -costs.sell_pct if held else 0.0


def verdict(action: Action, held: bool, price: float, later: float, costs: TradeCosts) -> Verdict:
    """Judge a BUY, SELL or HOLD from `price` (above 0) to `later`, both in won.

    A HOLD of a stock that is not held is right too when buying would have earned exactly nothing.
    """
    if action is Action.SELL:
        held = True
    hold = holds(action, held)
    earned = choice_pct(hold, held, price, later, costs)
    edge = earned - choice_pct(not hold, held, price, later, costs)
    return Verdict(earned, edge, edge > 0 or (edge == 0 and not hold and not held))


def horizon_end(decided_at: datetime, minutes: int) -> datetime | None:
    """The end of a decision's horizon: `minutes` later, or that day's close if it comes before.
    None for a decision on a closed day or after the close, which has no price to be judged by."""
    hours = calendar.hours(decided_at.astimezone(KST).date())
    if hours is None or decided_at >= hours.close:
        return None
    return min(decided_at + timedelta(minutes=minutes), hours.close)

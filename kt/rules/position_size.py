"""Position sizing: what limits and cash allow, scaled by the risk level, in whole shares."""

from __future__ import annotations

from dataclasses import dataclass

from kt.records import Action, Decision, RiskLevel
from kt.rules import fees

ROOM_PCT: dict[RiskLevel, int] = {RiskLevel.LOW: 100, RiskLevel.MEDIUM: 75, RiskLevel.HIGH: 40}
"""The percentage of the allowed amount that a decision of each risk level may use. The process
document's own decision (10 shares at 70,000 won, MEDIUM, 1,000,000 won a stock) fits with its
commission."""


@dataclass(frozen=True, slots=True)
class PositionSize:
    """A number of shares and how it was calculated. For `quantity` 0 the reason is in `detail`."""

    quantity: int
    detail: str


def buy_size(
    decision: Decision,
    price: int,
    *,
    cash: int,
    per_stock_left: int,
    total_left: int,
    commission_pct: float = fees.REAL_COMMISSION_PCT,
) -> PositionSize:
    """The size of a buy at `price` won a share.

    The allowed amount is the smallest of the orderable cash and what is left of the two limits, in
    won; the decision's risk level takes a percentage of it, commission included; the analyst's
    quantity is an upper bound.
    """
    if decision.action is not Action.BUY or price <= 0:
        return PositionSize(0, f"0: nothing to buy ({decision.action} at {price:,})")
    room = max(0, min(cash, per_stock_left, total_left))
    part = room * ROOM_PCT[decision.risk_level] // 100
    affordable = _affordable(part, price, commission_pct)
    quantity = min(affordable, max(0, decision.quantity))
    return PositionSize(
        quantity,
        f"room min(cash {cash:,}, stock {per_stock_left:,}, total {total_left:,}) = {room:,}; "
        f"{decision.risk_level} {ROOM_PCT[decision.risk_level]} % = {part:,}; at {price:,} with "
        f"fee {affordable:,} shares; analyst {decision.quantity:,}: {quantity:,}",
    )


def sell_size(decision: Decision, sellable: int) -> PositionSize:
    """The size of a sell: the analyst's quantity, limited to what may be sold."""
    if decision.action is not Action.SELL:
        return PositionSize(0, f"0: nothing to sell ({decision.action})")
    quantity = max(0, min(decision.quantity, sellable))
    return PositionSize(
        quantity, f"min(analyst {decision.quantity:,}, sellable {sellable:,}): {quantity:,}"
    )


def _affordable(money: int, price: int, commission_pct: float) -> int:
    """The most shares whose value and commission `money` pays for."""
    rate = round(commission_pct * 1_000_000)
    shares = money * 100_000_000 // (price * (100_000_000 + rate))
    while fees.buy_cost((shares + 1) * price, commission_pct) <= money:
        shares += 1  # the commission is cut to 10 won, which may leave room for a little more
    return shares

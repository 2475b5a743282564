"""How much to order, in whole shares: the least of what room, risk, volume and analyst allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kt.config.model import Sizing
from kt.records import Action, Decision, Quote, RiskLevel
from kt.rules import fees

DEFAULT = Sizing()


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
    sizing: Sizing = DEFAULT,
    stop_loss_pct: float = 5.0,
    quote: Quote | None = None,
    commission_pct: float = fees.REAL_COMMISSION_PCT,
) -> PositionSize:
    """The size of a purchase at `price` won a share, as the least of its bounds.

    The room is the least of the cash for orders and what the two limits leave, in won; the
    decision's risk level and the range of the day take their part of it, commission included.
    Besides, the loss down to the stop, the day's volume and the analyst's quantity are upper
    bounds. What a missing quote would say is left out.
    """
    if decision.action is not Action.BUY or price <= 0:
        return PositionSize(0, f"0: nothing to buy ({decision.action} at {price:,})")
    room = max(0, min(cash, per_stock_left, total_left))
    part, said = _part(room, decision.risk_level, sizing, quote)
    bounds = [fees.affordable(part, price, commission_pct)]
    words = [
        f"room min(cash {cash:,}, stock {per_stock_left:,}, total {total_left:,}) = {room:,}",
        *said,
        f"at {price:,} with fee {bounds[0]:,} shares",
    ]
    for bound, source in _other_bounds(price, sizing, stop_loss_pct, quote):
        bounds.append(bound)
        words.append(f"{source}: {bound:,}")
    quantity = min(*bounds, max(0, decision.quantity))
    words.append(f"analyst {decision.quantity:,}: {quantity:,}")
    return PositionSize(quantity, "; ".join(words))


def _part(room: int, risk: RiskLevel, sizing: Sizing, quote: Quote | None) -> tuple[int, list[str]]:
    """What may be used of the room, in won, and how that came about."""
    share = _room_pct(risk, sizing)
    part = int(room * share / 100)
    words = [f"{risk} {share:g} % = {part:,}"]
    if quote is not None and quote.base_price > 0 and sizing.calm_range_pct:
        ranged = 100 * (quote.high - quote.low) / quote.base_price
        if ranged > sizing.calm_range_pct:
            part = int(part * sizing.calm_range_pct / ranged)
            words.append(f"range {ranged:.1f} % above {sizing.calm_range_pct:g} % = {part:,}")
    return part, words


def _room_pct(risk: RiskLevel, sizing: Sizing) -> float:
    return {
        RiskLevel.LOW: sizing.low_risk_pct,
        RiskLevel.MEDIUM: sizing.medium_risk_pct,
        RiskLevel.HIGH: sizing.high_risk_pct,
    }[risk]


def _other_bounds(
    price: int, sizing: Sizing, stop_loss_pct: float, quote: Quote | None
) -> Iterator[tuple[int, str]]:
    """Bounds in shares, each with what it comes from."""
    if sizing.risk_to_stop:
        shares = int(sizing.risk_to_stop * 100 / (price * stop_loss_pct))
        yield shares, f"{sizing.risk_to_stop:,} to the stop at -{stop_loss_pct:g} %"
    if sizing.volume_pct and quote is not None:
        shares = int(quote.volume * sizing.volume_pct / 100)
        yield shares, f"{sizing.volume_pct:g} % of the volume {quote.volume:,}"


def sell_size(decision: Decision, sellable: int) -> PositionSize:
    """The size of a sell: the analyst's quantity, limited to what may be sold."""
    if decision.action is not Action.SELL:
        return PositionSize(0, f"0: nothing to sell ({decision.action})")
    quantity = max(0, min(decision.quantity, sellable))
    return PositionSize(
        quantity, f"min(analyst {decision.quantity:,}, sellable {sellable:,}): {quantity:,}"
    )

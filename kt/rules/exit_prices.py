"""Level 2: where a position is sold — its stop-loss and take-profit prices, and when they are due.

Percentages are of the average price, before costs: bought at 70,000, +10 % is 77,000 and −5 %
is 66,500.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace

from kt.config.model import Exits
from kt.records import Origin, Position
from kt.rules import ticks


@dataclass(frozen=True, slots=True)
class ExitPrices:
    """Both in won, on the grid; sold at `stop` or below, and at `target` or above."""

    stop: int
    target: int


def exit_prices(average_price: int, exits: Exits, kind: str = "STOCK") -> ExitPrices:
    """The exits of a position from its average price.

    Both are rounded up to the grid: the loss at the stop is never more than configured, the
    profit at the target never less. The target is above the average and the stop below it, or 0
    (none) at an average of 1 won.
    """
    if average_price <= 0:
        raise ValueError(f"an average price must be above 0: {average_price}")
    below = ticks.step(average_price, -1, kind)
    above = ticks.step(average_price, 1, kind)
    stop = ticks.round_up(_part(average_price, -exits.stop_loss_pct), kind)
    target = ticks.round_up(_part(average_price, exits.take_profit_pct), kind)
    stop = min(stop, below)
    return ExitPrices(stop=stop if stop < average_price else 0, target=max(target, above))


def due(position: Position, price: int, now: datetime, exits: Exits) -> Origin | None:
    """Which exit a price triggers at this moment; None for none. A price of 0 is no price.

    Where several are due at once the stop comes first: one order leaves.
    """
    if price <= 0 or position.quantity <= 0:
        return None
    if position.stop_price and price <= position.stop_price:
        return Origin.TRAILING_STOP if position.trailing else Origin.STOP_LOSS
    if position.target_price and price >= position.target_price:
        return Origin.TAKE_PROFIT
    return Origin.TIME_STOP if _held_too_long(position, now, exits) else None


def _held_too_long(position: Position, now: datetime, exits: Exits) -> bool:
    """Counted from the first buy. What is to be left alone has no stop, and no time stop."""
    if not exits.max_holding_minutes or not (position.stop_price or position.target_price):
        return False
    return now - position.opened_at >= timedelta(minutes=exits.max_holding_minutes)


def trailed(position: Position, price: int, exits: Exits, kind: str = "STOCK") -> Position:
    """The position after a price: a new high raises the trailing stop, and nothing lowers it.

    The stop lies `trailing_stop_pct` below the highest price, rounded up to the grid; as long as
    that is not above the stop-loss, the stop-loss stands.
    """
    if not exits.trailing_stop_pct or not position.stop_price or price <= position.peak_price:
        return position
    peak = max(price, position.average_price)
    stop = ticks.round_up(_part(peak, -exits.trailing_stop_pct), kind)
    stop = min(stop, ticks.step(peak, -1, kind))
    if stop <= position.stop_price:
        return replace(position, peak_price=peak)
    return replace(position, peak_price=peak, stop_price=stop, trailing=True)


def _part(price: int, pct: float) -> int:
    """`price` changed by `pct` percent, rounded up to the won."""
    return -(-price * (100_000_000 + round(pct * 1_000_000)) // 100_000_000)

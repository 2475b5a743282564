"""Stop-loss and take-profit prices of a position (level 2), and when they trigger.

Percentages are of the average price, before costs: bought at 70,000, +10 % is 77,000 and −5 % is
66,500.
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
    """Prices in won, on the tick grid; triggered at `stop` or below, and at `target` or above."""

    stop: int
    target: int


def exit_prices(average_price: int, exits: Exits, kind: str = "STOCK") -> ExitPrices:
    """The exit prices of a position from its average price.

    Both are rounded up to the tick grid: the loss at the stop is never more than configured, the
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
    """Which exit a price triggers now; None for none. A price of 0 triggers no price exit.

    When several trigger at once the stop comes first: only one order is sent.
    """
    if price <= 0 or position.quantity <= 0:
        return None
    if position.stop_price and price <= position.stop_price:
        return Origin.TRAILING_STOP if position.trailing else Origin.STOP_LOSS
    if position.target_price and price >= position.target_price:
        return Origin.TAKE_PROFIT
    return Origin.TIME_STOP if _held_too_long(position, now, exits) else None


def _held_too_long(position: Position, now: datetime, exits: Exits) -> bool:
    """Counted from the first buy. A position without a stop has no time stop either."""
    if not exits.max_holding_minutes or not (position.stop_price or position.target_price):
        return False
    return now - position.opened_at >= timedelta(minutes=exits.max_holding_minutes)


def trailed(position: Position, price: int, exits: Exits, kind: str = "STOCK") -> Position:
    """The position after a price: a new high raises the trailing stop, and nothing lowers it.

    The stop is `trailing_stop_pct` below the highest price, rounded up to the tick grid; the
    stop-loss stays in force until that is above it.
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

"""Level 2: where a position is sold — its stop-loss and take-profit prices, and when they are due.

Percentages are of the average price, before costs: bought at 70,000, +10 % is 77,000 and −5 %
is 66,500.
"""

from __future__ import annotations

from dataclasses import dataclass

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


def due(position: Position, price: int) -> Origin | None:
    """Which exit a price triggers: STOP_LOSS, TAKE_PROFIT or None. A price of 0 is no price."""
    if price <= 0 or position.quantity <= 0:
        return None
    if position.stop_price and price <= position.stop_price:
        return Origin.STOP_LOSS
    if position.target_price and price >= position.target_price:
        return Origin.TAKE_PROFIT
    return None


def _part(price: int, pct: float) -> int:
    """`price` changed by `pct` percent, rounded up to the won."""
    return -(-price * (100_000_000 + round(pct * 1_000_000)) // 100_000_000)

"""At what price and for how many shares an order fills on a minute bar.

Bars tell neither the book nor the queue, so the model errs against the user
(docs/virtual-clock.md#fills).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from kt.records import Side
from kt.rules import ticks

BarPrice = Literal["open", "worse", "extreme"]
"""Which price of a bar a market order gets before slippage: the open, the worse of open and close,
or the worst of all (the high for a buy, the low for a sale)."""


class PriceBar(Protocol):
    """The prices of a bar, in won."""

    @property
    def open(self) -> int: ...
    @property
    def high(self) -> int: ...
    @property
    def low(self) -> int: ...
    @property
    def close(self) -> int: ...


@dataclass(frozen=True, slots=True)
class FillModel:
    """The configuration's `backtest` section as the exchange uses it."""

    market_price: BarPrice = "worse"
    slippage_ticks: int = 1
    limit_touch: bool = False
    participation_pct: float = 10.0

    def shares(self, volume: int) -> int:
        """How many of a bar's shares all orders of the account may have together."""
        return int(volume * self.participation_pct / 100)


def market_price(
    model: FillModel, bar: PriceBar, side: Side, limits: tuple[int, int], kind: str = "STOCK"
) -> int:
    """What a market order pays or gets: the bar's price and the slippage, on the tick grid and
    inside the day's (lower, upper) limits."""
    buying = side is Side.BUY
    worst = max if buying else min
    price = {
        "open": bar.open,
        "worse": worst(bar.open, bar.close),
        "extreme": bar.high if buying else bar.low,
    }[model.market_price]
    grid = ticks.round_up(price, kind) if buying else ticks.round_down(price, kind)
    slipped = ticks.step(grid, model.slippage_ticks if buying else -model.slippage_ticks, kind)
    return max(limits[0], min(limits[1], slipped))


def fill_price(
    model: FillModel,
    bar: PriceBar,
    side: Side,
    price: int,
    limits: tuple[int, int],
    kind: str = "STOCK",
) -> int | None:
    """The price at which an order (`price` 0: market) fills on a bar, None when it does not.

    A limit order fills when the bar trades through its price, or with `limit_touch` at it, and
    never better than a market order would. A market order is one at the day's limit, so nothing is
    bought in a bar that trades only at the upper limit, where there are no sellers.
    """
    buying = side is Side.BUY
    limit = price or (limits[1] if buying else limits[0])
    past = limit - bar.low if buying else bar.high - limit
    if past < 0 or (past == 0 and not model.limit_touch):
        return None
    market = market_price(model, bar, side, limits, kind)
    return min(limit, market) if buying else max(limit, market)

"""One minute of a stock second by second, with what is known of it at each second."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MinuteSeconds:
    """The seconds of one minute, 60 of each: prices, shares, the last second so far with a trade
    (-1: none), and the highest and lowest traded price so far (0: none)."""

    prices: list[int]
    quantities: list[int]
    traded: list[int]
    highs: list[int]
    lows: list[int]


def minute_seconds(prices: list[int], quantities: list[int]) -> MinuteSeconds:
    """A minute from its prices and shares by second."""
    traded, highs, lows = [], [], []
    last, high, low = -1, 0, 0
    for second, quantity in enumerate(quantities):
        if quantity:
            price = prices[second]
            high, low = (max(high, price), min(low, price)) if last >= 0 else (price, price)
            last = second
        traded.append(last)
        highs.append(high)
        lows.append(low)
    return MinuteSeconds(prices, quantities, traded, highs, lows)

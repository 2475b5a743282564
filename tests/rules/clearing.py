"""The rule of a call auction, as an oracle: the exchange draws a print and makes orders to fit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

Interest = tuple[int, int]
"""(price in won, shares); price 0 means a market order."""


@dataclass(frozen=True, slots=True)
class Clearing:
    """What a call auction prints: one price for all, and how many shares change hands."""

    price: int
    volume: int


def auction(buys: Iterable[Interest], sells: Iterable[Interest], last: int) -> Clearing | None:
    """The clearing of a call auction (docs/market-rules.md#matching); None when nothing crosses.

    The price that trades most. Of several: the last price if it is one of them; the nearest of
    them when the last price lies outside their range; otherwise the nearest above the last
    price. Only market orders on both sides: the last price. `last` is the last traded price,
    before the first trade of the day the base price.
    """
    bids, asks = list(buys), list(sells)
    prices = sorted({price for price, _ in (*bids, *asks) if price})
    if not prices:
        volume = min(sum(size for _, size in bids), sum(size for _, size in asks))
        return Clearing(last, volume) if volume else None
    volumes = _volumes(prices, bids, asks)
    most = max(volumes)
    if not most:
        return None
    tied = [price for price, volume in zip(prices, volumes, strict=True) if volume == most]
    return Clearing(_among(tied, last), most)


def _volumes(prices: list[int], bids: list[Interest], asks: list[Interest]) -> list[int]:
    """Shares that would trade at each price: the smaller of demand and supply there."""
    demand = dict.fromkeys(prices, 0)
    supply = dict.fromkeys(prices, 0)
    for price, size in bids:
        demand[price or prices[-1]] += size
    for price, size in asks:
        supply[price or prices[0]] += size
    offered = accumulate(supply[price] for price in prices)
    wanted = list(accumulate(demand[price] for price in reversed(prices)))[::-1]
    return [min(pair) for pair in zip(wanted, offered, strict=True)]


def _among(tied: list[int], last: int) -> int:
    if last <= tied[0]:
        return tied[0]
    return next((price for price in tied if price >= last), tied[-1])

"""One minute of a stock: its bar, and second by second what trades in it.

A single second is computed alone, without the others; a minute of which several seconds are asked
for is drawn as a whole, with the same result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import add, sub
from random import Random

import msgspec

LAST = 59
FEWEST = 4
"""The fewest shares that trade at the open, high, low and close of a minute. With fewer, all trade
in the last second, at the close."""


class Minute(msgspec.Struct, frozen=True, gc=False):
    """One minute's bar, and the seconds of its high and low."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    turn: int
    """The second of whichever of high and low comes first."""
    back: int
    """The second of the other one."""
    low_first: bool
    bits: int
    tick: int
    auction: int = 0
    """Shares of the opening auction, part of `volume`, traded at second 0."""


@dataclass(frozen=True, slots=True)
class MinuteSeconds:
    """The seconds of one minute, 60 of each: prices, shares, the last second so far with a trade
    (-1: none), and the highest and lowest traded price so far (0: none)."""

    prices: list[int]
    quantities: list[int]
    traded: Sequence[int]
    highs: list[int]
    lows: list[int]


_EVERY_SECOND = range(60)


def _profiles() -> list[list[float]]:
    """Profiles of a minute's volume over its seconds, as cumulative shares up to 1."""
    rng = Random(20260320)
    found = []
    for _ in range(32):
        weights = [rng.random() * rng.random() * rng.random() for _ in range(60)]
        total = sum(weights)
        sums = list(accumulate(weight / total for weight in weights))
        sums[-1] = 1.0
        found.append(sums)
    return found


_PROFILES = _profiles()
_PARTS = [[second / length for second in range(1, length)] for length in range(1, 60)]
"""How much of a move has passed in each second between its ends, by its length less one."""
_SHIFTS = tuple(second % 48 for second in range(60))
"""Where the two bits of a second's bid-ask noise are: -1, 0, 1 or (as 0) 2 ticks."""


# --- one second ----------------------------------------------------------------------------------


def price_of(minute: Minute, second: int) -> int:
    """The price in a second, whether or not there is a trade."""
    if second == LAST or minute.volume < FEWEST:
        return minute.close
    high, low = minute.high, minute.low
    if second == 0 or high == low:
        return minute.open
    turn, back = minute.turn, minute.back
    first, then = (low, high) if minute.low_first else (high, low)
    if second < turn:
        start, end, part = minute.open, first, second / turn
    elif second > back:
        start, end, part = then, minute.close, (second - back) / (LAST - back)
    elif second == back:
        return then
    elif second == turn:
        return first
    else:
        start, end, part = first, then, (second - turn) / (back - turn)
    bounce = ((minute.bits >> _SHIFTS[second]) & 3) - 1
    price = int(start + (end - start) * part) + (minute.tick * bounce if bounce < 2 else 0)
    price -= price % minute.tick
    return low if price < low else min(price, high)


def quantity_of(minute: Minute, second: int) -> int:
    """The shares traded in a second."""
    if minute.volume < FEWEST:
        return minute.volume if second == LAST else 0
    free, profile = minute.volume - minute.auction - FEWEST, _PROFILES[minute.bits & 31]
    spread = int(free * profile[second])
    spread += minute.auction if second == 0 else -int(free * profile[second - 1])
    return spread + (second in (0, minute.turn, minute.back, LAST))


def volume_of(minute: Minute, second: int) -> int:
    """The shares traded up to the end of a second."""
    if second == LAST:
        return minute.volume
    if minute.volume < FEWEST:
        return 0
    free = minute.volume - minute.auction - FEWEST
    points = 1 + (second >= minute.turn) + (second >= minute.back)
    return minute.auction + int(free * _PROFILES[minute.bits & 31][second]) + points


def last_traded_of(minute: Minute, second: int) -> int:
    """The last second up to this one with a trade; -1: none."""
    if minute.volume < FEWEST:
        return LAST if second == LAST and minute.volume else -1
    turn, back = minute.turn, minute.back
    free, profile = minute.volume - minute.auction - FEWEST, _PROFILES[minute.bits & 31]
    sold = int(free * profile[second])
    while second not in (0, turn, back, LAST):
        before = int(free * profile[second - 1])
        if before != sold:
            break
        second -= 1
    return second


def traded_of(minute: Minute, second: int) -> tuple[int, int]:
    """`volume_of` a second, and the price of the last trade up to it; 0: none."""
    if second == LAST or minute.volume < FEWEST:
        return (minute.volume, minute.close) if second == LAST and minute.volume else (0, 0)
    turn, back, at = minute.turn, minute.back, second
    free, profile = minute.volume - minute.auction - FEWEST, _PROFILES[minute.bits & 31]
    sold = int(free * profile[second])
    while at not in (0, turn, back) and int(free * profile[at - 1]) == sold:
        at -= 1
    points = 1 + (second >= turn) + (second >= back)
    return minute.auction + sold + points, price_of(minute, at)


# --- all seconds ---------------------------------------------------------------------------------


def drawn(minute: Minute) -> MinuteSeconds:
    """The minute second by second."""
    if minute.volume < FEWEST:
        return minute_seconds([minute.close] * 60, [0] * LAST + [minute.volume])
    return minute_seconds(_prices(minute), _quantities(minute))


def minute_seconds(prices: list[int], quantities: list[int]) -> MinuteSeconds:
    """A minute from its prices and shares by second."""
    if all(quantities):
        highs, lows = list(accumulate(prices, max)), list(accumulate(prices, min))
        return MinuteSeconds(prices, quantities, _EVERY_SECOND, highs, lows)
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


def _prices(minute: Minute) -> list[int]:
    """`price_of` every second of a minute that trades."""
    opening, close, high, low = minute.open, minute.close, minute.high, minute.low
    if high == low:
        return [*[opening] * LAST, close]
    first, then = (low, high) if minute.low_first else (high, low)
    turn, back, bits, tick = minute.turn, minute.back, minute.bits, minute.tick
    noise = (-tick, 0, tick, 0)
    bounces = [noise[bits >> shift & 3] for shift in _SHIFTS]
    smooth = [opening]
    smooth += [int(opening + (first - opening) * part) for part in _PARTS[turn - 1]]
    smooth.append(first)
    smooth += [int(first + (then - first) * part) for part in _PARTS[back - turn - 1]]
    smooth.append(then)
    smooth += [int(then + (close - then) * part) for part in _PARTS[LAST - back - 1]]
    smooth.append(close)
    prices = [
        price if low <= (price := raw - raw % tick) <= high else low if price < low else high
        for raw in map(add, smooth, bounces)
    ]
    prices[0], prices[turn], prices[back], prices[LAST] = opening, first, then, close
    return prices


def _quantities(minute: Minute) -> list[int]:
    """`quantity_of` every second of a minute that trades."""
    free = minute.volume - minute.auction - FEWEST
    sums = [int(free * part) for part in _PROFILES[minute.bits & 31]]
    sizes = [sums[0], *map(sub, sums[1:], sums)]
    sizes[0] += minute.auction
    for second in {0, minute.turn, minute.back, LAST}:
        sizes[second] += 1
    return sizes

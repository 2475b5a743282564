"""The tick grid: tick sizes, rounding to them, steps along them, and daily price limits."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

_STOCK = ((0, 1), (2_000, 5), (5_000, 10), (20_000, 50), (50_000, 100), (200_000, 500))
_BANDS: dict[str, tuple[tuple[int, int], ...]] = {
    "STOCK": (*_STOCK, (500_000, 1_000)),
    "ETF": ((0, 1), (2_000, 5)),
    "ETN": ((0, 1), (2_000, 5)),
    "ELW": ((0, 5),),
}
"""By kind of instrument: (from this price on, tick), in won, since 2023-01-25
(docs/market-rules.md#ticks)."""

_STARTS = {kind: tuple(start for start, _ in bands) for kind, bands in _BANDS.items()}
_TICKS = {kind: tuple(tick for _, tick in bands) for kind, bands in _BANDS.items()}

KINDS = frozenset(_BANDS)
"""The kinds of instrument that have a tick table."""

_LIMIT_PCT = {"KOSPI": 30, "KOSDAQ": 30, "KONEX": 15}


def tick_size(price: int, kind: str = "STOCK") -> int:
    """The tick in won at a price; the same table for KOSPI, KOSDAQ and KONEX
    (docs/market-rules.md#ticks)."""
    if price < 0:
        raise ValueError(f"a price cannot be below 0: {price}")
    starts = _STARTS.get(kind)
    if starts is None:
        _bands(kind)  # names a kind that does not exist
        raise AssertionError(kind)
    return _TICKS[kind][bisect_right(starts, price) - 1]


def is_on_tick(price: int, kind: str = "STOCK") -> bool:
    """Whether an order may carry this price. Trades may print off the grid (mid-price orders)."""
    return price > 0 and price % tick_size(price, kind) == 0


def round_down(price: int, kind: str = "STOCK") -> int:
    """The highest grid price that is not above `price`; 0 below the first tick."""
    return price - price % tick_size(price, kind)


def round_up(price: int, kind: str = "STOCK") -> int:
    """The lowest grid price that is not below `price`."""
    tick = tick_size(price, kind)
    return -(-price // tick) * tick  # every band starts on its own and on the lower band's grid


def ticks_to(price: int, kind: str = "STOCK") -> int:
    """How many ticks lie between 0 and the grid price at or below `price`."""
    count = 0
    bands = _bands(kind)
    for index, (start, tick) in enumerate(bands):
        end = bands[index + 1][0] if index + 1 < len(bands) else price
        count += max(0, min(price, end) - start) // tick
    return count


def step(price: int, n: int, kind: str = "STOCK") -> int:
    """The price `n` ticks above (below for a negative `n`), across band borders.

    From a price off the grid, the first step up goes to the next grid price above it and the
    first step down to the next below. Never less than the first tick.
    """
    index = ticks_to(price, kind) + n
    if n < 0 and not is_on_tick(price, kind):
        index += 1
    return _price_at(max(1, index), kind)


def price_limits(base: int, market: str = "KOSPI", kind: str = "STOCK") -> tuple[int, int]:
    """The day's (lower, upper) price limit in won from the base price, both on the tick grid
    (docs/market-rules.md#price-limits).

    A base off the grid (a mid-price close) is rounded up to it first; the width is cut to the
    base's tick; the upper limit is rounded down and the lower one up to its own tick. Not for
    instruments without a limit (first listing days, liquidation trading) or with a multiple of it
    (leveraged ETFs). Prefer the limits in the quote where there is one.
    """
    if base <= 0:
        raise ValueError(f"a base price must be above 0: {base}")
    if market not in _LIMIT_PCT:
        raise ValueError(f"no such market: {market!r} (known: {', '.join(_LIMIT_PCT)})")
    base = round_up(base, kind)
    width = base * _LIMIT_PCT[market] // 100
    width -= width % tick_size(base, kind)
    return round_up(base - width, kind), round_down(base + width, kind)


def _bands(kind: str) -> tuple[tuple[int, int], ...]:
    try:
        return _BANDS[kind]
    except KeyError:
        known = ", ".join(_BANDS)
        raise ValueError(f"no such kind of instrument: {kind!r} (known: {known})") from None


def _price_at(index: int, kind: str) -> int:
    bands = _bands(kind)
    for (start, tick), (end, _) in pairwise(bands):
        here = (end - start) // tick
        if index <= here:
            return start + index * tick
        index -= here
    start, tick = bands[-1]
    return start + index * tick

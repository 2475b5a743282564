"""One stock's session with running totals: traded value, trade strength, the day's range."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from operator import mul
from typing import NamedTuple

from kt.records import Bar, Strength
from kt.sim.market.minute_seconds import Minute, traded_of
from kt.sim.market.minutes import Interruption, MarketTrade, MinutePath
from kt.sim.market.noise import hundredths
from kt.sim.market.session_days import AUCTION_SECOND, CLOSING_SECOND

__all__ = ["Interruption", "MarketTrade", "Minute", "SessionPath", "Traded"]


class Traded(NamedTuple):
    """The last price in won, how far it is from the base price, and the shares and the won traded
    in the session so far."""

    price: int
    volume: int
    value: int
    change_pct: float


class SessionPath(MinutePath):
    """A session with totals over its minutes, computed when first used."""

    @cached_property
    def bars(self) -> dict[int, Bar | None]:
        """Bars of whole minutes, kept by who makes them; None if nothing traded."""
        return {}

    @cached_property
    def strengths(self) -> dict[int, Strength]:
        """Trade strength at the ends of minutes, kept by who computes it."""
        return {}

    @cached_property
    def _values(self) -> list[int]:
        worth = (
            volume * (start + end) // 2
            for volume, start, end in zip(self.volumes, self.opens, self.closes, strict=True)
        )
        return [0, *accumulate(worth)]

    @cached_property
    def _bought(self) -> list[float]:
        return [0.0, *accumulate(map(mul, self.volumes, self._shares))]

    @cached_property
    def _shares(self) -> Sequence[float]:
        """`buying` of each minute."""
        return self.buying_shares or [self.buying(index) for index in range(len(self.volumes))]

    @cached_property
    def _extremes(self) -> tuple[list[int], list[int]]:
        """The session's high and low up to the end of each minute; 0 before the opening."""
        minutes, none = self.minutes[self.skip :], [0] * self.skip
        highs = accumulate((minute.high for minute in minutes), max)
        lows = accumulate((minute.low for minute in minutes), min)
        return [*none, *highs], [*none, *lows]

    def traded_at(self, second: int) -> Traded:
        """What `price_at`, `volume_at` and `value_at` say."""
        if second < self.skip * 60 or second >= CLOSING_SECOND:
            price, volume = self.price_at(second), self.volume_at(second)
            return Traded(price, volume, self.value_at(second), self.change_pct(price))
        index, inside = divmod(min(second, AUCTION_SECOND - 1), 60)
        if self.from_minutes:
            inner, price = traded_of(self.minutes[index], inside)
            price = price or self.price_at(second)
        else:
            inner, price = self.volume_in(index, inside), self.price_at(second)
        return Traded(
            price,
            self.cumulative[index] + inner,
            self._values[index] + inner * (self.opens[index] + self.closes[index]) // 2,
            self.change_pct(price),
        )

    def change_pct(self, price: int) -> float:
        """How far a price is from the base price, in percent."""
        found = self._changes.get(price)
        if found is None:
            found = self._changes[price] = round(100 * (price - self.base) / self.base, 2)
        return found

    @cached_property
    def _changes(self) -> dict[int, float]:
        return {}

    def value_at(self, second: int) -> int:
        """The traded value so far in won; each minute counts at the mean of its open and close."""
        if second >= CLOSING_SECOND:
            return self._values[-1] + self.closing_price * self.closing_volume
        place = self.place(second)
        if place is None:
            return 0
        index, inside = place
        middle = self.opens[index] + self.closes[index]
        return self._values[index] + self.volume_in(index, inside) * middle // 2

    def strength_at(self, second: int, window: int = 0, inner: int | None = None) -> float:
        """Trade strength: bought over sold volume, 100 = even, over the last `window` minutes (0:
        the whole day). `inner`: the shares traded in the second's minute so far, if known."""
        first = self.skip
        if second < first * 60:
            return 0.0
        index, inside = divmod(min(second, AUCTION_SECOND - 1), 60)
        if window:
            first = max(first, index - window)
        if inner is None:
            inner = self.volume_in(index, inside)
        volume = self.cumulative[index] - self.cumulative[first] + inner
        bought = self._bought[index] - self._bought[first] + inner * self._shares[index]
        sold = volume - bought
        return hundredths(min(500.0, 100 * bought / sold)) if sold > 0 else 100.0

    def range_at(self, second: int) -> tuple[int, int, int]:
        """(open, high, low) of the session so far; zeros before the first trade."""
        place = self.place(second)
        if place is None:
            return 0, 0, 0
        index, inside = place
        highs, lows = self._extremes
        high, low = (highs[index - 1], lows[index - 1]) if index > self.skip else (0, 0)
        if highs[index] != high or lows[index] != low:  # else no second of it is beyond them
            seconds = self.seconds_in(index)
            if seconds.highs[inside]:
                high = max(high, seconds.highs[inside])
                low = min(low or seconds.lows[inside], seconds.lows[inside])
        if second >= CLOSING_SECOND:
            high, low = (
                max(high, self.closing_price),
                min(low or self.closing_price, self.closing_price),
            )
        return (self.opening, high, low) if high else (0, 0, 0)

    def whole_range(self) -> tuple[int, int, int]:
        """`range_at` the end of the session, from only those minutes that can have its high or
        low."""
        if self._recorded is not None:
            return self.range_at(CLOSING_SECOND)
        skip, reach = self.skip, int(self._wiggle)
        opens, closes = self.opens[skip:], self.closes[skip:]
        most, least = max(*opens, *closes) - reach, min(*opens, *closes) + reach
        far = [
            index
            for index, (opening, close) in enumerate(zip(opens, closes, strict=True), start=skip)
            if opening >= most or close >= most or opening <= least or close <= least
        ]
        minutes, last = self._draw_minutes(far), self.closing_price
        high = max(last, *(minute.high for minute in minutes))
        return self.opening, high, min(last, *(minute.low for minute in minutes))

"""One stock's session with running totals: traded value, trade strength, the day's range."""

from __future__ import annotations

from functools import cached_property
from itertools import accumulate, islice
from operator import mul

from kt.sim.market.minutes import Interruption, MarketTrade, Minute, MinutePath
from kt.sim.market.session_days import CLOSING_SECOND

__all__ = ["Interruption", "MarketTrade", "Minute", "SessionPath"]


class SessionPath(MinutePath):
    """A session with totals over its minutes, computed when first used."""

    @cached_property
    def _values(self) -> list[int]:
        worth = (
            volume * (start + end) // 2
            for volume, start, end in zip(self.volumes, self.opens, self.closes, strict=True)
        )
        return [0, *accumulate(worth)]

    @cached_property
    def _bought(self) -> list[float]:
        shares = self.buying_shares or [self.buying(index) for index in range(len(self.volumes))]
        return [0.0, *accumulate(map(mul, self.volumes, shares))]

    @cached_property
    def _running(self) -> tuple[list[int], list[int]]:
        """The running high and low of each minute, as far as computed yet."""
        return [], []

    def value_at(self, second: int) -> int:
        """The traded value so far in won; each minute counts at the mean of its open and close."""
        if second >= CLOSING_SECOND:
            return self._values[-1] + self.closing_price * self.closing_volume
        place = self.place(second)
        if place is None:
            return 0
        index, inside = place
        minute = self.minute(index)
        middle = minute.open + minute.close
        return self._values[index] + self.volume_in(index, inside) * middle // 2

    def strength_at(self, second: int, window: int = 0) -> float:
        """Trade strength: bought over sold volume, 100 = even, over the last `window` minutes (0:
        the whole day)."""
        place = self.place(second)
        if place is None:
            return 0.0
        index, inside = place
        first = max(self.skip, index - window) if window else self.skip
        inner = self.volume_in(index, inside)
        volume = self.cumulative[index] - self.cumulative[first] + inner
        bought = self._bought[index] - self._bought[first] + inner * self.buying(index)
        sold = volume - bought
        return round(min(500.0, 100 * bought / sold), 2) if sold > 0 else 100.0

    def range_at(self, second: int) -> tuple[int, int, int]:
        """(open, high, low) of the session so far; zeros before the first trade."""
        place = self.place(second)
        if place is None:
            return 0, 0, 0
        index, inside = place
        seconds = self.seconds_in(index)
        prices = [seconds.highs[inside], seconds.lows[inside]] if seconds.highs[inside] else []
        if index > self.skip:
            prices += self._extremes(index - 1)
        if second >= CLOSING_SECOND:
            prices.append(self.closing_price)
        if not prices:
            return 0, 0, 0
        return self.opening, max(prices), min(prices)

    def prices_in(self, index: int, inside: int = 59) -> list[int]:
        """The traded prices of a minute up to a second of it."""
        seconds = self.seconds_in(index)
        both = zip(seconds.prices, seconds.quantities, strict=True)
        return [price for price, quantity in islice(both, inside + 1) if quantity]

    def _extremes(self, index: int) -> tuple[int, int]:
        """The session's (high, low) up to and including a minute."""
        highs, lows = self._running
        for at in range(self.skip + len(highs), index + 1):
            minute = self.minute(at)
            highs.append(max(minute.high, highs[-1]) if highs else minute.high)
            lows.append(min(minute.low, lows[-1]) if lows else minute.low)
        return highs[index - self.skip], lows[index - self.skip]

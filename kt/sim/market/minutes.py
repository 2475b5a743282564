"""One stock's trades in a session, minute by minute and second by second.

The minutes are given, and the seconds inside a minute are computed from the minute's numbers
alone: any second, requested in any order and in any process, has the same trades.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import sub
from random import Random

from kt.records import Side
from kt.rules import ticks
from kt.sim.market.minute_seconds import MinuteSeconds, minute_seconds
from kt.sim.market.noise import scatter
from kt.sim.market.session_days import AUCTION_SECOND, CLOSING_SECOND, CONTINUOUS_MINUTES

LEAD = 2
"""Minutes by which the order book leans towards the trades to come."""


MINUTES_KEPT = 4
"""How many minutes of a stock are kept second by second."""


@dataclass(frozen=True, slots=True)
class MarketTrade:
    """The trades of one second: the last price, the shares and the aggressor side."""

    second: int
    price: int
    quantity: int
    side: Side
    volume: int
    """The session's volume up to and including this trade, in shares."""


@dataclass(frozen=True, slots=True)
class Minute:
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
    auction: int = 0
    """Shares of the opening auction, part of `volume`, traded at second 0."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """A volatility interruption: a call auction from second `start`, which trades in second
    `end`."""

    start: int
    end: int
    price: int
    volume: int


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


class MinutePath:
    """The trades of one stock in one session.

    `closes` and `volumes` have one entry per minute from second 0 on; `auction` is the opening
    auction's part of the first minute's volume; `closing_price` and `closing_volume` are the
    closing auction at 15:30. `opens` and `extremes` (high, low) are recorded values; without them
    a minute opens at the previous close and moves up to `wiggle` won beyond its open and close.
    `buying` is the share of each minute's volume that lifts the ask; with `leads` the book leans
    towards that of the minutes to come. The first `skip` minutes do not trade.
    """

    steered = False
    """Whether the session may have halts, interruptions and limit locks."""
    auctions_known = True
    """Whether the expected price of a call auction is known while it runs."""
    best_seen: tuple[int, tuple[int, int]] | None = None
    """The last second whose best ask and bid were asked for, and these prices."""

    def __init__(
        self,
        *,
        key: int,
        base: int,
        limits: tuple[int, int],
        opening: int,
        closes: list[int],
        volumes: list[int],
        closing_price: int,
        closing_volume: int,
        auction: int = 0,
        wiggle: float = 0.0,
        buying: list[float] | None = None,
        kind: str = "STOCK",
        opens: list[int] | None = None,
        extremes: list[tuple[int, int]] | None = None,
        skip: int = 0,
        leads: bool = True,
    ) -> None:
        self.key = key
        self.base = base
        self.lower, self.upper = limits
        self.opening = opening
        self.closes = closes
        self.opens = opens or [opening, *closes[:-1]]
        self.volumes = volumes
        self.closing_price = closing_price
        self.closing_volume = closing_volume
        self.auction = auction
        self.kind, self.skip = kind, skip
        self.lead = LEAD if leads else 0
        """How many minutes the book is ahead of the trades."""
        self._wiggle = wiggle
        self.buying_shares = buying
        self._recorded = extremes
        self._minutes: list[Minute | None] = [None] * CONTINUOUS_MINUTES
        self._seconds: dict[int, MinuteSeconds] = {}
        self.cumulative = [0, *accumulate(volumes)]

    # --- one minute -----------------------------------------------------------------------

    def minute(self, index: int) -> Minute:
        found = self._minutes[index]
        if found is None:
            found = self._minutes[index] = self._draw_minute(index)
        return found

    def seconds_in(self, index: int) -> MinuteSeconds:
        """A minute second by second. The last few are kept: who asks for one second usually asks
        for its neighbours too."""
        found = self._seconds.get(index)
        if found is None:
            if len(self._seconds) >= MINUTES_KEPT:
                del self._seconds[next(iter(self._seconds))]
            found = self._seconds[index] = self._draw_seconds(index)
        return found

    def _draw_seconds(self, index: int) -> MinuteSeconds:
        minute = self.minute(index)
        if minute.volume < 4:
            return minute_seconds([minute.close] * 60, [0] * 59 + [minute.volume])
        return minute_seconds(self._prices_of(minute), _quantities_of(minute))

    def _prices_of(self, minute: Minute) -> list[int]:
        """`shape` for every second of a minute that trades."""
        opening, close, high, low = minute.open, minute.close, minute.high, minute.low
        if high == low:
            return [*[opening] * 59, close]
        first, then = (low, high) if minute.low_first else (high, low)
        turn, back, bits = minute.turn, minute.back, minute.bits
        tick = ticks.tick_size(high, self.kind)
        prices = [opening]
        for second in range(1, 59):
            if second <= turn:
                start, end, part = opening, first, second / turn
            elif second <= back:
                start, end, part = first, then, (second - turn) / (back - turn)
            else:
                start, end, part = then, close, (second - back) / (59 - back)
            if part == 1.0:
                prices.append(end)
                continue
            bounce = ((bits >> (second % 48)) & 3) - 1
            price = int(start + (end - start) * part) + tick * (bounce if bounce < 2 else 0)
            price -= price % tick
            prices.append(low if price < low else min(price, high))
        prices.append(close)
        return prices

    def _draw_minute(self, index: int) -> Minute:
        bits = scatter(self.key, index)
        opening, close = self.opens[index], self.closes[index]
        if self._recorded is not None:
            high, low = self._recorded[index]
        else:
            high, low = self._excursion(bits, max(opening, close), min(opening, close))
        return Minute(
            open=opening,
            high=high,
            low=low,
            close=close,
            volume=self.volumes[index],
            turn=4 + (bits & 15),
            back=30 + ((bits >> 4) & 15),
            low_first=close > opening if close != opening else bool(bits & 256),
            bits=bits >> 9,
            auction=self.auction if index == self.skip else 0,
        )

    def _excursion(self, bits: int, top: int, bottom: int) -> tuple[int, int]:
        """How far high and low are beyond the minute's open and close, in won."""
        up, down = ((bits >> 20) & 255) / 255, ((bits >> 28) & 255) / 255
        high = top + int(up * up * self._wiggle)
        low = bottom - int(down * down * self._wiggle)
        high -= high % ticks.tick_size(top, self.kind)
        low = ticks.round_up(max(low, 1), self.kind)
        return max(top, min(high, self.upper)), min(bottom, max(low, self.lower))

    # --- one second -----------------------------------------------------------------------

    def quantity_in(self, index: int, second: int) -> int:
        """The shares traded in one second of a minute."""
        minute = self.minute(index)
        if minute.volume < 4:
            return minute.volume if second == 59 else 0
        free = minute.volume - minute.auction - 4
        profile = _PROFILES[minute.bits & 31]
        spread = int(free * profile[second])
        if second:
            spread -= int(free * profile[second - 1])
        else:
            spread += minute.auction
        return spread + (second in (0, minute.turn, minute.back, 59))

    def volume_in(self, index: int, second: int) -> int:
        """The shares traded in a minute up to the end of a second of it."""
        minute = self.minute(index)
        if minute.volume < 4:
            return minute.volume if second == 59 else 0
        free = minute.volume - minute.auction - 4
        points = 1 + (second >= minute.turn) + (second >= minute.back) + (second >= 59)
        return minute.auction + int(free * _PROFILES[minute.bits & 31][second]) + points

    def shape(self, index: int, second: int) -> int:
        """The price in a second of a minute, whether or not there was a trade."""
        minute = self.minute(index)
        if minute.volume < 4 or second == 59:
            return minute.close
        if second == 0 or minute.high == minute.low:
            return minute.open
        first, then = minute.low, minute.high
        if not minute.low_first:
            first, then = then, first
        if second <= minute.turn:
            start, end, part = minute.open, first, second / minute.turn
        elif second <= minute.back:
            start, end = first, then
            part = (second - minute.turn) / (minute.back - minute.turn)
        else:
            start, end, part = then, minute.close, (second - minute.back) / (59 - minute.back)
        if part == 1.0:
            return end
        tick = ticks.tick_size(minute.high, self.kind)
        bounce = ((minute.bits >> (second % 48)) & 3) - 1  # -1, 0, 1 or 2 ticks of bid-ask noise
        price = int(start + (end - start) * part) + tick * (bounce if bounce < 2 else 0)
        return max(minute.low, min(minute.high, price - price % tick))

    def place(self, second: int) -> tuple[int, int] | None:
        """(minute, second of the minute) for a second of the session; None before the open.

        In the closing auction it is the last second of continuous trading.
        """
        if second < self.skip * 60:
            return None
        second = min(second, AUCTION_SECOND - 1)
        return divmod(second, 60)

    def last_traded(self, second: int) -> int | None:
        """The last second up to this one with a trade in the continuous session."""
        place = self.place(second)
        if place is None:
            return None
        index, inside = place
        while index >= self.skip:
            if inside == 59 and self.volumes[index]:
                return index * 60 + 59  # what trades in a minute trades at its end too
            traded = self.seconds_in(index).traded[inside]
            if traded >= 0:
                return index * 60 + traded
            index, inside = index - 1, 59
        return None

    def price_at(self, second: int) -> int:
        """The last traded price, in won; the base price before the first trade."""
        if second >= CLOSING_SECOND:
            return self.closing_price
        last = self.last_traded(second)
        if last is None:
            return self.base
        index, inside = divmod(last, 60)
        if inside == 59:
            return self.shape(index, inside)
        return self.seconds_in(index).prices[inside]

    def volume_at(self, second: int) -> int:
        if second >= CLOSING_SECOND:
            return self.cumulative[-1] + self.closing_volume
        place = self.place(second)
        if place is None:
            return 0
        index, inside = place
        return self.cumulative[index] + self.volume_in(index, inside)

    def trade_at(self, second: int) -> MarketTrade | None:
        """The trades of exactly this second; None if there were none."""
        if second == CLOSING_SECOND:
            quantity, price = self.closing_volume, self.closing_price
        elif second < self.skip * 60 or second >= AUCTION_SECOND:
            return None
        else:
            quantity = self.quantity_in(*divmod(second, 60))
            price = self.price_at(second) if quantity else 0
        if not quantity:
            return None
        return MarketTrade(second, price, quantity, self.side_at(second), self.volume_at(second))

    def side_at(self, second: int) -> Side:
        """The aggressor side of the last trade: from the price change, or random if unchanged."""
        last = self.last_traded(second)
        if last is None:
            return Side.BUY
        now, before = self.price_at(last), self.price_at(last - 1)
        if now != before:
            return Side.BUY if now > before else Side.SELL
        bits = self.minute(last // 60).bits
        drawn = (bits * 2654435761 + last % 60 * 40503 & 1023) / 1024
        return Side.BUY if drawn < self.buying(last // 60) else Side.SELL

    # --- only in steered sessions ----------------------------------------------------------

    @property
    def interruptions(self) -> Sequence[Interruption]:
        return ()

    def halted(self, second: int) -> bool:
        """Whether the stock is halted: no orders are accepted."""
        return False

    def locked(self, second: int) -> bool:
        """Whether the stock is limit-locked: orders on one side only, at a price limit."""
        return False

    def interruption(self, second: int) -> Interruption | None:
        """The volatility interruption in force in a second; None in the second that ends it."""
        return None

    def model_price(self, second: int) -> int:
        """The price in a second, even if the stock does not trade then."""
        return self.price_at(second)

    def suspended(self, second: int) -> bool:
        """Whether continuous trading is suspended in a second."""
        return False

    def buying(self, index: int) -> float:
        """The share of a minute's volume that buyers took from the ask, 0 to 1."""
        index = max(0, min(index, CONTINUOUS_MINUTES - 1))
        if self.buying_shares is not None:
            return self.buying_shares[index]
        minute = self.minute(index)
        if minute.high == minute.low:
            return 0.5
        return 0.35 + 0.3 * (minute.close - minute.low) / (minute.high - minute.low)


def _quantities_of(minute: Minute) -> list[int]:
    """`quantity_in` for every second of a minute that trades."""
    free = minute.volume - minute.auction - 4
    sums = [int(free * part) for part in _PROFILES[minute.bits & 31]]
    sizes = [sums[0], *map(sub, sums[1:], sums)]
    sizes[0] += minute.auction
    for second in {0, minute.turn, minute.back, 59}:
        sizes[second] += 1
    return sizes

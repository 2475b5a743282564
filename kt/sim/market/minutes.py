"""One stock's trades in a session, minute by minute and second by second.

The minutes are given, and the seconds inside a minute are computed from the minute's numbers
alone: any second, requested in any order and in any process, has the same trades.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from kt.records import Side
from kt.rules import ticks
from kt.sim.market.minute_seconds import (
    Minute,
    MinuteSeconds,
    drawn,
    last_traded_of,
    price_of,
    quantity_of,
    volume_of,
)
from kt.sim.market.noise import scatter
from kt.sim.market.session_days import AUCTION_SECOND, CLOSING_SECOND, CONTINUOUS_MINUTES

LEAD = 2
"""Minutes by which the order book leans towards the trades to come."""


MINUTES_KEPT = 4
"""How many minutes of a stock are kept second by second."""

_SQUARES = [(part / 255) * (part / 255) for part in range(256)]
"""How far a minute's high and low are beyond its open and close, as parts of the most."""


class MarketTrade(NamedTuple):
    """The trades of one second: the last price, the shares and the aggressor side."""

    second: int
    price: int
    quantity: int
    side: Side
    volume: int
    """The session's volume up to and including this trade, in shares."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """A volatility interruption: a call auction from second `start`, which trades in second
    `end`."""

    start: int
    end: int
    price: int
    volume: int


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
    from_minutes = True
    """Whether the seconds are those that `minute_seconds` computes from a minute's bar."""
    auctions_known = True
    """Whether the expected price of a call auction is known while it runs."""
    best_seen: tuple[int, tuple[int, int]] | None = None
    """The last second whose best ask and bid were asked for, and these prices."""
    _side_seen: tuple[int, Side] = (-1, Side.BUY)
    """The last second whose aggressor side was asked for, and this side."""

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
        self._recorded = extremes
        self._tick = self._common_tick()
        self.buying_shares = buying
        self._seconds: dict[int, MinuteSeconds] = {}
        self.cumulative = [0, *accumulate(volumes)]

    # --- one minute -----------------------------------------------------------------------

    def minute(self, index: int) -> Minute:
        return self.minutes[index]

    @cached_property
    def minutes(self) -> list[Minute]:
        """All minutes of the session. Their seconds are drawn only where they are asked for."""
        return self._draw_minutes(range(CONTINUOUS_MINUTES))

    def forget_minutes(self) -> None:
        """Drop what can be drawn again."""
        self.__dict__.pop("minutes", None)
        self._seconds.clear()

    def seconds_in(self, index: int) -> MinuteSeconds:
        """A minute second by second. The last few are kept: who asks for one second usually asks
        for its neighbours too."""
        found = self._seconds.get(index)
        if found is None:
            if len(self._seconds) >= MINUTES_KEPT:
                del self._seconds[next(iter(self._seconds))]
            found = self._seconds[index] = self.draw_seconds(index)
        return found

    def draw_seconds(self, index: int) -> MinuteSeconds:
        return drawn(self.minutes[index])

    def _draw_minutes(self, indexes: Iterable[int]) -> list[Minute]:
        recorded, tick, kind, wiggle = self._recorded, self._tick, self.kind, self._wiggle
        found = []
        for index in indexes:
            bits = scatter(self.key, index)
            opening, close = self.opens[index], self.closes[index]
            top, bottom = (close, opening) if close > opening else (opening, close)
            if recorded is not None:
                high, low = recorded[index]
            else:
                high = top + int(_SQUARES[bits >> 20 & 255] * wiggle)
                low = max(1, bottom - int(_SQUARES[bits >> 28 & 255] * wiggle))
                high -= high % (tick or ticks.tick_size(top, kind))
                low += -low % (tick or ticks.tick_size(low, kind))
                high, low = max(top, min(high, self.upper)), min(bottom, max(low, self.lower))
            found.append(
                Minute(
                    opening,
                    high,
                    low,
                    close,
                    self.volumes[index],
                    turn=4 + (bits & 15),
                    back=30 + ((bits >> 4) & 15),
                    low_first=close > opening if close != opening else bool(bits & 256),
                    bits=bits >> 9,
                    tick=tick or ticks.tick_size(high, kind),
                    auction=self.auction if index == self.skip else 0,
                )
            )
        return found

    def _common_tick(self) -> int:
        """The tick size if it is the same at every price of the session, else 0."""
        if self._recorded is not None:
            return 0
        low = min(*self.opens, *self.closes) - int(self._wiggle)
        tick = ticks.tick_size(max(1, low), self.kind)
        high = max(*self.opens, *self.closes) + int(self._wiggle)
        return tick if tick == ticks.tick_size(high, self.kind) else 0

    # --- one second -----------------------------------------------------------------------

    def quantity_in(self, index: int, second: int) -> int:
        """The shares traded in one second of a minute."""
        return quantity_of(self.minutes[index], second)

    def volume_in(self, index: int, second: int) -> int:
        """The shares traded in a minute up to the end of a second of it."""
        return volume_of(self.minutes[index], second)

    def shape(self, index: int, second: int) -> int:
        """The price in a second of a minute, whether or not there was a trade."""
        seconds = self._seconds.get(index)
        if seconds is not None:
            return seconds.prices[second]
        return price_of(self.minutes[index], second)

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
            seconds = self._seconds.get(index)
            if seconds is not None:
                traded = seconds.traded[inside]
            else:
                traded = last_traded_of(self.minutes[index], inside)
            if traded >= 0:
                return index * 60 + traded
            index, inside = index - 1, 59
        return None

    def price_at(self, second: int) -> int:
        """The last traded price, in won; the base price before the first trade."""
        if second >= CLOSING_SECOND:
            return self.closing_price
        last = self.last_traded(second)
        return self.base if last is None else self.shape(*divmod(last, 60))

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
            if not quantity:
                return None
            volume = self.volume_at(second)
            return MarketTrade(second, price, quantity, self.side_at(second), volume)
        if second < self.skip * 60 or second >= AUCTION_SECOND:
            return None
        index, inside = divmod(second, 60)
        seconds = self.seconds_in(index)
        quantity, price = seconds.quantities[inside], seconds.prices[inside]
        if not quantity:
            return None
        volume = self.cumulative[index] + self.volume_in(index, inside)
        return MarketTrade(second, price, quantity, self.side_at(second), volume)

    def side_at(self, second: int) -> Side:
        """The aggressor side of the last trade: from the price change, or random if unchanged."""
        if self._side_seen[0] != second:
            self._side_seen = second, self._find_side(second)
        return self._side_seen[1]

    def _find_side(self, second: int) -> Side:
        last = self.last_traded(second)
        if last is None:
            return Side.BUY
        index, inside = divmod(last, 60)
        seconds = self._seconds.get(index)
        if seconds is not None and inside and (at := seconds.traded[inside - 1]) >= 0:
            now, before = seconds.prices[inside], seconds.prices[at]
        else:
            now, before = self.shape(index, inside), self.price_at(last - 1)
        if now != before:
            return Side.BUY if now > before else Side.SELL
        drawn = (self.minutes[index].bits * 2654435761 + inside * 40503 & 1023) / 1024
        return Side.BUY if drawn < self.buying(index) else Side.SELL

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

"""One stock's trading inside a session, minute by minute and second by second.

Minutes are given; what happens inside a minute is a function of the minute's numbers, so that
any second, asked for in any order and in any process, gives the same trades.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from kt.records import Side
from kt.rules import ticks
from kt.sim.market.noise import scatter
from kt.sim.market.session_days import AUCTION_SECOND, CLOSING_SECOND, CONTINUOUS_MINUTES


@dataclass(frozen=True, slots=True)
class MarketTrade:
    """What traded in one second: the last price, the shares, and who crossed the spread."""

    second: int
    price: int
    quantity: int
    side: Side
    volume: int
    """The session's shares up to and with this trade."""


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute's bar and where inside it the extremes lie."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    turn: int
    """The second of the first extreme."""
    back: int
    """The second of the second extreme."""
    low_first: bool
    bits: int
    auction: int = 0
    """Shares of the opening print, part of `volume`, traded at second 0."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """A call auction in the middle of the session: from `start` on, printing in `end`."""

    start: int
    end: int
    price: int
    volume: int


def _profiles() -> list[list[float]]:
    """Ways in which a minute's volume may spread over its seconds, as running sums to 1."""
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

    `closes` and `volumes` have one entry a minute from second 0 on; `auction` is the opening
    print's part of the first minute's volume; `closing_price` and `closing_volume` are the print
    at 15:30. `opens` and `extremes` (high, low) are the recorded ones; without them a minute
    opens where the last one closed and reaches up to `wiggle` won beyond. `buying` is the part
    of each minute's volume that lifts the ask. The first `skip` minutes do not trade.
    """

    steered = False
    """Whether any of what only a steered session has may be true of it."""

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
        self.kind = kind
        self.skip = skip
        self._wiggle = wiggle
        self.buying_shares = buying
        self._recorded = extremes
        self._minutes: list[Minute | None] = [None] * CONTINUOUS_MINUTES
        self.cumulative = [0, *accumulate(volumes)]

    # --- one minute -----------------------------------------------------------------------

    def minute(self, index: int) -> Minute:
        found = self._minutes[index]
        if found is None:
            found = self._minutes[index] = self._draw_minute(index)
        return found

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
        """How far the minute reaches beyond its open and close."""
        up, down = ((bits >> 20) & 255) / 255, ((bits >> 28) & 255) / 255
        high = top + int(up * up * self._wiggle)
        low = bottom - int(down * down * self._wiggle)
        high -= high % ticks.tick_size(top, self.kind)
        low = ticks.round_up(max(low, 1), self.kind)
        return max(top, min(high, self.upper)), min(bottom, max(low, self.lower))

    # --- one second -----------------------------------------------------------------------

    def quantity_in(self, index: int, second: int) -> int:
        """Shares traded in one second of a minute."""
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
        """Shares traded in a minute up to the end of one of its seconds."""
        minute = self.minute(index)
        if minute.volume < 4:
            return minute.volume if second == 59 else 0
        free = minute.volume - minute.auction - 4
        points = 1 + (second >= minute.turn) + (second >= minute.back) + (second >= 59)
        return minute.auction + int(free * _PROFILES[minute.bits & 31][second]) + points

    def shape(self, index: int, second: int) -> int:
        """Where the price of a minute stands in one of its seconds, traded or not."""
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
        """(minute, second in it) that a second of the session falls on; None before the open.

        The closing auction sees the last second of continuous trading.
        """
        if second < self.skip * 60:
            return None
        second = min(second, AUCTION_SECOND - 1)
        return divmod(second, 60)

    def last_traded(self, second: int) -> int | None:
        """The newest second up to this one in which continuous trading happened."""
        place = self.place(second)
        if place is None:
            return None
        index, inside = place
        while index >= self.skip:
            for back in range(inside, -1, -1):
                if self.quantity_in(index, back):
                    return index * 60 + back
            index, inside = index - 1, 59
        return None

    def price_at(self, second: int) -> int:
        """The last traded price; the base price before the first trade."""
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
        """What traded in this very second."""
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
        """Who crossed the spread in the last trade: known from the price's move, else drawn."""
        last = self.last_traded(second)
        if last is None:
            return Side.BUY
        now, before = self.price_at(last), self.price_at(last - 1)
        if now != before:
            return Side.BUY if now > before else Side.SELL
        bits = self.minute(last // 60).bits
        drawn = (bits * 2654435761 + last % 60 * 40503 & 1023) / 1024
        return Side.BUY if drawn < self.buying(last // 60) else Side.SELL

    # --- what only a steered session has ---------------------------------------------------

    @property
    def interruptions(self) -> Sequence[Interruption]:
        return ()

    def halted(self, second: int) -> bool:
        """Whether trading in the stock is suspended: no order is taken."""
        return False

    def locked(self, second: int) -> bool:
        """Whether everybody is on one side, at a limit price."""
        return False

    def interruption(self, second: int) -> Interruption | None:
        """The volatility interruption that a second belongs to; not that of its print."""
        return None

    def pinned(self, second: int) -> int:
        """Where it stands in a second, or would stand if it traded."""
        return self.price_at(second)

    def still(self, second: int) -> bool:
        """Whether nothing may trade in a second of the continuous session."""
        return False

    def buying(self, index: int) -> float:
        """The part of a minute's volume that buyers took from the ask, 0..1."""
        index = max(0, min(index, CONTINUOUS_MINUTES - 1))
        if self.buying_shares is not None:
            return self.buying_shares[index]
        minute = self.minute(index)
        if minute.high == minute.low:
            return 0.5
        return 0.35 + 0.3 * (minute.close - minute.low) / (minute.high - minute.low)

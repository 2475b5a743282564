"""A stock's session as somebody steers it: prices set by hand, halts, interruptions, locks.

Nothing before a turn changes, so published prices stay valid.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import itemgetter
from typing import Literal

import msgspec

from kt.records import Side
from kt.sim.market.draw import snap
from kt.sim.market.path import Interruption, SessionPath
from kt.sim.market.session_days import AUCTION_SECOND, CLOSING_SECOND, CONTINUOUS_MINUTES

OPEN_ENDED = 24 * 3600
"""The end of what nobody has ended yet."""
Action = Literal["price", "free", "halt", "resume", "interrupt", "lock"]


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What holds from a second of the session on.

    `price` is where it trades (`price`) or the limit it is locked at (`lock`); `quantity` are the
    shares that trade at once besides the usual ones; `until` is the second of an interruption's
    print. `side` is who crosses the spread in the trades from now on, and `only` means that
    nothing trades after the shares that trade at once.
    """

    second: int
    action: Action
    price: int = 0
    quantity: int = 0
    until: int = 0
    side: Side | None = None
    only: bool = False


@dataclass(frozen=True, slots=True)
class Seconds:
    """The plain session, second by second: price, shares."""

    prices: list[int]
    quantities: list[int]


def seconds_of(path: SessionPath) -> Seconds:
    places = [divmod(second, 60) for second in range(AUCTION_SECOND)]
    return Seconds(
        [path.shape(*place) for place in places], [path.quantity_in(*place) for place in places]
    )


class _Tape:
    """The session while the turns are laid over it, one after the other."""

    def __init__(self, plain: SessionPath, seconds: Seconds) -> None:
        self._plain = plain
        self._seconds = seconds
        self.prices = list(seconds.prices)
        self.quantities = list(seconds.quantities)
        self.opening = plain.opening
        self.closing = plain.closing_price
        self.closing_volume = plain.closing_volume
        self.halts: list[tuple[int, int]] = []
        self.locks: list[tuple[int, int]] = []
        self.calls: list[tuple[int, int]] = []
        self.sides: list[tuple[int, Side | None]] = []

    def lay(self, turn: Turn) -> None:
        start = max(turn.second, 0)
        if turn.action in {"price", "free"}:
            self.sides.append((start, turn.side))
            self._move(turn, start)
        elif turn.action == "halt":
            self._quiet(start)
            self.calls = [(begun, min(end, start)) for begun, end in self.calls]
            self.halts.append((start, OPEN_ENDED))
        elif turn.action == "resume":
            self.halts[-1] = (self.halts[-1][0], start)
            self._go_on(start, turn.quantity)
        elif turn.action == "interrupt":
            self._interrupt(start, turn.until)
        else:
            self._pin(start, turn.price)
            self._quiet(start)
            self._trade(start, turn.quantity)
            self.locks.append((start, OPEN_ENDED))

    def _move(self, turn: Turn, start: int) -> None:
        if turn.action == "price":
            self._pin(start, turn.price)
        else:
            self._walk_on(start, turn.price)
        if start <= self._plain.skip * 60:
            self.opening = turn.price
        if self.locks and self.locks[-1][1] > start:
            self.locks[-1] = (self.locks[-1][0], start)
            self._go_on(start, turn.quantity)
        elif not _within(self.halts, start) and not _within(self.calls, start):
            if turn.only:
                self._quiet(start)
                self._trade(start, turn.quantity)
            else:
                self._go_on(start, turn.quantity)

    def _pin(self, start: int, price: int) -> None:
        """At this price from now on."""
        self.prices[start:] = [price] * max(0, AUCTION_SECOND - start)
        self.closing = price

    def _walk_on(self, start: int, price: int) -> None:
        """As it would have gone, from this price."""
        plain, usual = self._plain, self._seconds.prices
        scale = price / usual[min(start, AUCTION_SECOND - 1)]

        def scaled(value: int) -> int:
            return max(plain.lower, min(plain.upper, snap(value * scale, plain.kind)))

        left = usual[start:]
        moved = {value: scaled(value) for value in set(left)}  # many seconds, few prices
        self.prices[start:] = [moved[value] for value in left]
        self.closing = scaled(plain.closing_price)

    def _quiet(self, start: int) -> None:
        """Nothing trades any more."""
        self.quantities[start:] = [0] * max(0, AUCTION_SECOND - start)
        self.closing_volume = 0

    def _go_on(self, start: int, quantity: int) -> None:
        """The usual shares trade again."""
        self.quantities[start:] = self._seconds.quantities[start:]
        self.closing_volume = self._plain.closing_volume
        self._trade(start, quantity)

    def _trade(self, second: int, quantity: int) -> None:
        if second < AUCTION_SECOND:
            self.quantities[second] += quantity

    def _interrupt(self, start: int, end: int) -> None:
        """What would have traded trades in its print, or in the closing one."""
        moved = sum(self.quantities[start:end])
        self.quantities[start:end] = [0] * (min(end, AUCTION_SECOND) - start)
        if end < AUCTION_SECOND:
            self._trade(end, max(1, moved))
        else:
            self.closing_volume += moved
        self.calls.append((start, end))


class SteeredPath(SessionPath):
    """A session with the turns laid over it; a stock that moves on its own has a plain one."""

    steered = True

    def __init__(self, plain: SessionPath, seconds: Seconds, turns: Iterable[Turn]) -> None:
        tape = _Tape(plain, seconds)
        for turn in turns:
            tape.lay(turn)
        self._prices, self._quantities = tape.prices, tape.quantities
        self._sums = [0, *accumulate(tape.quantities)]
        self._traded = [second for second, size in enumerate(tape.quantities) if size]
        self._halts, self._locks = tape.halts, tape.locks
        self._sides = tape.sides
        self._calls = tuple(self._call(tape, start, end) for start, end in tape.calls)
        minutes = [self._bar(index) for index in range(CONTINUOUS_MINUTES)]
        closing = minutes[-1][-1] if self.halted(CLOSING_SECOND) else tape.closing
        super().__init__(
            key=plain.key,
            base=plain.base,
            limits=(plain.lower, plain.upper),
            opening=tape.opening,
            opens=[bar[0] for bar in minutes],
            closes=[bar[-1] for bar in minutes],
            volumes=[self._sums[60 * n + 60] - self._sums[60 * n] for n in range(len(minutes))],
            closing_price=closing,
            closing_volume=tape.closing_volume,
            auction=plain.auction,
            buying=plain.buying_shares,
            kind=plain.kind,
            extremes=[(max(bar), min(bar)) for bar in minutes],
            skip=plain.skip,
        )

    def _bar(self, index: int) -> list[int]:
        """The prices of a minute's trades; where it stands when there are none."""
        seconds = range(60 * index, 60 * index + 60)
        found = [self._prices[second] for second in seconds if self._quantities[second]]
        if found:
            return found
        before = bisect_right(self._traded, 60 * index)
        return [self._prices[self._traded[before - 1] if before else 60 * index]]

    def _call(self, tape: _Tape, start: int, end: int) -> Interruption:
        if end < AUCTION_SECOND:
            return Interruption(start, end, tape.prices[end], tape.quantities[end])
        return Interruption(start, end, tape.closing, tape.closing_volume)

    # --- the second is what is given, not the minute ------------------------------------------

    def quantity_in(self, index: int, second: int) -> int:
        return self._quantities[60 * index + second]

    def volume_in(self, index: int, second: int) -> int:
        return self._sums[60 * index + second + 1] - self._sums[60 * index]

    def shape(self, index: int, second: int) -> int:
        return self._prices[60 * index + second]

    def last_traded(self, second: int) -> int | None:
        place = bisect_right(self._traded, second)
        return self._traded[place - 1] if place else None

    def side_at(self, second: int) -> Side:
        last = self.last_traded(second)
        place = bisect_right(self._sides, second if last is None else last, key=itemgetter(0))
        given = self._sides[place - 1][1] if place else None
        return given or super().side_at(second)

    # --- what holds ---------------------------------------------------------------------------

    @property
    def interruptions(self) -> Sequence[Interruption]:
        return self._calls

    def halted(self, second: int) -> bool:
        return _within(self._halts, second)

    def locked(self, second: int) -> bool:
        return _within(self._locks, second)

    def interruption(self, second: int) -> Interruption | None:
        return next((call for call in self._calls if call.start <= second < call.end), None)

    def still(self, second: int) -> bool:
        return self.halted(second) or self.interruption(second) is not None

    def pinned(self, second: int) -> int:
        """Where it stands, or would stand if it traded."""
        if second >= AUCTION_SECOND:
            return self.closing_price
        return self._prices[max(0, second)]


def _within(spans: Iterable[tuple[int, int]], second: int) -> bool:
    return any(start <= second < end for start, end in spans)

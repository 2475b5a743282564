"""A steered session of a stock: prices set by the user, halts, interruptions, limit locks.

A step changes nothing before its second, so prices already published remain valid.
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
from kt.sim.market.minute_seconds import MinuteSeconds, minute_seconds
from kt.sim.market.path import Interruption, SessionPath
from kt.sim.market.session_days import AUCTION_SECOND, CLOSING_SECOND, CONTINUOUS_MINUTES

OPEN_ENDED = 24 * 3600
"""The end (in seconds) of a halt or lock that is still in force."""
Action = Literal["price", "free", "halt", "resume", "interrupt", "lock"]


class SteeringStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of steering, in effect from a second of the session on.

    `price` is the price to trade at (`price`) or the limit to lock at (`lock`); `quantity` is
    traded at once, in addition to the usual volume; `until` is the second in which an
    interruption ends. `side` is the aggressor side of the trades from then on, and with `only`
    nothing trades after `quantity`.
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
    """The unsteered session second by second: prices and quantities."""

    prices: list[int]
    quantities: list[int]


def seconds_of(path: SessionPath) -> Seconds:
    places = [divmod(second, 60) for second in range(AUCTION_SECOND)]
    return Seconds(
        [path.shape(*place) for place in places], [path.quantity_in(*place) for place in places]
    )


class _Timeline:
    """The session while the steps are applied to it, one after the other."""

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

    def apply(self, step: SteeringStep) -> None:
        start = max(step.second, 0)
        if step.action in {"price", "free"}:
            self.sides.append((start, step.side))
            self._move(step, start)
        elif step.action == "halt":
            self._stop(start)
            self.calls = [(begun, min(end, start)) for begun, end in self.calls]
            self.halts.append((start, OPEN_ENDED))
        elif step.action == "resume":
            self.halts[-1] = (self.halts[-1][0], start)
            self._resume(start, step.quantity)
        elif step.action == "interrupt":
            self._interrupt(start, step.until)
        else:
            self._hold(start, step.price)
            self._stop(start)
            self._trade(start, step.quantity)
            self.locks.append((start, OPEN_ENDED))

    def _move(self, step: SteeringStep, start: int) -> None:
        if step.action == "price":
            self._hold(start, step.price)
        else:
            self._free(start, step.price)
        if start <= self._plain.skip * 60:
            self.opening = step.price
        if self.locks and self.locks[-1][1] > start:
            self.locks[-1] = (self.locks[-1][0], start)
            self._resume(start, step.quantity)
        elif not _within(self.halts, start) and not _within(self.calls, start):
            if step.only:
                self._stop(start)
                self._trade(start, step.quantity)
            else:
                self._resume(start, step.quantity)

    def _hold(self, start: int, price: int) -> None:
        """Hold the price from a second on."""
        self.prices[start:] = [price] * max(0, AUCTION_SECOND - start)
        self.closing = price

    def _free(self, start: int, price: int) -> None:
        """Continue with the unsteered movement, scaled to start from this price."""
        plain, usual = self._plain, self._seconds.prices
        scale = price / usual[min(start, AUCTION_SECOND - 1)]

        def scaled(value: int) -> int:
            return max(plain.lower, min(plain.upper, snap(value * scale, plain.kind)))

        left = usual[start:]
        moved = {value: scaled(value) for value in set(left)}  # many seconds, few prices
        self.prices[start:] = [moved[value] for value in left]
        self.closing = scaled(plain.closing_price)

    def _stop(self, start: int) -> None:
        """Stop all trades from a second on."""
        self.quantities[start:] = [0] * max(0, AUCTION_SECOND - start)
        self.closing_volume = 0

    def _resume(self, start: int, quantity: int) -> None:
        """Resume the usual volume from a second on."""
        self.quantities[start:] = self._seconds.quantities[start:]
        self.closing_volume = self._plain.closing_volume
        self._trade(start, quantity)

    def _trade(self, second: int, quantity: int) -> None:
        if second < AUCTION_SECOND:
            self.quantities[second] += quantity

    def _interrupt(self, start: int, end: int) -> None:
        """Move the volume of an interruption into its final trade, or into the closing auction."""
        moved = sum(self.quantities[start:end])
        self.quantities[start:end] = [0] * (min(end, AUCTION_SECOND) - start)
        if end < AUCTION_SECOND:
            self._trade(end, max(1, moved))
        else:
            self.closing_volume += moved
        self.calls.append((start, end))


class SteeredPath(SessionPath):
    """A session with steering steps applied to it."""

    steered = True
    from_minutes = False

    def __init__(self, plain: SessionPath, seconds: Seconds, steps: Iterable[SteeringStep]) -> None:
        timeline = _Timeline(plain, seconds)
        for step in steps:
            timeline.apply(step)
        self._prices, self._quantities = timeline.prices, timeline.quantities
        self._sums = [0, *accumulate(timeline.quantities)]
        self._traded = [second for second, size in enumerate(timeline.quantities) if size]
        self._halts, self._locks = timeline.halts, timeline.locks
        self._sides = timeline.sides
        self._calls = tuple(self._call(timeline, start, end) for start, end in timeline.calls)
        minutes = [self._bar(index) for index in range(CONTINUOUS_MINUTES)]
        closing = minutes[-1][-1] if self.halted(CLOSING_SECOND) else timeline.closing
        super().__init__(
            key=plain.key,
            base=plain.base,
            limits=(plain.lower, plain.upper),
            opening=timeline.opening,
            opens=[bar[0] for bar in minutes],
            closes=[bar[-1] for bar in minutes],
            volumes=[self._sums[60 * n + 60] - self._sums[60 * n] for n in range(len(minutes))],
            closing_price=closing,
            closing_volume=timeline.closing_volume,
            auction=plain.auction,
            buying=plain.buying_shares,
            kind=plain.kind,
            extremes=[(max(bar), min(bar)) for bar in minutes],
            skip=plain.skip,
            leads=plain.lead > 0,
        )

    def _bar(self, index: int) -> list[int]:
        """The prices of a minute's trades; if there are none, only the last price."""
        seconds = range(60 * index, 60 * index + 60)
        found = [self._prices[second] for second in seconds if self._quantities[second]]
        if found:
            return found
        before = bisect_right(self._traded, 60 * index)
        return [self._prices[self._traded[before - 1] if before else 60 * index]]

    def _call(self, timeline: _Timeline, start: int, end: int) -> Interruption:
        if end < AUCTION_SECOND:
            return Interruption(start, end, timeline.prices[end], timeline.quantities[end])
        return Interruption(start, end, timeline.closing, timeline.closing_volume)

    # --- values by second instead of computed from the minute -----------------------------------

    def quantity_in(self, index: int, second: int) -> int:
        return self._quantities[60 * index + second]

    def volume_in(self, index: int, second: int) -> int:
        return self._sums[60 * index + second + 1] - self._sums[60 * index]

    def shape(self, index: int, second: int) -> int:
        return self._prices[60 * index + second]

    def draw_seconds(self, index: int) -> MinuteSeconds:
        part = slice(60 * index, 60 * index + 60)
        return minute_seconds(self._prices[part], self._quantities[part])

    def last_traded(self, second: int) -> int | None:
        place = bisect_right(self._traded, second)
        return self._traded[place - 1] if place else None

    def side_at(self, second: int) -> Side:
        last = self.last_traded(second)
        place = bisect_right(self._sides, second if last is None else last, key=itemgetter(0))
        given = self._sides[place - 1][1] if place else None
        return given or super().side_at(second)

    # --- halts, interruptions and locks ---------------------------------------------------------

    @property
    def interruptions(self) -> Sequence[Interruption]:
        return self._calls

    def halted(self, second: int) -> bool:
        return _within(self._halts, second)

    def locked(self, second: int) -> bool:
        return _within(self._locks, second)

    def interruption(self, second: int) -> Interruption | None:
        return next((call for call in self._calls if call.start <= second < call.end), None)

    def suspended(self, second: int) -> bool:
        return self.halted(second) or self.interruption(second) is not None

    def model_price(self, second: int) -> int:
        """The price in a second, even if the stock does not trade then."""
        if second >= AUCTION_SECOND:
            return self.closing_price
        return self._prices[max(0, second)]


def _within(spans: Iterable[tuple[int, int]], second: int) -> bool:
    return any(start <= second < end for start, end in spans)

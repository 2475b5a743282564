"""One stock's session from minute bars.

A bar is known at its end, never before: its open, high, low and close trade in the last four
seconds of its minute (docs/virtual-clock.md#bars).
"""

from __future__ import annotations

from functools import cached_property

from kt.sim.market.minute_seconds import MinuteSeconds, minute_seconds
from kt.sim.market.path import SessionPath

FIRST_SECOND = 56
"""The second of its minute in which a bar begins to be known."""


class BarPath(SessionPath):
    """The session of one stock whose minutes are bars; a minute without a bar has no trades."""

    auctions_known = False
    from_minutes = False

    def draw_seconds(self, index: int) -> MinuteSeconds:
        bar = self.minute(index)
        first, then = (bar.low, bar.high) if bar.low_first else (bar.high, bar.low)
        part = bar.volume // 4
        prices = [bar.open] * FIRST_SECOND + [bar.open, first, then, bar.close]
        shares = [0] * FIRST_SECOND + [part, part, part, bar.volume - 3 * part]
        return minute_seconds(prices, shares)

    def quantity_in(self, index: int, second: int) -> int:
        return self.seconds_in(index).quantities[second] if second >= FIRST_SECOND else 0

    def volume_in(self, index: int, second: int) -> int:
        if second < FIRST_SECOND:
            return 0
        return sum(self.seconds_in(index).quantities[FIRST_SECOND : second + 1])

    def shape(self, index: int, second: int) -> int:
        return self.seconds_in(index).prices[second]

    def range_at(self, second: int) -> tuple[int, int, int]:
        return super().range_at(second) if self.volume_at(second) else (0, 0, 0)

    @cached_property
    def _before(self) -> list[int]:
        """For each minute the last one before it that traded; -1: none."""
        found, last = [], -1
        for index, volume in enumerate(self.volumes):
            found.append(last)
            last = index if volume else last
        return found

    def last_traded(self, second: int) -> int | None:
        place = self.place(second)
        if place is None:
            return None
        index, inside = place
        if inside >= FIRST_SECOND and self.volumes[index]:
            traded = self.seconds_in(index).traded[inside]
            if traded >= 0:
                return 60 * index + traded
        before = self._before[index]
        return 60 * before + 59 if before >= 0 else None

"""Clocks: the system clock, the exchange's scaled clock, and a manual clock."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from kt.records.base import KST


class SystemClock:
    """Wall time in Asia/Seoul."""

    def now(self) -> datetime:
        return datetime.now(KST)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))

    def to_real(self, seconds: float) -> float:
        return seconds


class ScaledClock:
    """Shows `anchor` at the wall time `anchor_real` (seconds since the epoch), then runs
    `speed` times as fast. Two processes with the same three numbers show the same time."""

    def __init__(self, anchor: datetime, anchor_real: float, speed: float) -> None:
        if speed <= 0:
            raise ValueError("the clock's speed must be above 0")
        self.anchor = anchor.astimezone(KST)
        self.anchor_real = anchor_real
        self.speed = speed

    def now(self) -> datetime:
        passed = (time.time() - self.anchor_real) * self.speed
        return self.anchor + timedelta(seconds=passed)

    def monotonic(self) -> float:
        return time.monotonic() * self.speed

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, self.to_real(seconds)))

    def to_real(self, seconds: float) -> float:
        return seconds / self.speed


class ManualClock:
    """Advances only when told to: for replays, backtests and tests."""

    def __init__(self, at: datetime) -> None:
        self._now = at.astimezone(KST)

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def to_real(self, seconds: float) -> float:
        return 0.0

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def set(self, at: datetime) -> None:
        self._now = at.astimezone(KST)

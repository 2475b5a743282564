"""Timers in the clock's seconds: what is due, and how long until the next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Timer(StrEnum):
    """The day's timers; `schedule.py` says what each does."""

    HEARTBEAT = "heartbeat"
    METRICS = "metrics"
    RECONCILE = "reconcile"
    FEED = "feed"
    FAST = "fast"
    DEEP = "deep"
    AI = "ai"
    CYCLE = "cycle"
    LOOK = "look"
    BOOKS = "books"
    LEARN = "learn"
    SETTLE = "settle"
    GIVE_UP = "give up"
    END = "end"


@dataclass(slots=True)
class _Set:
    every: float
    due: float


class Timers:
    """Named repeating timers. One that was missed several times fires once."""

    def __init__(self) -> None:
        self._timers: dict[Timer, _Set] = {}

    def every(self, name: Timer, seconds: float, now: float, *, first: float = 0.0) -> None:
        """(Re)start a timer; it fires first in `first` seconds."""
        self._timers[name] = _Set(seconds, now + first)

    def stop(self, *names: Timer) -> None:
        for name in names:
            self._timers.pop(name, None)

    def running(self, name: Timer) -> bool:
        return name in self._timers

    def due(self, now: float) -> tuple[Timer, ...]:
        """The timers that are due, in the order they were set; each is rescheduled."""
        names = []
        for name, timer in self._timers.items():
            if now >= timer.due:
                names.append(name)
                timer.due = max(timer.due + timer.every, now)
                if timer.due <= now:
                    timer.due = now + timer.every
        return tuple(names)

    def fire_now(self, name: Timer, now: float) -> None:
        """Make a timer due at once."""
        if name in self._timers:
            self._timers[name].due = now

    def next_in(self, now: float, at_most: float) -> float:
        """Seconds until the next timer is due, never more than `at_most`."""
        soonest = min((timer.due for timer in self._timers.values()), default=now + at_most)
        return min(at_most, max(0.0, soonest - now))

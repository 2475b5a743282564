"""Waiting for an event in the clock's own time, at any speed, and on a clock moved by hand."""

from __future__ import annotations

import queue
from typing import Protocol, TypeVar

from kt.ports import Clock

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Waitable(Protocol[T_co]):
    """What `queue.Queue` and `queue.SimpleQueue` have in common."""

    def get(self, block: bool = True, timeout: float | None = None) -> T_co: ...
    def get_nowait(self) -> T_co: ...


def wait_for(clock: Clock, events: Waitable[T], seconds: float) -> T | None:
    """The next event, or None when the clock's seconds have passed without one."""
    if by_hand(clock):
        return _moving_it(clock, events, seconds)
    try:
        return events.get(timeout=max(0.0001, clock.to_real(seconds)))
    except queue.Empty:
        return None


def by_hand(clock: Clock) -> bool:
    """Whether the clock stands still until somebody moves it: nothing can wait for it."""
    return clock.to_real(1.0) == 0.0


def _moving_it(clock: Clock, events: Waitable[T], seconds: float) -> T | None:
    """A clock that stands still is moved only when there is nothing to do."""
    try:
        return events.get_nowait()
    except queue.Empty:
        clock.sleep(max(0.0, seconds))
    try:
        return events.get_nowait()
    except queue.Empty:
        return None

"""Waiting for an event with a timeout in the clock's time: at any speed, and on a manual clock."""

from __future__ import annotations

import queue
from typing import Protocol, TypeVar

from kt.ports import Clock

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Waitable(Protocol[T_co]):
    """The common part of `queue.Queue` and `queue.SimpleQueue`."""

    def get(self, block: bool = True, timeout: float | None = None) -> T_co: ...
    def get_nowait(self) -> T_co: ...


def wait_for(clock: Clock, events: Waitable[T], seconds: float) -> T | None:
    """The next event, or None after this many seconds of the clock."""
    if by_hand(clock):
        return _wait_on_manual_clock(clock, events, seconds)
    try:
        return events.get(timeout=max(0.0001, clock.to_real(seconds)))
    except queue.Empty:
        return None


def by_hand(clock: Clock) -> bool:
    """Whether the clock is a manual one: its time passes only when somebody moves it."""
    return clock.to_real(1.0) == 0.0


def _wait_on_manual_clock(clock: Clock, events: Waitable[T], seconds: float) -> T | None:
    """Move a manual clock by `seconds`, but only when no event is queued."""
    try:
        return events.get_nowait()
    except queue.Empty:
        clock.sleep(max(0.0, seconds))
    try:
        return events.get_nowait()
    except queue.Empty:
        return None

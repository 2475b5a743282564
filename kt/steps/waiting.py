"""Waiting for an event in the clock's own time, at any speed, and on a clock moved by hand."""

from __future__ import annotations

import queue
from typing import TypeVar

from kt.ports import Clock

T = TypeVar("T")


def wait_for(clock: Clock, events: queue.Queue[T], seconds: float) -> T | None:
    """The next event, or None when the clock's seconds have passed without one."""
    if clock.to_real(1.0) == 0.0:
        return _by_hand(clock, events, seconds)
    try:
        return events.get(timeout=max(0.0001, clock.to_real(seconds)))
    except queue.Empty:
        return None


def _by_hand(clock: Clock, events: queue.Queue[T], seconds: float) -> T | None:
    """A clock that stands still moves only when there is nothing to do."""
    try:
        return events.get_nowait()
    except queue.Empty:
        clock.sleep(max(0.0, seconds))
    try:
        return events.get_nowait()
    except queue.Empty:
        return None

"""When an analyst that fails is left alone for a while, and when its owner is told.

The state is nothing but its last calls: every process that reads the same journal sees the same.
A success closes the breaker; after the pause one question is tried, and another failure doubles it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from kt.records import LASTING, WITHHELD, AnalystCall

OPENS_AFTER = 3
"""Failures in a row; one is enough when it will last until somebody changes something."""
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=30)
LOOK_BACK = timedelta(days=1)
"""Older calls say nothing about now."""


def streak(calls: Sequence[AnalystCall], analyst: str, model: str) -> tuple[AnalystCall, ...]:
    """The failures since the last success of this analyst with this model, oldest first."""
    failed: list[AnalystCall] = []
    for call in calls:
        if call.analyst != analyst or call.asked_model != model or call.kind in WITHHELD:
            continue
        failed = [*failed, call] if call.error else []
    return tuple(failed)


def is_open(failed: Sequence[AnalystCall]) -> bool:
    return _opened_at(failed) < len(failed)


def opens_now(failed: Sequence[AnalystCall]) -> bool:
    """Whether the last failure is the one that opens it: the moment to tell the owner."""
    return bool(failed) and _opened_at(failed) == len(failed) - 1


def paused_until(failed: Sequence[AnalystCall], now: datetime) -> datetime | None:
    """Until when it is not asked; None when it may be."""
    if not is_open(failed):
        return None
    doublings = min(len(failed) - 1 - _opened_at(failed), 16)
    until = failed[-1].asked_at + min(FIRST_PAUSE * 2**doublings, LONGEST_PAUSE)
    return until if now < until else None


def _opened_at(failed: Sequence[AnalystCall]) -> int:
    """The index of the failure that opened it; the length when none has."""
    lasting = (index for index, call in enumerate(failed) if call.kind in LASTING)
    first = next(lasting, len(failed))
    return min(first, OPENS_AFTER - 1) if len(failed) >= OPENS_AFTER else first

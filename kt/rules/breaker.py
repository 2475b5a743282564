"""The circuit breaker of an analyst: when requests are paused after failures, and when the owner is
notified.

Its state is derived from the last requests in the journal, so all processes of a profile agree. A
success closes the breaker; after the pause one request is tried, and a failure doubles the pause.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from kt.records import LASTING, WITHHELD, AnalystCall

OPENS_AFTER = 3
"""Consecutive failures; one is enough for a lasting failure (records.LASTING), such as a rejected
key."""
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=30)
LOOK_BACK = timedelta(days=1)
"""How far back requests count."""


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
    """Whether the last failure is the one that opens the breaker: then the owner is notified."""
    return bool(failed) and _opened_at(failed) == len(failed) - 1


def paused_until(failed: Sequence[AnalystCall], now: datetime) -> datetime | None:
    """When the pause ends; None when requests are allowed."""
    if not is_open(failed):
        return None
    doublings = min(len(failed) - 1 - _opened_at(failed), 16)
    until = failed[-1].asked_at + min(FIRST_PAUSE * 2**doublings, LONGEST_PAUSE)
    return until if now < until else None


def _opened_at(failed: Sequence[AnalystCall]) -> int:
    """The index of the failure that opened the breaker; `len(failed)` when it is closed."""
    lasting = (index for index, call in enumerate(failed) if call.kind in LASTING)
    first = next(lasting, len(failed))
    return min(first, OPENS_AFTER - 1) if len(failed) >= OPENS_AFTER else first

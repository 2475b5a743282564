"""The one door for data into a brief: nothing that is later than now passes, so that a decision
never rests on what nobody could know yet (a replayed market, a wrong clock, a row of tomorrow)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from kt.errors import WireError
from kt.records import KST

T = TypeVar("T")

ALLOWANCE = timedelta(seconds=1)
"""The broker's times are whole seconds, and two clocks that are both right differ by less."""


def latest(now: datetime, skew: float = 0.0) -> datetime:
    """The latest time that may pass. `skew`: seconds by which our clock is ahead of the broker's
    (behind: below 0), as `ports.Broker.skew` tells it."""
    return now + ALLOWANCE + timedelta(seconds=max(0.0, -skew))


def passed(answer: T, limit: datetime) -> T:
    """The answer without rows later than `limit`; the time of a row is its `at` or `day`. Raises
    WireError for an answer that is one record with a later time."""
    if isinstance(answer, tuple):
        kept: Any = tuple(row for row in answer if not _later(row, limit))
        return kept  # type: ignore[no-any-return]
    if _later(answer, limit):
        at = getattr(answer, "at", None) or getattr(answer, "day", None)
        assert at is not None
        raise WireError(
            "time", f"{at:%Y-%m-%d %H:%M:%S}", hint="It is later than now: check the clock."
        )
    return answer


def _later(row: object, limit: datetime) -> bool:
    at, day = getattr(row, "at", None), getattr(row, "day", None)
    if isinstance(at, datetime):
        return at > limit
    return isinstance(day, date) and day > limit.astimezone(KST).date()

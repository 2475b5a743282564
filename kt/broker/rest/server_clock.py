"""The clock skew between this machine and the server, from the Date header of an answer."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime


def seconds_off(header: str, before: datetime, after: datetime) -> float | None:
    """Seconds by which our clock is ahead of the server's (behind: below 0); None if the
    header has no valid time. The server's time lies between `before` and `after`, whatever the
    network delay; the header has whole seconds."""
    if not header:
        return None
    try:
        theirs = parsedate_to_datetime(header)
        if theirs < before:
            return max(0.0, (before - theirs).total_seconds() - 1.0)
        return -max(0.0, (theirs - after).total_seconds())
    except (TypeError, ValueError):
        return None

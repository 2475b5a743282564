"""How far this machine's clock is from the server's, told by the Date header of an answer."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime


def seconds_off(header: str, before: datetime, after: datetime) -> float | None:
    """Seconds by which our clock is ahead of the server's (behind: below 0); None when the
    header tells no time. The server's clock stood between two moments of ours, whatever the
    network took; the header counts whole seconds."""
    try:
        theirs = parsedate_to_datetime(header)
        if theirs < before:
            return max(0.0, (before - theirs).total_seconds() - 1.0)
        return -max(0.0, (theirs - after).total_seconds())
    except (TypeError, ValueError):
        return None

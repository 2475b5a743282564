"""Which notices are kept back from the owner: in the quiet hours, and when one of the same title
has just left. A critical one is never kept back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from kt.records import Delivery


def held_back(
    level: str,
    title: str,
    now: datetime,
    before: Sequence[Delivery],
    *,
    quiet_hours: str,
    group_minutes: int,
) -> str:
    """`quiet` or `grouped` when this notice stays here, empty when it leaves. `before` is what
    became of earlier ones, oldest first; `quiet_hours` is `HH:MM-HH:MM` or empty."""
    if level == "critical":
        return ""
    if is_quiet(now, quiet_hours):
        return "quiet"
    span = timedelta(minutes=group_minutes)
    just = any(
        row.outcome == "sent" and row.title == title and timedelta() <= now - row.at < span
        for row in before
    )
    return "grouped" if just else ""


def is_quiet(now: datetime, quiet_hours: str) -> bool:
    """Whether this moment is in the quiet hours, which may pass midnight."""
    if not quiet_hours:
        return False
    start, end = (time.fromisoformat(part) for part in quiet_hours.split("-"))
    at = now.time()
    return start <= at < end if start <= end else at >= start or at < end


def kept_back(title: str, before: Sequence[Delivery]) -> str:
    """What a notice that leaves says of those that stayed: of its own title since it last left,
    and in the quiet hours since anything left."""
    alike = _since_sent([row for row in before if row.title == title])
    same = sum(row.outcome == "grouped" for row in alike)
    quiet = sum(row.outcome == "quiet" for row in _since_sent(before))
    parts = []
    if same:
        parts.append(f"{same} more of this title since {alike[0].at:%H:%M}")
    if quiet:
        parts.append(f"{quiet} kept back in the quiet hours, see `kt log --kind notice`")
    return "; ".join(parts)


def _since_sent(rows: Sequence[Delivery]) -> list[Delivery]:
    """The rows after the newest one that was sent."""
    last = max((number for number, row in enumerate(rows) if row.outcome == "sent"), default=-1)
    return list(rows[last + 1 :])

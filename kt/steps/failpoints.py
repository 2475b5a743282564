"""Failpoints: named places where a test can kill this process; otherwise they do nothing.

`KT_CRASH_AT=place.sent` kills the process with SIGKILL the first time it gets there,
`place.sent:3` the third time. Only on the profile `sim`, so that a forgotten variable never
leaves a real order behind.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

VARIABLE = "KT_CRASH_AT"

POINTS = (
    "place.before_plan",
    "place.planned",
    "place.sending",
    "place.sent",
    "place.recorded",
    "amend.before",
    "amend.amending",
    "amend.sent",
    "amend.recorded",
    "cancel.before",
    "cancel.cancelling",
    "cancel.sent",
    "cancel.recorded",
    "follow.notice",
    "follow.recorded",
    "follow.booked",
    "settle.before",
    "settle.marked",
    "settle.recorded",
    "reconcile.start",
    "reconcile.resolving",
    "reconcile.resolved",
    "reconcile.caught_up",
    "reconcile.repairing",
    "reconcile.repaired",
)
"""All failpoints, in the order of a trade: before and after each durable write and each send."""

_seen: Counter[str] = Counter()


def hit(name: str, profile: str) -> None:
    """Kill this process if KT_CRASH_AT names this point."""
    wanted = os.environ.get(VARIABLE)
    if not wanted or profile != "sim":
        return
    point, _, nth = wanted.partition(":")
    if point != name:
        return
    _seen[name] += 1
    if _seen[name] == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)

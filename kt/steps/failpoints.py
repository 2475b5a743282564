"""Named places where a test may kill this process; in normal use they do nothing.

`KT_CRASH_AT=place.sent` kills the process the first time it gets there, `place.sent:3` the third
time, with SIGKILL: nothing is flushed, nothing is closed. It works on the embedded exchange's
profile alone, so that no real order is ever left behind by a forgotten variable.
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
"""Every point, in the order of a trade's life: before and after each durable write and send."""

_seen: Counter[str] = Counter()


def hit(name: str, profile: str) -> None:
    """Die here when the environment says so."""
    wanted = os.environ.get(VARIABLE)
    if not wanted or profile != "sim":
        return
    point, _, nth = wanted.partition(":")
    if point != name:
        return
    _seen[name] += 1
    if _seen[name] == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)

"""How long a question to the outside may take: who asks says it here, whoever waits heeds it.

    with within(1.0):
        holdings = ctx.broker.holdings()

The limit is real seconds for all that is asked inside the block, with everything that a question
may wait for: its turn in the request budget, a token, the connection, every byte of the answer.
A question inside is sent once; when it cannot be answered in time it raises Unreachable (or Busy,
when another process holds a lock). It belongs to the thread that set it: a thread that is started
inside the block has no limit. Orders do not heed it: each has its own, whoever sends it.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """`ends` on the machine's monotonic clock; `once`: a question is not repeated."""

    ends: float
    once: bool


NONE = Limit(math.inf, once=False)
_LIMIT: ContextVar[Limit] = ContextVar("kt.patience", default=NONE)


def within(seconds: float) -> contextlib.AbstractContextManager[None]:
    """All that is asked inside is over after so many real seconds, and nothing is asked twice.
    Inside a narrower limit, that one holds."""
    return _limited(Limit(min(_LIMIT.get().ends, time.monotonic() + seconds), once=True))


def bounded(seconds: float) -> contextlib.AbstractContextManager[None]:
    """For adapters: a call's own bound. It says nothing of repeats, and a narrower limit holds."""
    limit = _LIMIT.get()
    return _limited(Limit(min(limit.ends, time.monotonic() + seconds), limit.once))


def regardless(seconds: float) -> contextlib.AbstractContextManager[None]:
    """For orders: so many seconds from now, whatever limit the sender's own questions have."""
    return _limited(Limit(time.monotonic() + seconds, once=False))


def time_left() -> float:
    """Real seconds until the limit; infinite when nobody set one, never below 0."""
    return max(0.0, _LIMIT.get().ends - time.monotonic())


def asked_once() -> bool:
    """Must a question not be repeated?"""
    return _LIMIT.get().once


class AskingTime:
    """Real seconds for several questions together. What happens between two of them does not
    count: only the time inside `spent` does. For one thread."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    @contextlib.contextmanager
    def spent(self) -> Iterator[None]:
        """A question inside has what the earlier ones left."""
        began = time.monotonic()
        try:
            with within(self._left):
                yield
        finally:
            self._left -= time.monotonic() - began


@contextlib.contextmanager
def _limited(limit: Limit) -> Iterator[None]:
    before = _LIMIT.set(limit)
    try:
        yield
    finally:
        _LIMIT.reset(before)

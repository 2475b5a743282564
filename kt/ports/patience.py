"""Deadlines for requests to the outside: set by the caller, obeyed by the adapters.

    with within(1.0):
        holdings = ctx.broker.holdings()

The limit is in real seconds for everything requested inside the block, including every wait: the
turn in the request budget, a token, the connection, each byte of the answer. A request inside is
sent once; when it cannot be answered in time it raises Unreachable (or Busy, when another process
holds a lock).

The limit belongs to the thread that set it: a thread started inside the block has none. Orders
ignore it: each order has its own deadline.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from contextvars import ContextVar
from typing import NamedTuple

from kt.ports.concurrency import monotonic


class Limit(NamedTuple):
    """`ends` is on the clock of `kt.ports.concurrency`; `once`: a request is not repeated."""

    ends: float
    once: bool


NONE = Limit(math.inf, once=False)
_LIMIT: ContextVar[Limit] = ContextVar("kt.patience", default=NONE)


def within(seconds: float) -> contextlib.AbstractContextManager[None]:
    """Everything requested inside ends after so many real seconds, and nothing is retried. A
    narrower limit around it wins."""
    return _Limited(Limit(min(_LIMIT.get().ends, monotonic() + seconds), once=True))


def bounded(seconds: float) -> contextlib.AbstractContextManager[None]:
    """For adapters: a call's own deadline. Retries are allowed, and a narrower limit around it
    wins."""
    limit = _LIMIT.get()
    return _Limited(Limit(min(limit.ends, monotonic() + seconds), limit.once))


def regardless(seconds: float) -> contextlib.AbstractContextManager[None]:
    """For orders: so many seconds from now, ignoring the limit on the caller's other requests."""
    return _Limited(Limit(monotonic() + seconds, once=False))


def time_left() -> float:
    """Real seconds until the deadline; infinite without one, never below 0."""
    return max(0.0, _LIMIT.get().ends - monotonic())


def asked_once() -> bool:
    """Whether requests must not be repeated."""
    return _LIMIT.get().once


class AskingTime:
    """Real seconds for several questions together. What happens between two of them does not
    count: only the time inside `spent` does. For one thread."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    @contextlib.contextmanager
    def spent(self) -> Iterator[None]:
        """A question inside has what the earlier ones left."""
        began = monotonic()
        try:
            with within(self._left):
                yield
        finally:
            self._left -= monotonic() - began


class _Limited(contextlib.AbstractContextManager[None]):
    """The limit inside a block. A class, because every request makes several."""

    __slots__ = ("_before", "_limit")

    def __init__(self, limit: Limit) -> None:
        self._limit = limit

    def __enter__(self) -> None:
        self._before = _LIMIT.set(self._limit)

    def __exit__(self, *_: object) -> None:
        _LIMIT.reset(self._before)

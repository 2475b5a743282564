"""Priorities inside one process: market data queries yield to orders and account queries.

`rate_limit.py` orders the calls of one API; without this gate an order could still wait behind many
calls of other APIs that keep the server or the network busy.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from kt.broker.rest.endpoints import Priority
from kt.ports import concurrency

SCANS = 4
"""Concurrent scan queries: enough for 25 a second at 150 ms each."""
PATIENCE = 0.25
"""The longest wait at the gate, in real seconds: a hanging call must not block the others."""
LINGER = 0.02
"""Real seconds after an urgent call during which the gate stays closed for the next one: a check's
and an order's calls follow one another, with a journal write between them."""


class PriorityGate:
    """`with gate.enter(priority):` around a call on the wire. Safe between threads."""

    def __init__(self, scans: int = SCANS) -> None:
        self._slots = concurrency.semaphore(scans)
        self._turn = concurrency.condition()
        self._urgent = 0
        self._quiet_from = 0.0

    @contextlib.contextmanager
    def enter(self, priority: Priority) -> Iterator[None]:
        """Orders and account queries enter at once; other calls when none of those is running.
        At most `scans` scan queries run at a time. No wait is longer than PATIENCE."""
        if priority <= Priority.ACCOUNT:
            with self._urgent_call():
                yield
            return
        if priority is not Priority.SCAN or not self._slots.acquire(timeout=PATIENCE):
            self._yield_to_urgent()
            yield
            return
        try:
            self._yield_to_urgent()
            yield
        finally:
            self._slots.release()

    @contextlib.contextmanager
    def _urgent_call(self) -> Iterator[None]:
        with self._turn:
            self._urgent += 1
        try:
            yield
        finally:
            with self._turn:
                self._urgent -= 1
                self._quiet_from = concurrency.monotonic() + LINGER
                self._turn.notify_all()

    def _yield_to_urgent(self) -> None:
        if not self._urgent and concurrency.monotonic() >= self._quiet_from:
            return
        with self._turn:
            now = concurrency.monotonic()
            end = now + PATIENCE
            while now < end and (self._urgent or now < self._quiet_from):
                self._turn.wait((end if self._urgent else min(end, self._quiet_from)) - now)
                now = concurrency.monotonic()

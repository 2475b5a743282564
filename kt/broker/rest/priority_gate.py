"""Who goes first inside one process: market data gives way to orders and to the account.

The budgets of `pace.py` order the calls of one API; a server (or a line) that many calls of many
APIs keep busy would still let an order wait behind them.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from kt.broker.rest.endpoints import Priority

SCANS = 4
"""Calls of scans on the wire at once: enough for 25 a second at 150 ms each."""
PATIENCE = 0.25
"""Real seconds that a call waits for its turn at most: what hangs must not hold up the rest."""
LINGER = 0.02
"""Real seconds after an urgent call during which the next is awaited: a check's and an order's
calls follow one another, with a write to the journal between."""


class PriorityGate:
    """`with lanes.enter(priority):` around what is on the wire. Safe between threads."""

    def __init__(self, scans: int = SCANS) -> None:
        self._slots = threading.BoundedSemaphore(scans)
        self._turn = threading.Condition()
        self._urgent = 0
        self._quiet_from = 0.0

    @contextlib.contextmanager
    def enter(self, priority: Priority) -> Iterator[None]:
        """Orders and account queries enter at once; the others when none of them is under way,
        and of the scans only so many at a time, as long as these are answered."""
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
                self._quiet_from = time.monotonic() + LINGER
                self._turn.notify_all()

    def _yield_to_urgent(self) -> None:
        with self._turn:
            now = time.monotonic()
            end = now + PATIENCE
            while now < end and (self._urgent or now < self._quiet_from):
                self._turn.wait((end if self._urgent else min(end, self._quiet_from)) - now)
                now = time.monotonic()

"""The client-side rate limit of one app key, shared by all its processes: kt waits before it would
be refused.

A budget allows `rate` calls in any second. A file in the state folder, one for each group of
budgets, holds the times of the last calls and the waiting ones; its lock is released when its
process dies, and a dead waiter is removed shortly after its turn. The waiter with the highest
priority goes first, then the oldest. Orders have a file and lock of their own, so they never wait
for queries.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kt.broker.rest.endpoints import Endpoint, Group, Priority
from kt.broker.rest.process_lock import process_lock
from kt.errors import KtError, RateLimited
from kt.files import open_private, private_folder, trouble
from kt.paths import ProfilePaths, lock_of
from kt.ports import Clock, concurrency
from kt.ports.patience import time_left

MARGIN = 0.05
"""Clock seconds by which our window is longer than the server's, against network jitter."""
SPREAD = 0.9
"""Queries of a busy budget keep this part of the even distance: the server may count a burst in
another window, which then overflows. Orders go out as soon as the window allows: one refused for
the rate was not taken, and place.py retries it."""
PENALTY = 1.0
"""After a rate refusal the budget is closed for this many seconds."""
INSTANT = 0.0005
"""Shorter waits count as none."""
GRACE = 0.25
"""Real seconds after its turn until a waiter that does not call is considered dead."""
TOKENS_PER_SECOND = 0.2
"""The token server is limited far more strictly than queries."""


class Waiter(msgspec.Struct):
    """A waiting call: it is removed after `until` unless it asks again."""

    number: int
    priority: int
    until: float


class Sent(msgspec.Struct):
    """A call that was allowed, and when it was sent."""

    number: int
    at: float


class Bucket(msgspec.Struct):
    """One budget: its last calls, oldest first, and the waiting ones."""

    sent: list[Sent] = []
    closed_until: float = 0.0
    waiting: list[Waiter] = []


class BudgetState(msgspec.Struct):
    """The file. Times are the clock's monotonic seconds."""

    next_number: int = 1
    buckets: dict[str, Bucket] = {}


@dataclass(frozen=True, slots=True)
class Budget:
    """`calls` in any `window` seconds, at least `spread` of the even distance apart."""

    calls: int
    window: float
    spread: float = SPREAD

    def gap(self, sent: int) -> float:
        """Seconds to the next call when `sent` are in the window: the fuller, the longer."""
        return self.window / self.calls * min(1.0, sent / self.calls) * self.spread


@functools.cache
def budget(per_second: float, spread: float = SPREAD) -> Budget:
    """5 a second = 5 in any second; 0.5 a second = 1 in any two."""
    calls = max(1, math.floor(per_second))
    return Budget(calls, calls / per_second + MARGIN, spread)


class Pacer:
    """Allows calls at the rate the server accepts. Safe between threads and processes.

    `key` names the budget's owner (a hash of the app key); rates are calls in a clock second.
    """

    def __init__(
        self,
        state_dir: Path,
        key: str,
        clock: Clock,
        queries_per_second: float,
        orders_per_second: float,
    ) -> None:
        self.paths = ProfilePaths(state_dir)
        self._key = key
        self.clock = clock
        self.rates = {
            Group.QUERY: queries_per_second,
            Group.ORDER: orders_per_second,
            Group.TOKEN: TOKENS_PER_SECOND,
        }
        self._threads = {group: concurrency.lock() for group in Group}
        self._grace = GRACE / (clock.to_real(1.0) or 1.0)

    def file(self, group: Group) -> Path:
        """Where this group's budgets are kept; their lock lies beside it."""
        return self.paths.budget(self._key, group)

    def wait(self, endpoint: Endpoint, priority: Priority | None = None) -> int:
        """Return when a call of this API may go out; it is counted as gone now.

        The number returned is for `went`, which tells when it really did. Raises RateLimited at
        once when its turn comes after the asker's time is over (`kt.ports.patience`).
        """
        spread = 0.0 if endpoint.group is Group.ORDER else SPREAD
        allowed = budget(min(self.rates[endpoint.group], endpoint.at_most), spread)
        urgency = endpoint.priority if priority is None else priority
        number = 0
        while True:
            number, left = self._try(endpoint, allowed, urgency, number)
            if left <= 0:
                return number
            if self.clock.to_real(left) > time_left():
                self._stop_waiting(endpoint, number)
                raise RateLimited(
                    f"{endpoint.api_id}: the request budget has no turn for it in time "
                    f"(the next in {left:.1f} s)",
                    hint="Too much is asked at once, perhaps by another program with this key.",
                )
            self.clock.sleep(left)

    def _stop_waiting(self, endpoint: Endpoint, number: int) -> None:
        """Remove this waiter, so that it delays no other."""
        with self._state(endpoint.group) as state:
            bucket = state.buckets.setdefault(endpoint.bucket, Bucket())
            bucket.waiting = [one for one in bucket.waiting if one.number != number]

    def sent_at(self, endpoint: Endpoint, number: int, at: float) -> None:
        """The call was on the wire at `at`: connecting may take longer than the margin allows."""
        with self._state(endpoint.group) as state:
            bucket = state.buckets.setdefault(endpoint.bucket, Bucket())
            if bucket.sent and (last := bucket.sent[-1]).number == number and last.at == at:
                return  # it went when it was counted
            others = [one for one in bucket.sent if one.number != number]
            bucket.sent = sorted([*others, Sent(number, at)], key=lambda one: one.at)

    def refused(self, endpoint: Endpoint, *, whole_group: bool = False) -> None:
        """The server refused for the rate: close the budget (1700) or its group (1701, 1702)."""
        with self._state(endpoint.group) as state:
            until = self.clock.monotonic() + PENALTY
            names = {endpoint.bucket, endpoint.group.value} if whole_group else {endpoint.bucket}
            for name in names:
                bucket = state.buckets.setdefault(name, Bucket())
                bucket.closed_until = max(bucket.closed_until, until)

    def _try(
        self, endpoint: Endpoint, allowed: Budget, urgency: int, number: int
    ) -> tuple[int, float]:
        """Check the budget once: (this waiter's number, seconds to wait; 0 = go)."""
        with self._state(endpoint.group) as state:
            now = self.clock.monotonic()
            bucket = state.buckets.setdefault(endpoint.bucket, Bucket())
            self._tidy(bucket, allowed, now)
            if not number:
                number, state.next_number = state.next_number, state.next_number + 1
            others, ahead = bucket.waiting, 0
            if others:
                others = [one for one in others if one.number != number]
                ahead = sum((one.priority, one.number) < (urgency, number) for one in others)
            turn = max(self._turn(bucket, allowed, ahead, now), self._closed(state, endpoint, now))
            if turn <= now + INSTANT:
                bucket.sent.append(Sent(number, now))
                bucket.waiting = others
                return number, 0.0
            bucket.waiting = [*others, Waiter(number, urgency, turn + self._grace)]
            return number, turn - now

    @staticmethod
    def _turn(bucket: Bucket, allowed: Budget, ahead: int, now: float) -> float:
        """When a call with `ahead` waiters before it may go out; the first call at once."""
        times = [one.at for one in bucket.sent]
        for _ in range(ahead + 1):
            free = now
            if times:
                free = max(free, times[-1] + allowed.gap(len(times)))
            if len(times) >= allowed.calls:
                free = max(free, times[-allowed.calls] + allowed.window)
            times.append(free)
        return times[-1]

    @staticmethod
    def _closed(state: BudgetState, endpoint: Endpoint, now: float) -> float:
        """Until when the budget or its group is closed after a refusal."""
        ends = now
        for name in (endpoint.bucket, endpoint.group):
            bucket = state.buckets.get(name)
            if bucket is not None and ends < bucket.closed_until <= now + PENALTY:
                ends = bucket.closed_until
        return ends

    def _tidy(self, bucket: Bucket, allowed: Budget, now: float) -> None:
        """Forget calls outside the window, dead waiters, and times from before a restart."""
        sent, oldest = bucket.sent, now - allowed.window
        if sent and not (oldest < sent[0].at and sent[-1].at <= now):  # they are in order of time
            bucket.sent = [one for one in sent if oldest < one.at <= now]
        if bucket.waiting:
            horizon = now + 60 * allowed.window
            bucket.waiting = [one for one in bucket.waiting if now <= one.until <= horizon]

    def _state(self, group: Group) -> contextlib.AbstractContextManager[BudgetState]:
        """The budgets of a group under their lock, kept when the block ends."""
        return self._file_state(group)

    @contextlib.contextmanager
    def _file_state(self, group: Group) -> Iterator[BudgetState]:
        """The file's contents under its lock, written back when the block ends."""
        path = self.file(group)
        try:
            private_folder(path.parent)
            with process_lock(self._threads[group], lock_of(path), poll=0.002):
                handle = open_private(path, os.O_RDWR)
                try:
                    data = os.read(handle, 1 << 20)
                    state = self._decode(data, group)
                    yield state
                    text = msgspec.json.encode(state)
                    # One write over the whole old content: a kill never leaves a mix of both.
                    os.lseek(handle, 0, os.SEEK_SET)
                    os.write(handle, text.ljust(len(data)))
                finally:
                    os.close(handle)
        except OSError as fault:
            why, advice = trouble(fault)
            message = f"the request budget {path} cannot be kept: {why}"
            raise KtError(message, hint=advice) from fault

    def _decode(self, data: bytes, group: Group) -> BudgetState:
        """An empty file is a new one; an unreadable one counts as a budget just used up."""
        if not data.strip():
            return BudgetState()
        try:
            return msgspec.json.decode(data, type=BudgetState)
        except msgspec.MsgspecError:
            until = self.clock.monotonic() + PENALTY
            return BudgetState(buckets={group.value: Bucket(closed_until=until)})


class MemoryPacer(Pacer):
    """A Pacer whose budgets no other process shares, for a virtual clock: the same arithmetic on
    budgets in memory."""

    def __init__(
        self, state_dir: Path, clock: Clock, queries_per_second: float, orders_per_second: float
    ) -> None:
        super().__init__(state_dir, "memory", clock, queries_per_second, orders_per_second)
        self._budgets = {group: contextlib.nullcontext(BudgetState()) for group in Group}

    def _state(self, group: Group) -> contextlib.AbstractContextManager[BudgetState]:
        return self._budgets[group]

"""Threads and what they wait for. In a live process these are the standard library's own; a
virtual clock replaces them, so that waiting takes its time and none of the machine's
(docs/virtual-clock.md).

    with concurrency.using(virtual_time):
        day.run()

What is made inside the block belongs to it. Code that may wait for another thread, or for a
deadline, takes all of this from here.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Lock(AbstractContextManager[bool], Protocol):
    """`threading.Lock`."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool: ...
    def release(self) -> None: ...


class WaitCondition(AbstractContextManager[bool], Protocol):
    """`threading.Condition`."""

    def wait(self, timeout: float | None = None) -> bool: ...
    def notify_all(self) -> None: ...


class Semaphore(Protocol):
    """`threading.BoundedSemaphore`."""

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool: ...
    def release(self) -> None: ...


class Mailbox(Protocol[T]):
    """`queue.SimpleQueue`, which raises `queue.Empty`."""

    def put(self, item: T) -> None: ...
    def get(self, block: bool = True, timeout: float | None = None) -> T: ...
    def get_nowait(self) -> T: ...


class Concurrency(Protocol):
    """Makes threads and what they wait for. Seconds are those of `monotonic`."""

    def monotonic(self) -> float: ...
    def start(self, work: Callable[[], object], name: str) -> None:
        """Run `work` on a thread of its own, which no process waits for at its end."""
        ...

    def lock(self) -> Lock: ...
    def condition(self) -> WaitCondition: ...
    def semaphore(self, count: int) -> Semaphore: ...
    def mailbox(self) -> Mailbox[Any]: ...


class MachineThreads:
    """The machine's own threads and clock."""

    def monotonic(self) -> float:
        return time.monotonic()

    def start(self, work: Callable[[], object], name: str) -> None:
        threading.Thread(target=work, name=name, daemon=True).start()

    def lock(self) -> Lock:
        return threading.Lock()

    def condition(self) -> WaitCondition:
        return threading.Condition()

    def semaphore(self, count: int) -> Semaphore:
        return threading.BoundedSemaphore(count)

    def mailbox(self) -> Mailbox[Any]:
        return queue.SimpleQueue()


MACHINE = MachineThreads()
_CURRENT: ContextVar[Concurrency] = ContextVar("kt.concurrency", default=MACHINE)


@contextlib.contextmanager
def using(given: Concurrency) -> Iterator[None]:
    """Inside the block, and on the threads it starts, everything is made by `given`."""
    before = _CURRENT.set(given)
    try:
        yield
    finally:
        _CURRENT.reset(before)


def monotonic() -> float:
    """The clock of deadlines: real seconds, unless time is virtual."""
    return _CURRENT.get().monotonic()


def start(work: Callable[[], object], name: str) -> None:
    """Run `work` on a daemon thread."""
    _CURRENT.get().start(work, name)


def lock() -> Lock:
    return _CURRENT.get().lock()


def condition() -> WaitCondition:
    return _CURRENT.get().condition()


def semaphore(count: int) -> Semaphore:
    return _CURRENT.get().semaphore(count)


def mailbox() -> Mailbox[Any]:
    return _CURRENT.get().mailbox()

"""A lock between threads and processes, with the caller's time limit."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from kt.broker.rest.deadlines import LOCK_SECONDS
from kt.errors import Busy
from kt.files import lock_file
from kt.ports.concurrency import Lock, monotonic
from kt.ports.patience import time_left


@contextlib.contextmanager
def process_lock(threads: Lock, path: Path, *, poll: float = 0.05) -> Iterator[None]:
    """One thread of this process, then one process at a time; the file lock is released when its
    process dies. Raises Busy when the lock is not free in time, OSError for an unusable file."""
    began = monotonic()
    seconds = min(LOCK_SECONDS, time_left())
    if not threads.acquire(timeout=seconds):
        raise _busy(path, seconds)
    try:
        try:
            rest = max(0.0, began + seconds - monotonic())
            lock = lock_file(path, rest, poll=poll)
        except TimeoutError:
            raise _busy(path, seconds) from None
        with lock:
            yield
    finally:
        threads.release()


def _busy(path: Path, seconds: float) -> Busy:
    return Busy(
        f"{path} was held by somebody else for {seconds:.1f} s",
        hint="See with `kt doctor` who runs; the lock goes when that process ends.",
    )

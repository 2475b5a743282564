"""The day's list of stocks, cached in the state folder: ka10099 is slow and rarely changes.

One process of the profile fetches it and the others read the file; it expires with the trading day.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from pathlib import Path

import msgspec

from kt.broker.rest.deadlines import LOCK_SECONDS
from kt.files import lock_file, replace_private
from kt.paths import ProfilePaths, lock_of
from kt.ports import Clock, concurrency
from kt.ports.patience import time_left
from kt.records import KST, Instrument

NEW_LIST = time(8)
"""When kt's day begins: a list fetched earlier belongs to the day before."""

Fetch = Callable[[], tuple[Instrument, ...]]


class CachedInstruments(msgspec.Struct, frozen=True):
    """The file."""

    server: str
    day: str
    stocks: tuple[Instrument, ...]


class InstrumentCache:
    """The cached list of `server` (its address). Safe between threads and processes.

    If the folder cannot be used, the list is fetched every time.
    """

    def __init__(self, folder: Path, server: str, clock: Clock) -> None:
        self.path = ProfilePaths(folder).instruments
        self.server = server
        self.clock = clock
        self._threads = concurrency.lock()

    def get(self, fetch: Fetch) -> tuple[Instrument, ...]:
        """Today's list, from the file or by `fetch`, whose errors are raised."""
        day = cache_day(self.clock.now())
        with self._locked():
            kept = self._read()
            if kept is not None and (kept.server, kept.day) == (self.server, day):
                return kept.stocks
            stocks = fetch()
            if stocks:
                self._write(CachedInstruments(self.server, day, stocks))
            return stocks

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One process and one thread at a time; after waiting too long, go on without the lock."""
        with contextlib.ExitStack() as held:
            if self._threads.acquire(timeout=min(LOCK_SECONDS, time_left())):
                held.callback(self._threads.release)
            with contextlib.suppress(OSError):  # TimeoutError is one
                seconds = min(LOCK_SECONDS, time_left())
                held.enter_context(lock_file(lock_of(self.path), seconds))
            yield

    def _read(self) -> CachedInstruments | None:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=CachedInstruments)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None

    def _write(self, kept: CachedInstruments) -> None:
        with contextlib.suppress(OSError):
            replace_private(self.path, msgspec.json.encode(kept))


def cache_day(now: datetime) -> str:
    """The day whose list is valid now: today's from 08:00 on, yesterday's before."""
    local = now.astimezone(KST)
    day = local.date() if local.time() >= NEW_LIST else local.date() - timedelta(days=1)
    return day.isoformat()

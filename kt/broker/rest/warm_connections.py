"""Connections opened in advance, so that an order does not wait for TCP and TLS.

Each is used for one request only. It is checked just before it is handed out: one that is too old,
that the server has closed or on which it has sent something is discarded.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from kt.broker.rest.error_capture import capture

COUNT = 2
"""Connections kept open: one to use, and one for the order right after it."""
LIFE_SECONDS = 10.0
"""An older one is not used: servers close a silent connection after 20 s or more."""
RENEW_SECONDS = 8.0
"""At this age its replacement is opened."""
LOOK_SECONDS = 1.0
"""The interval at which idle connections are checked."""
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 2.0, 60.0
"""The back-off after the server refused a connection or closed it early; doubled each time."""


class HttpConnection(Protocol):
    """A connection that can say whether it is still usable."""

    def silent(self) -> bool:
        """Whether it is open and nothing was received on it yet."""

    def close(self) -> None: ...


L = TypeVar("L", bound=HttpConnection)


@dataclass(frozen=True, slots=True)
class WarmConnection(Generic[L]):
    line: L
    since: float

    @property
    def age(self) -> float:
        return time.monotonic() - self.since


class WarmConnections(Generic[L]):
    """Keeps `count` connections ready from now until `close`, on a thread of its own."""

    def __init__(self, opened: Callable[[], L], count: int = COUNT) -> None:
        self._opened = opened
        self._count = count
        self._idle: list[WarmConnection[L]] = []
        self._turn = threading.Condition()
        self._closed = False
        self._pause = PAUSE_SECONDS
        self._paused_until = 0.0
        threading.Thread(target=self._run, name="kt-spares", daemon=True).start()

    def take(self) -> L | None:
        """The newest that is still usable, or None; the caller owns it then."""
        with self._turn:
            while self._idle:
                connection = self._idle.pop()
                self._turn.notify_all()
                if connection.age < LIFE_SECONDS and connection.line.silent():
                    return connection.line
                connection.line.close()
        return None

    @property
    def ready(self) -> int:
        with self._turn:
            return len(self._idle)

    def close(self) -> None:
        with self._turn:
            self._closed = True
            for connection in self._idle:
                connection.line.close()
            self._idle.clear()
            self._turn.notify_all()

    def _run(self) -> None:
        while True:
            with self._turn:
                while not self._is_closed() and not self._wanted():
                    self._turn.wait(LOOK_SECONDS)
                if self._is_closed():
                    return
            since = time.monotonic()
            line = capture(self._opened, lambda _: None)
            with self._turn:
                if line is None:
                    self._back_off()
                elif self._is_closed():
                    line.close()
                else:
                    self._idle.append(WarmConnection(line, since))

    def _is_closed(self) -> bool:
        return self._closed

    def _wanted(self) -> bool:
        """Discard unusable connections; whether another is to be opened now."""
        for connection in list(self._idle):
            good = connection.line.silent()
            if good and connection.age < LIFE_SECONDS:
                continue
            if good:
                self._pause = PAUSE_SECONDS
            elif connection.age < PAUSE_SECONDS:
                self._back_off()
            connection.line.close()
            self._idle.remove(connection)
        young = sum(connection.age < RENEW_SECONDS for connection in self._idle)
        return young < self._count and time.monotonic() >= self._paused_until

    def _back_off(self) -> None:
        """Back off: the server does not accept spare connections now."""
        self._paused_until = time.monotonic() + self._pause
        self._pause = min(LONGEST_PAUSE_SECONDS, self._pause * 2)

"""What waits to be sent to one guest of the stream: account news complete, prices the newest."""

from __future__ import annotations

import socket
import time

from kt.broker.stream.groups import Key
from kt.broker.stream.local_protocol import LINE_SECONDS, FromGuest, Lines

MARKET_LINES = 2_000
"""So many lines may wait before market data is thinned out."""
ACCOUNT_LINES = 20_000
"""So many, and the guest is cut off: it then comes back and asks the broker what it missed."""
BATCH_LINES = 1_000
"""So many go to the socket at once: the rest still counts as waiting."""


class Outbox:
    """Lines on their way to one guest."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._newest: dict[Key, bytes] = {}
        self.thinned = 0
        """Lines that newer ones replaced before they could be sent."""

    def put(self, text: bytes, key: Key | None) -> None:
        """With a `key` (market data) only the newest line of that key is sure to arrive."""
        if key is None or (len(self._lines) < MARKET_LINES and key not in self._newest):
            self._lines.append(text)
        else:
            self.thinned += key in self._newest
            self._newest[key] = text

    @property
    def overfull(self) -> bool:
        return len(self._lines) > ACCOUNT_LINES

    def take(self) -> bytes:
        """The next that waits, oldest first; what was thinned out is newest, so it comes last."""
        batch = self._lines[:BATCH_LINES]
        del self._lines[:BATCH_LINES]
        if not self._lines:
            batch += self._newest.values()
            self._newest.clear()
        return b"".join(batch)


class Seat:
    """A connected process and what is under way to it; `pid` is 0 until its Hello was right."""

    def __init__(self, number: int, plug: socket.socket) -> None:
        self.number = number
        self.plug = plug
        self.pid = 0
        self.lines = Lines(FromGuest)
        self.outbox = Outbox()
        self.sending = memoryview(b"")
        self._since = time.monotonic()

    @property
    def due(self) -> float:
        """On the monotonic clock: by then the line that is under way must be complete; the
        Hello, since it sat down."""
        return (self.lines.began if self.pid else self._since) + LINE_SECONDS

"""The HTTP protocol: connections that can be cut off in the middle, are bounded in number, and
end when a request does not arrive."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakValueDictionary

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS = 200
"""Connections open at once, over HTTP and WebSocket: kt needs a handful."""
REQUEST_SECONDS = 10.0
"""Real seconds from a request's first byte to its last."""
UNUSED_SECONDS = 120.0
"""How long a new connection may wait for its first request, as one that was used may."""
_BLANKS = b" " * (1 << 18)
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"

_transports: WeakValueDictionary[tuple[str, int], asyncio.Transport] = WeakValueDictionary()
"""The living connections by the client's address, which every request carries."""


class CuttableProtocol(H11Protocol):
    """Remembers its transport. A WebSocket keeps the transport of the request it began as."""

    _deadline: asyncio.TimerHandle | None = None
    _arriving = False
    _upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.write(_FULL)
            transport.close()
            return
        if self.client is not None:
            _transports[self.client] = transport
        self._within(UNUSED_SECONDS)

    def data_received(self, data: bytes) -> None:
        if not self._arriving:
            self._arriving = True
            self._within(REQUEST_SECONDS)
        super().data_received(data)
        if self._upgraded or not self._in_the_middle():
            self._arriving = False
            self._forget()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._upgraded = True
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _in_the_middle(self) -> bool:
        """Whether a request has begun to arrive and is not whole."""
        if self.conn.their_state is h11.IDLE:
            return bool(self.conn.trailing_data[0])
        return self.conn.their_state is h11.SEND_BODY

    def _within(self, seconds: float) -> None:
        self._forget()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def cut(scope: Any) -> None:
    """Closes a request's connection at once: what was not yet sent is lost."""
    found = transport_of(scope)
    if found is not None:
        found.abort()


def transport_of(scope: Any) -> asyncio.Transport | None:
    """The connection that a request or a WebSocket came on, while it lives."""
    client = scope.get("client")
    return _transports.get(tuple(client)) if client else None


def write(scope: Any, content: bytes) -> None:
    """Sends bytes past the protocol."""
    found = transport_of(scope)
    if found is not None:
        found.write(content)


async def send_padded(scope: Any, text: bytes, size: int) -> None:
    """A WebSocket text frame of so many bytes, blanks at its end. It is never held as a whole,
    and the rest of it is not sent once the client has left."""
    found = transport_of(scope)
    if found is None:
        return
    found.write(b"\x81\x7f" + size.to_bytes(8, "big") + text)
    left = size - len(text)
    while left > 0 and not found.is_closing():
        found.write(_BLANKS[:left])
        left -= len(_BLANKS)
        # The transport's own signal belongs to the protocol.
        while found.get_write_buffer_size() > len(_BLANKS) and not found.is_closing():  # noqa: ASYNC110
            await asyncio.sleep(0.001)

"""The HTTP protocol: connections that can be aborted at any point, are limited in number, and
time out if a request does not arrive."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakValueDictionary

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS = 200
"""The most open connections, HTTP and WebSocket together: kt needs only a few."""
REQUEST_SECONDS = 10.0
"""The time-out in real seconds from a request's first byte to its last."""
UNUSED_SECONDS = 120.0
"""Real seconds that a connection may be idle before its first request."""
_BLANKS = b" " * (1 << 18)
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"

_transports: WeakValueDictionary[tuple[str, int], asyncio.Transport] = WeakValueDictionary()
"""The open connections by the client's address, which every request has."""


class CuttableProtocol(H11Protocol):
    """Keeps its transport. A WebSocket keeps the transport of its handshake request."""

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
        """Whether a request has been received only in part."""
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
    """Close a request's connection at once; unsent data is lost."""
    found = transport_of(scope)
    if found is not None:
        found.abort()


def transport_of(scope: Any) -> asyncio.Transport | None:
    """The open connection of a request or a WebSocket; None after it has closed."""
    client = scope.get("client")
    return _transports.get(tuple(client)) if client else None


def write(scope: Any, content: bytes) -> None:
    """Send raw bytes, bypassing the protocol."""
    found = transport_of(scope)
    if found is not None:
        found.write(content)


async def send_padded(scope: Any, text: bytes, size: int) -> None:
    """Send a WebSocket text frame of a given size, padded with blanks. It is never in memory as a
    whole, and sending stops when the client disconnects."""
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

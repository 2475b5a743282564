"""The HTTP protocol whose connections can be cut off in the middle, as a broken network does."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakValueDictionary

from uvicorn.protocols.http.h11_impl import H11Protocol

_transports: WeakValueDictionary[tuple[str, int], asyncio.Transport] = WeakValueDictionary()
"""The living connections by the client's address, which every request carries."""


class Cuttable(H11Protocol):
    """Remembers its transport. A WebSocket keeps the transport of the request it began as."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.client is not None:
            _transports[self.client] = transport


def cut(scope: Any) -> None:
    """Closes a request's connection at once: what was not yet sent is lost."""
    client = scope.get("client")
    transport = _transports.get(tuple(client)) if client else None
    if transport is not None:
        transport.abort()

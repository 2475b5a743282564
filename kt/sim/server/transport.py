"""The HTTP protocol whose connections can be cut off in the middle, as a broken network does."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

Address = tuple[str, int]


class Cuttable(H11Protocol):
    """Remembers each connection's transport by the client's address, which a request carries.

    An upgraded connection keeps its transport, so a WebSocket can be cut as well.
    """

    open: dict[Address, asyncio.Transport] = {}  # noqa: RUF012 — one table for the process

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.client is not None:
            Cuttable.open[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.client is not None:
            Cuttable.open.pop(self.client, None)
        super().connection_lost(exc)


def cut(scope: Any) -> None:
    """Closes a request's connection at once: what was not yet sent is lost."""
    client = scope.get("client")
    transport = Cuttable.open.pop(tuple(client), None) if client else None
    if transport is not None:
        transport.abort()


def forget(scope: Any) -> None:
    """A WebSocket has ended; its transport is no longer ours to cut."""
    client = scope.get("client")
    if client:
        Cuttable.open.pop(tuple(client), None)

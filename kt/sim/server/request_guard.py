"""Which requests are accepted: local programs only, no web pages, no oversized bodies."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from functools import cache

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from kt.sim.control import HEADER

HOSTS = ("127.0.0.1", "localhost", "[::1]")
MOST_BYTES = 64 * 1024
"""The most bytes of a request body. The longest real one (ka10095 with 100 stocks) has 800."""


class Guard:
    """Refuses requests that a browser sends for a web page, over HTTP and WebSocket: a page can
    neither choose the `Host` header nor omit `Origin`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wrong = why_foreign(scope["headers"], scope["server"][1])
        if not wrong:
            await self._app(scope, receive, send)
            return
        answer = JSONResponse({"error": wrong}, 403, {"connection": "close"})
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(answer)
        else:
            await answer(scope, receive, send)


@cache
def own_names(port: int) -> frozenset[bytes]:
    """The allowed values of the `Host` header."""
    return frozenset(f"{host}:{port}".encode() for host in HOSTS)


def why_foreign(headers: Iterable[tuple[bytes, bytes]], port: int) -> str:
    """The problem with a request's headers; empty if there is none."""
    names = own_names(port)
    hosts = 0
    for name, value in headers:
        if name == b"host":
            hosts += 1 if value.lower() in names else 2
        elif name == b"origin" and value.lower().removeprefix(b"http://") not in names:
            return "this server takes no requests of web pages"
    if hosts != 1:
        return "this server answers only to its own loopback address and port as Host"
    return ""


def is_json(headers: Mapping[str, str], default: str = "") -> bool:
    """Whether the content type is JSON, which a web page's form cannot send."""
    kind = headers.get("content-type", default).partition(";")[0]
    return kind.strip().lower() == "application/json"


def holds_key(request: Request, key: str) -> bool:
    """Whether the request has the control key of this state folder."""
    return hmac.compare_digest(request.headers.get(HEADER, "").encode(), key.encode())


async def body(request: Request) -> bytes | Response:
    """The whole body, or the response to one that is too large, which is not read at all if its
    Content-Length is too large."""
    said = request.headers.get("content-length", "0")
    found = bytearray()
    try:
        if int(said) <= MOST_BYTES:
            async for part in request.stream():
                found += part
                if len(found) > MOST_BYTES:
                    break
            else:
                return bytes(found)
    except ClientDisconnect:
        return Response()
    # The connection is closed afterwards: the rest of the body is not read.
    text = f"a request's body may have {MOST_BYTES} bytes"
    return JSONResponse({"error": text}, 413, {"connection": "close"})

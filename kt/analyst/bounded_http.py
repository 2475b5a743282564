"""HTTP to a model's provider: a limit on the size of a response, and a way to abort a request.

The timeout of the HTTP library holds for each read alone, so a response that arrives byte by byte
never runs into it. The caller gives up at its deadline and then closes the connection.
"""

from __future__ import annotations

import contextlib
import json
import socket
from typing import Any

from requests import Response, Session
from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException

from kt.analyst.body import as_object
from kt.analyst.failure import RequestRefused

MAX_REPLY = 4 << 20
"""Bytes of a decompressed response; the longest that a model can write is below one MiB."""
CHUNK = 16 << 10


class ReplyTooLong(RequestException):
    """The response is larger than any real one; the rest was not read."""


class BoundedAdapter(HTTPAdapter):
    """An adapter for one session that makes one request."""

    def __init__(self) -> None:
        self.body: bytes | None = None
        """The unchanged body of the last successful response; None before the first."""
        self._connections: list[Any] = []
        super().__init__()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        kind, opened = pool.ConnectionCls, self._connections

        def connection(*args: Any, **kwargs: Any) -> Any:
            made = kind(*args, **kwargs)
            opened.append(made)
            return made

        pool.ConnectionCls = connection  # type: ignore[assignment]
        return pool

    def send(self, *args: Any, **kwargs: Any) -> Response:
        response = super().send(*args, **kwargs)
        content = bytearray()
        for part in response.iter_content(CHUNK):
            content += part
            if len(content) > MAX_REPLY:
                response.close()
                raise ReplyTooLong(f"the reply is longer than {MAX_REPLY >> 20} MiB")
        response._content = bytes(content)
        self.body = bytes(content) if response.ok and not response.is_redirect else None
        return response

    def cut(self) -> None:
        """Abort the running request: the thread that reads finds the connection closed."""
        for connection in self._connections:
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def send(
    session: Session, method: str, url: str, headers: dict[str, str], content: bytes, seconds: float
) -> Response:
    """One request over a bound session; redirects are not followed. Raises RequestRefused with the
    server's error message for any status but 200, and whatever requests raises."""
    response = session.request(
        method, url, headers=headers, data=content, timeout=seconds, allow_redirects=False
    )
    if response.status_code != 200:
        raise RequestRefused(response.status_code, _error_message(response), response)
    return response


def _error_message(response: Response) -> str:
    """`error.message` of the body, as Google and OpenAI write it; otherwise the HTTP reason."""
    try:
        error = as_object(as_object(json.loads(response.content)).get("error"))
    except (ValueError, RecursionError):
        error = {}
    return str(error.get("message") or response.reason or "")[:1_000]


def bound(session: Session) -> BoundedAdapter:
    """Mount one BoundedAdapter for all of the session's requests and turn redirects off: the API
    key is in a header, which the library would send on to another host."""
    adapter = BoundedAdapter()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.max_redirects = 0
    return adapter

"""The line to a model: a reply of bounded size, and a way to cut a call that takes too long.

The HTTP library under the vendor's own has a time-out for each read; a reply that drips never
runs into it. Whoever waits gives up at the deadline, and then cuts the connection.
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
from kt.analyst.failure import Refused

MAX_REPLY = 4 << 20
"""Bytes of a reply, unpacked; the longest that a model may write has less than one MiB."""
PIECE = 16 << 10


class ReplyTooLong(RequestException):
    """The reply is larger than any real one; its rest was not read."""


class BoundedAdapter(HTTPAdapter):
    """For one session that is used for one call."""

    def __init__(self) -> None:
        self.body: bytes | None = None
        """Of the last success, as it came; None before there was one."""
        self._lines: list[Any] = []
        super().__init__()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        kind, lines = pool.ConnectionCls, self._lines

        def connection(*args: Any, **kwargs: Any) -> Any:
            line = kind(*args, **kwargs)
            lines.append(line)
            return line

        pool.ConnectionCls = connection  # type: ignore[assignment]
        return pool

    def send(self, *args: Any, **kwargs: Any) -> Response:
        response = super().send(*args, **kwargs)
        content = bytearray()
        for part in response.iter_content(PIECE):
            content += part
            if len(content) > MAX_REPLY:
                response.close()
                raise ReplyTooLong(f"the reply is longer than {MAX_REPLY >> 20} MiB")
        response._content = bytes(content)
        self.body = bytes(content) if response.ok and not response.is_redirect else None
        return response

    def cut(self) -> None:
        """End what is under way: whoever reads finds the connection closed."""
        for line in self._lines:
            if line.sock is not None:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(line.sock, socket.SHUT_RDWR)


def send(
    session: Session, method: str, url: str, headers: dict[str, str], content: bytes, seconds: float
) -> Response:
    """One request over a bound session, without a redirect. Raises Refused for a status that is
    no success, with the server's own words, and what requests raises."""
    response = session.request(
        method, url, headers=headers, data=content, timeout=seconds, allow_redirects=False
    )
    if response.status_code != 200:
        raise Refused(response.status_code, _told(response), response)
    return response


def _told(response: Response) -> str:
    """`error.message` of the body, as Google and OpenAI write it; otherwise the body."""
    try:
        error = as_object(as_object(json.loads(response.content)).get("error"))
    except (ValueError, RecursionError):
        error = {}
    return str(error.get("message") or response.reason or "")[:1_000]


def bound(session: Session) -> BoundedAdapter:
    """All that `session` does goes over one adapter, and nowhere else than to the server named:
    the API key is in a header that the library would take along to another host."""
    adapter = BoundedAdapter()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.max_redirects = 0
    return adapter

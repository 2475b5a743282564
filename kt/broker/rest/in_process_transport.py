"""The HTTP transport of a virtual clock: the exchange's handler is called without a socket, after
the time that the latency model says (docs/virtual-clock.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx

from kt.broker.latency import Latency
from kt.broker.rest.send_progress import SendProgress
from kt.ports import Clock


@dataclass(frozen=True, slots=True)
class HandledCall:
    """What the exchange's handler answers."""

    status: int
    headers: Mapping[str, str]
    content: bytes


Handler = Callable[[str, Mapping[str, str], bytes], HandledCall]
"""Takes the path, the headers with names in lower case, and the body."""


class InProcessTransport(httpx.BaseTransport):
    """Takes the same requests as `kt.broker.rest.transport.Transport`, with the same errors when a
    deadline passes."""

    def __init__(self, handler: Handler, clock: Clock, latency: Latency) -> None:
        self._handler = handler
        self._clock = clock
        self._latency = latency

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        ends: float = request.extensions["ends"]
        progress: SendProgress = request.extensions["progress"]
        headers = {name.decode().lower(): value.decode() for name, value in request.headers.raw}
        there, back = self._latency.request(headers.get("api-id", ""))
        progress.left, progress.written = True, progress.clock()
        self._pass(there, ends, httpx.WriteTimeout)
        answer = self._handler(request.url.path, headers, request.read())
        self._pass(back, ends, httpx.ReadTimeout)
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.content)

    def _pass(self, seconds: float, ends: float, late: type[httpx.TimeoutException]) -> None:
        """Let so much time pass, but not beyond the deadline."""
        left = ends - self._clock.monotonic()
        self._clock.sleep(min(seconds, max(0.0, left)))
        if seconds > left:
            raise late("timed out")

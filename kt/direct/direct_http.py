"""The HTTP client of a virtual clock: queries are answered with records, and everything else goes
over the wire's form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kt.broker.rest.client import Http
from kt.broker.rest.deadlines import TIMEOUTS
from kt.broker.rest.endpoints import Priority
from kt.broker.rest.http_response import HttpResponse
from kt.broker.rest.send_progress import SendProgress
from kt.direct.account_records import ACCOUNT_FORMS
from kt.direct.market_records import MARKET_READERS, NotDirect
from kt.ports import concurrency
from kt.ports.patience import time_left
from kt.sim.wire.call import DONE, SHOWN

if TYPE_CHECKING:
    from kt.broker.latency import Latency
    from kt.broker.rest.in_process_transport import InProcessTransport
    from kt.ports import Clock
    from kt.sim.in_process_exchange import InProcessExchange

READERS = {**MARKET_READERS, **{name: form.read for name, form in ACCOUNT_FORMS.items()}}
MESSAGES = {"ka20001": SHOWN, **{name: form.message for name, form in ACCOUNT_FORMS.items()}}
"""return_msg of an answer, where it is not DONE."""


class DirectHttp(Http):
    """Takes the same calls as `Http` with an `InProcessTransport`, in the same time and with the
    same errors. The answer to a query has `records`; orders, tokens, later pages and whatever is
    unusual about a query take the wire's form."""

    def __init__(
        self,
        base_url: str,
        transport: InProcessTransport,
        exchange: InProcessExchange,
        clock: Clock,
        latency: Latency,
    ) -> None:
        super().__init__(base_url, transport)
        self._embedded = exchange
        self._clock = clock
        self._latency = latency

    def post(
        self,
        path: str,
        headers: Mapping[str, str],
        body: object,
        *,
        fresh: bool = False,
        seconds: float = TIMEOUTS[Priority.SCAN].once,
        progress: SendProgress | None = None,
    ) -> HttpResponse:
        api_id = headers.get("api-id", "")
        reader = READERS.get(api_id)
        if reader is None or fresh or "next-key" in headers or not isinstance(body, dict):
            return super().post(
                path, headers, body, fresh=fresh, seconds=seconds, progress=progress
            )
        progress = progress or SendProgress()
        ends = concurrency.monotonic() + min(seconds, time_left())
        there, back = self._latency.request(api_id)
        progress.left, progress.written = True, progress.clock()
        if not self._passes(there, ends):
            return HttpResponse("write timeout")
        message = MESSAGES.get(api_id, DONE)
        found = self._embedded.ask(api_id, headers, body, reader, NotDirect, message)
        if not self._passes(back, ends):
            return HttpResponse("read timeout")
        return HttpResponse(
            f"HTTP {found.status}",
            http_status=found.status,
            body=found.body,
            cont_yn=found.headers.get("cont-yn", ""),
            next_key=found.headers.get("next-key", ""),
            records=found.records,
        )

    def _passes(self, seconds: float, ends: float) -> bool:
        """Let so much time pass; whether it was over before the deadline."""
        left = ends - self._clock.monotonic()
        self._clock.sleep(min(seconds, max(0.0, left)))
        return seconds <= left

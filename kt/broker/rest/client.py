"""The REST client, one per process: queries are retried, orders are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from kt import __version__
from kt.broker.rest import response_body as bodies
from kt.broker.rest.deadlines import BOOKS_SECONDS, PAGES_SECONDS, TIMEOUTS, timeouts_of
from kt.broker.rest.endpoints import Endpoint, Group, Priority, find
from kt.broker.rest.error_capture import capture
from kt.broker.rest.http_response import (
    ApiReply,
    HttpResponse,
    describe_error,
    query_error,
    read_response,
)
from kt.broker.rest.priority_gate import PriorityGate
from kt.broker.rest.rate_limit import Pacer
from kt.broker.rest.response_class import return_code, return_message
from kt.broker.rest.send_progress import SendProgress
from kt.broker.rest.server_clock import seconds_off
from kt.broker.rest.token import TokenSource
from kt.broker.rest.warm_connections import COUNT
from kt.config.addresses import is_loopback, refuse_bad_address
from kt.errors import ConfigError, KtError, Unreachable, UsageError, WireError
from kt.ports import Clock, concurrency
from kt.ports.patience import asked_once, bounded, regardless, time_left

if TYPE_CHECKING:
    import httpx

OnCall = Callable[[str, datetime, int, int, str, str], None]
"""Called after every API call: id, start, milliseconds, HTTP status (0 = none), return_code,
message. May be called from several threads."""

CallRecorder = Callable[[str, Mapping[str, str], object], Callable[[HttpResponse], None]]
"""Takes the path, headers and body of a request that begins, and returns what takes its answer."""

USER_AGENT = f"kt/{__version__}"
TRIES = 4
"""A query is sent at most this many times."""
BACK_OFF = 0.5
"""Clock seconds before the first retry; doubled each time."""
MOST_PAGES = 200
HEADERS = {
    "User-Agent": USER_AGENT,
    "Accept": "application/json",
    "Accept-Encoding": bodies.ENCODING,
    "Content-Type": "application/json;charset=UTF-8",
}
DEFAULT_PORTS = {"http": 80, "https": 443}


class Http:
    """Posts JSON and returns what happened as a value. The transport is built on first use."""

    def __init__(self, base_url: str, transport: httpx.BaseTransport | None = None) -> None:
        refuse_bad_address(base_url, "base_url", ("https", "http"))
        parts = urlsplit(base_url)
        self.base_url = base_url.rstrip("/")
        self._scheme, self._host, self._port = parts.scheme, parts.hostname or "", parts.port
        self._given = transport
        self._lock = concurrency.lock()
        self.recorder: CallRecorder | None = None
        """Is told every request and its answer; set before the first one."""
        self._context: Any = None
        self._lines: dict[bool, httpx.BaseTransport] = {}
        self._closed = False

    def line(self, fresh: bool) -> httpx.BaseTransport:
        """`fresh` never reuses a connection: one that the server closed in the meantime would
        leave an order's outcome unknown. Raises Unreachable once it is closed."""
        found = self._lines.get(fresh)
        if found is not None:
            return found
        with self._lock:
            if self._closed:
                raise Unreachable("the connections are closed", hint="kt is ending.")
            if fresh not in self._lines:
                self._lines[fresh] = self._given or self._build(fresh)
            return self._lines[fresh]

    def _build(self, fresh: bool) -> httpx.BaseTransport:
        import httpx

        from kt.broker.rest.transport import Transport, proxy_of

        try:
            if self._context is None and self._scheme == "https":
                self._context = httpx.create_ssl_context()
            direct = is_loopback(self._host)
            proxy = None if direct else proxy_of(self._scheme, self._host)
        except (OSError, ValueError, httpx.InvalidURL) as fault:
            raise ConfigError(
                f"the certificates or the proxy named in the environment cannot be used: {fault}",
                hint="Correct SSL_CERT_FILE, SSL_CERT_DIR or HTTPS_PROXY. Nothing was sent.",
            ) from fault
        return Transport(self._context, 0 if fresh else 20, proxy)

    def keep_ready(self, count: int = COUNT) -> None:
        """From now on keep `count` connections open for orders (only a long run gains by it).
        Does nothing behind a proxy, or while the server cannot be reached."""
        from kt.broker.rest.transport import Transport

        line = self.line(fresh=True)
        if isinstance(line, Transport):
            line.keep_ready(self._host, self._port or DEFAULT_PORTS[self._scheme], count)

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
        """One POST, sent once, within `seconds` of real time; errors are returned in the response.
        `progress` records how far the request got."""
        import httpx

        never_left = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
        ends = concurrency.monotonic() + min(seconds, time_left())
        progress = progress or SendProgress()
        progress.begin()

        def fail(fault: Exception) -> HttpResponse:
            if isinstance(fault, KtError):  # ours, of the configuration
                raise fault
            progress.left = progress.left and not isinstance(fault, never_left)
            return HttpResponse(describe_error(fault), left=progress.left)

        ended = None if self.recorder is None else self.recorder(path, headers, body)
        answer = capture(lambda: self._exchange(path, headers, body, fresh, ends, progress), fail)
        if ended is not None:
            ended(answer)
        return answer

    def _exchange(
        self,
        path: str,
        headers: Mapping[str, str],
        body: object,
        fresh: bool,
        ends: float,
        progress: SendProgress,
    ) -> HttpResponse:
        import httpx

        request = httpx.Request(
            "POST",
            self.base_url + path,
            headers={**HEADERS, **headers},
            content=_content(body),
            extensions={"ends": ends, "progress": progress},
        )
        line = self.line(fresh)
        progress.left = True  # the safe assumption; a transport that knows better corrects it
        response = line.handle_request(request)
        try:
            return read_response(response)
        finally:
            response.close()

    def close(self) -> None:
        """Close all connections, for good: a call that another thread repeats is not sent."""
        with self._lock:
            self._closed = True
            for line in self._lines.values():
                line.close()
            self._lines.clear()


def _content(body: object) -> bytes:
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError as fault:
        raise UsageError(
            "the request holds half a letter, which no UTF-8 can carry", hint="Nothing was sent."
        ) from fault


class Rest:
    """Calls of the broker's APIs with token, rate limit and log. Safe between threads."""

    def __init__(
        self,
        http: Http,
        tokens: TokenSource,
        pacer: Pacer,
        clock: Clock,
        on_call: OnCall | None = None,
    ) -> None:
        self.http = http
        self.tokens = tokens
        self.pacer = pacer
        self.clock = clock
        self.on_call = on_call
        self.gate = PriorityGate()
        self.skew: float | None = None
        """Seconds by which our clock is ahead of the server's, by its newest answer."""

    def call(
        self,
        api_id: str,
        body: Mapping[str, str] | None = None,
        *,
        priority: Priority | None = None,
        next_key: str = "",
    ) -> ApiReply:
        """A query's answer, or an error with a hint.

        Raises AuthError, RateLimited, Unreachable, BrokerRefused, UnknownStock or WireError.
        """
        endpoint = find(api_id)
        if endpoint.group is not Group.QUERY:
            raise UsageError(
                f"{api_id} is not a query", hint="Orders go through `kt order`, tokens `kt auth`."
            )
        urgency = endpoint.priority if priority is None else priority
        with bounded(timeouts_of(endpoint, urgency).whole):
            return self._query_with_retries(endpoint, body or {}, urgency, next_key)

    def _query_with_retries(
        self, endpoint: Endpoint, body: Mapping[str, str], urgency: Priority, next_key: str
    ) -> ApiReply:
        most = 1 if asked_once() else TRIES
        token, renewed, tries = self.tokens.token(), False, 0
        while True:
            progress = SendProgress(self.clock.monotonic)
            answer = self._send(endpoint, body, token, progress, urgency, next_key=next_key)
            verdict = None if answer.detour else answer.verdict()
            if answer.answered and verdict is None and not answer.detour:
                return ApiReply(
                    answer.body or {},
                    answer.cont_yn,
                    answer.next_key,
                    answer.date,
                    records=answer.records,
                )
            if verdict is not None and verdict.nothing:
                return ApiReply({}, nothing=True)
            if verdict is not None and verdict.renewable and not renewed:
                token, renewed = self.tokens.renew(token), True
                continue
            tries += 1
            paced = verdict is not None and verdict.limits
            pause = 0.0 if paced else BACK_OFF * 2 ** (tries - 1)
            late = self.clock.to_real(pause) >= time_left()
            if tries >= most or late or not answer.may_change:
                raise query_error(endpoint.api_id, answer, verdict)
            if pause:
                self.clock.sleep(pause)

    def pages(
        self,
        api_id: str,
        body: Mapping[str, str] | None = None,
        *,
        priority: Priority | None = None,
    ) -> Iterator[ApiReply]:
        """Page after page, each requested with the next-key of the one before."""
        seen: set[str] = set()
        ends = concurrency.monotonic() + PAGES_SECONDS
        reply = self.call(api_id, body, priority=priority)
        yield reply
        while reply.more:
            key = reply.next_key
            if key in seen or len(seen) == MOST_PAGES or not key.isascii():
                raise WireError(
                    f"{api_id} next-key", key, hint="The broker's pages do not come to an end."
                )
            if concurrency.monotonic() > ends:
                raise Unreachable(
                    f"{api_id}: its {len(seen) + 1} pages took over {PAGES_SECONDS:.0f} s so far",
                    hint="The server is too slow now; try again later.",
                )
            seen.add(key)
            reply = self.call(api_id, body, priority=priority, next_key=key)
            yield reply

    def send_order(self, api_id: str, body: Mapping[str, str]) -> HttpResponse:
        """Send one order, once. Returns the evidence of what became of it and never raises.

        A second send follows only a refused token, with a new one: the broker did not take the
        order then. A 429 is returned; kt/steps/orders/place.py retries it.
        """
        progress = SendProgress(self.clock.monotonic)

        def evidence(fault: Exception) -> HttpResponse:
            if isinstance(fault, KtError) and not progress.left:
                return HttpResponse(f"not sent: {fault.message}", left=False, error=fault)
            how = "sent, and then" if progress.left else "not sent"
            return HttpResponse(f"{how}: {describe_error(fault)}", left=progress.left)

        return capture(lambda: self._send_with_token(find(api_id), body, progress), evidence)

    def _send_with_token(
        self, endpoint: Endpoint, body: Mapping[str, str], progress: SendProgress
    ) -> HttpResponse:
        with regardless(TIMEOUTS[Priority.ORDER].whole):
            token = self.tokens.token()
            answer = self._send(endpoint, body, token, progress, Priority.ORDER, fresh=True)
            verdict = None if answer.detour else answer.verdict()
            if verdict is None or not verdict.renewable:
                return answer
            progress.begin()  # the broker refused the token, so it did not take the order
            token = self.tokens.renew(token)
            return self._send(endpoint, body, token, progress, Priority.ORDER, fresh=True)

    def _send(
        self,
        endpoint: Endpoint,
        body: Mapping[str, str],
        token: str,
        progress: SendProgress,
        urgency: Priority,
        *,
        next_key: str = "",
        fresh: bool = False,
    ) -> HttpResponse:
        """Wait for the rate limit, send once, log, and update the rate limit from the answer."""
        headers = {"api-id": endpoint.api_id, "authorization": f"Bearer {token}"}
        if next_key:
            headers |= {"cont-yn": "Y", "next-key": next_key}
        self.http.line(
            fresh
        )  # built before the rate limit is asked, because building takes a while
        number, once = self.pacer.wait(endpoint, urgency), timeouts_of(endpoint, urgency).once
        with self.gate.enter(urgency), regardless(once) if fresh else bounded(once):
            started, before = self.clock.now(), self.clock.monotonic()
            answer = self.http.post(endpoint.path, headers, body, fresh=fresh, progress=progress)
        answer = replace(answer, sent_at=started if answer.left else None)

        def record() -> None:
            skew = seconds_off(answer.date, started, self.clock.now())
            self.skew = self.skew if skew is None else skew
            report(self.on_call, self.clock, endpoint.api_id, started, before, answer)
            self._count(endpoint, number, progress, answer)

        if fresh:
            # An error in our own bookkeeping after the send says nothing about the order.
            with regardless(BOOKS_SECONDS):
                capture(record, lambda _: None)
        else:
            record()
        return answer

    def _count(
        self, endpoint: Endpoint, number: int, progress: SendProgress, answer: HttpResponse
    ) -> None:
        """Tell the rate limiter when the call was really sent, and whether it was refused."""
        if progress.written is not None:
            self.pacer.sent_at(endpoint, number, progress.written)
        verdict = answer.verdict()
        if verdict is not None and verdict.limits:
            self.pacer.refused(endpoint, whole_group=verdict.code in {"1701", "1702"})


def report(
    on_call: OnCall | None,
    clock: Clock,
    api_id: str,
    started: datetime,
    before: float,
    answer: HttpResponse,
) -> None:
    """Report to `on_call` a call that began at `started`, on the monotonic clock `before`."""
    if on_call is None:
        return
    took = clock.to_real(clock.monotonic() - before)
    code = return_code(answer.body) if answer.body is not None else None
    said = return_message(answer.body) if answer.body is not None else answer.evidence
    shown = "" if code is None else str(code)
    on_call(api_id, started, round(took * 1000), answer.http_status, shown, said)

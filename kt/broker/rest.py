"""The REST line: one HTTP client a process, paced and logged in; queries repeat, orders never."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from kt import __version__
from kt.broker.answer import Answer, Reply, decoded, described, failure
from kt.broker.lanes import Lanes
from kt.broker.pace import Pacer
from kt.broker.skew import seconds_off
from kt.broker.token import TokenSource
from kt.broker.tr import Group, Priority, Tr, find
from kt.broker.verdict import return_code, return_message
from kt.errors import ConfigError, KtError, UsageError, WireError
from kt.ports import Clock

if TYPE_CHECKING:
    import httpx

OnCall = Callable[[str, datetime, int, int, str, str], None]
"""Told of every call: API id, start, milliseconds, HTTP status (0 = none), return_code, message.
May be called from several threads."""

USER_AGENT = f"kt/{__version__}"
CONNECT_SECONDS, ANSWER_SECONDS, POOL_SECONDS = 5.0, 10.0, 5.0
TRIES = 4
"""A query is sent so often at most."""
BACK_OFF = 0.5
"""Clock seconds before the first repeat; doubled each time."""
ORDER_TRIES = 3
"""An order that was provably not taken (429) is sent so often at most, paced."""
MOST_PAGES = 200


class Http:
    """Posts JSON and tells faithfully what happened. Built on first use."""

    def __init__(self, base_url: str, transport: httpx.BaseTransport | None = None) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(
                f"{base_url!r} is no address of a server",
                hint="Set base_url of the profile, or KT_BASE_URL, to http(s)://host[:port].",
            )
        self.base_url = base_url.rstrip("/")
        self._loopback = parts.hostname in {"127.0.0.1", "localhost", "::1"}
        self._transport = transport
        self._lock = threading.Lock()
        self._context: Any = None
        self._clients: dict[bool, httpx.Client] = {}

    def client(self, fresh: bool) -> httpx.Client:
        """`fresh` never reuses a connection: one that the server closed in the meantime would
        leave an order's outcome unknown."""
        with self._lock:
            if fresh not in self._clients:
                self._clients[fresh] = self._build(fresh)
            return self._clients[fresh]

    def _build(self, fresh: bool) -> httpx.Client:
        import httpx

        if self._context is None:
            plain = self.base_url.startswith("http:")
            self._context = False if plain else httpx.create_ssl_context()
        return httpx.Client(
            transport=self._transport,
            verify=self._context,
            trust_env=not self._loopback,
            headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS, pool=POOL_SECONDS),
            limits=httpx.Limits(max_keepalive_connections=0 if fresh else 20, keepalive_expiry=4),
        )

    def post(
        self,
        path: str,
        headers: Mapping[str, str],
        body: object,
        *,
        fresh: bool = False,
        on_written: Callable[[], None] | None = None,
    ) -> Answer:
        """One POST, sent once. `on_written` is called when the request is on the wire."""
        import httpx

        client = self.client(fresh)
        try:
            response = client.post(
                self.base_url + path,
                headers={"Content-Type": "application/json;charset=UTF-8", **headers},
                content=msgspec.json.encode(body),
                extensions={"trace": _Written(on_written)} if on_written else {},
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as fault:
            return Answer(described(fault), left=False)
        except httpx.HTTPError as fault:
            return Answer(described(fault))
        return Answer(
            f"HTTP {response.status_code}",
            http_status=response.status_code,
            body=decoded(response.content),
            cont_yn=response.headers.get("cont-yn", ""),
            next_key=response.headers.get("next-key", ""),
            date=response.headers.get("date", ""),
        )

    def close(self) -> None:
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()


class _Written:
    """Hears what the connection does, and tells when the request's last byte was written."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self.tell = tell

    def __call__(self, event: str, _: Mapping[str, Any]) -> None:
        if event == "http11.send_request_body.complete":
            self.tell()


class Rest:
    """Calls of the broker's APIs with token, budget and log. Safe between threads."""

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
        self.lanes = Lanes()
        self.skew: float | None = None
        """Seconds by which our clock is ahead of the server's, by its newest answer."""

    def call(
        self,
        api_id: str,
        body: Mapping[str, str] | None = None,
        *,
        priority: Priority | None = None,
        next_key: str = "",
    ) -> Reply:
        """A query's answer, or the error that says what to do.

        Raises AuthError, RateLimited, Unreachable, BrokerRefused, UnknownStock or WireError.
        """
        tr = find(api_id)
        if tr.group is not Group.QUERY:
            raise UsageError(
                f"{api_id} is not a query", hint="Orders go through `kt order`, tokens `kt auth`."
            )
        token, renewed, tries = self.tokens.token(), False, 0
        while True:
            answer = self._send(tr, body or {}, token, priority=priority, next_key=next_key)
            verdict = answer.verdict() if answer.answered else None
            if answer.answered and verdict is None:
                found = answer.body or {}
                return Reply(found, answer.cont_yn, answer.next_key, answer.date)
            if verdict is not None and verdict.nothing:
                return Reply({}, nothing=True)
            if verdict is not None and verdict.renewable and not renewed:
                token, renewed = self.tokens.renew(token), True
                continue
            tries += 1
            if tries == TRIES or (verdict is not None and not verdict.retry):
                raise failure(api_id, answer, verdict)
            if verdict is None or not verdict.limits:
                self.clock.sleep(BACK_OFF * 2 ** (tries - 1))

    def pages(
        self,
        api_id: str,
        body: Mapping[str, str] | None = None,
        *,
        priority: Priority | None = None,
    ) -> Iterator[Reply]:
        """Page after page, each asked for with the key of the one before."""
        seen: set[str] = set()
        reply = self.call(api_id, body, priority=priority)
        yield reply
        while reply.more:
            key = reply.next_key
            if key in seen or len(seen) == MOST_PAGES or not key.isascii():
                raise WireError(
                    f"{api_id} next-key", key, hint="The broker's pages do not come to an end."
                )
            seen.add(key)
            reply = self.call(api_id, body, priority=priority, next_key=key)
            yield reply

    def send_order(self, api_id: str, body: Mapping[str, str]) -> Answer:
        """One order, sent once: the evidence of what became of it, and never an exception.

        Sent again only on proof that it was not taken: the token was refused (once, with a new
        one), or the budget was (paced).
        """
        tr = find(api_id)
        renewed, tries = False, 0
        try:
            token = self.tokens.token()
            while True:
                answer = self._send(tr, body, token, fresh=True)
                verdict = answer.verdict() if answer.answered else None
                if verdict is not None and verdict.renewable and not renewed:
                    token, renewed = self.tokens.renew(token), True
                    continue
                tries += 1
                if verdict is None or not verdict.not_taken_for_rate or tries == ORDER_TRIES:
                    return answer
        except KtError as error:
            return Answer(f"not sent: {error.message}", left=False, error=error)

    def _send(
        self,
        tr: Tr,
        body: Mapping[str, str],
        token: str,
        *,
        priority: Priority | None = None,
        next_key: str = "",
        fresh: bool = False,
    ) -> Answer:
        """Wait for the budget, send once, log, and heed what the answer says of the budget."""
        headers = {"api-id": tr.api_id, "authorization": f"Bearer {token}"}
        if next_key:
            headers |= {"cont-yn": "Y", "next-key": next_key}
        self.http.client(fresh)  # built before the budget is drawn on, for that takes a while
        urgency = tr.priority if priority is None else priority
        number, written = self.pacer.wait(tr, urgency), list[float]()
        with self.lanes.enter(urgency):
            started, before = self.clock.now(), self.clock.monotonic()
            answer = self.http.post(
                tr.path,
                headers,
                body,
                fresh=fresh,
                on_written=lambda: written.append(self.clock.monotonic()),
            )
        skew = seconds_off(answer.date, started, self.clock.now())
        self.skew = self.skew if skew is None else skew
        # What fails in our own books after an order was sent says nothing about the order.
        with contextlib.suppress(KtError) if fresh else contextlib.nullcontext():
            report(self.on_call, self.clock, tr.api_id, started, before, answer)
            if written:
                self.pacer.went(tr, number, written[-1])
            verdict = answer.verdict() if answer.answered else None
            if verdict is not None and verdict.limits:
                self.pacer.refused(tr, whole_group=verdict.code in {"1701", "1702"})
        return answer


def report(
    on_call: OnCall | None,
    clock: Clock,
    api_id: str,
    started: datetime,
    before: float,
    answer: Answer,
) -> None:
    """Tell `on_call` how a call went that began at `started`, on the monotonic clock `before`."""
    if on_call is None:
        return
    took = clock.to_real(clock.monotonic() - before)
    code = return_code(answer.body) if answer.body is not None else None
    said = return_message(answer.body) if answer.body is not None else answer.evidence
    shown = "" if code is None else str(code)
    on_call(api_id, started, round(took * 1000), answer.http_status, shown, said)

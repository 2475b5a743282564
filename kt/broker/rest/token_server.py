"""Issues and revokes tokens over the wire (au10001, au10002)."""

from __future__ import annotations

import re

from kt.broker.rest.client import Http, OnCall, report
from kt.broker.rest.deadlines import TOKEN
from kt.broker.rest.endpoints import find
from kt.broker.rest.http_response import HttpResponse, query_error
from kt.broker.rest.rate_limit import Pacer
from kt.broker.rest.token import Issued
from kt.broker.wire import Row
from kt.config.secrets import AppKeys
from kt.errors import WireError
from kt.ports import Clock
from kt.ports.patience import bounded

_TOKEN = re.compile(r"[\x21-\x7e]+")


class WireTokenServer:
    """Implements TokenServer. Never retries: the token endpoint has a strict rate limit."""

    def __init__(
        self, http: Http, pacer: Pacer, clock: Clock, on_call: OnCall | None = None
    ) -> None:
        self.http = http
        self.pacer = pacer
        self.clock = clock
        self.on_call = on_call

    def issue(self, keys: AppKeys) -> Issued:
        body = {
            "grant_type": "client_credentials",
            "appkey": keys.app_key,
            "secretkey": keys.secret_key,
        }
        row = Row(self._post("au10001", body).body, "au10001")
        token = row.text("token")
        if _TOKEN.fullmatch(token) is None:
            raise WireError("au10001.token", "…")
        return Issued(token, row.moment("expires_dt", self.clock.now().date()))

    def revoke(self, keys: AppKeys, token: str) -> None:
        self._post(
            "au10002", {"appkey": keys.app_key, "secretkey": keys.secret_key, "token": token}
        )

    def _post(self, api_id: str, body: dict[str, str]) -> HttpResponse:
        endpoint = find(api_id)
        with bounded(TOKEN.whole):
            self.pacer.wait(endpoint)
            started, before = self.clock.now(), self.clock.monotonic()
            answer = self.http.post(endpoint.path, {"api-id": api_id}, body, seconds=TOKEN.once)
        report(self.on_call, self.clock, api_id, started, before, answer)
        verdict = answer.verdict()
        if verdict is not None or answer.detour or not answer.answered:
            raise query_error(api_id, answer, verdict)
        return answer

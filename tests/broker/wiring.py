"""A client of ours on an httpx.MockTransport: what a server would do is a function."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from kt.broker.kiwoom import Kiwoom
from kt.broker.rest.client import Http, Rest
from kt.broker.rest.rate_limit import Pacer
from kt.broker.rest.token import Issued, TokenSource
from kt.clock import ManualClock
from kt.config.secrets import AppKeys
from kt.errors import WireError
from kt.ports import Clock
from kt.records import KST

KEYS = AppKeys("app-key-of-forty-characters", "secret-key-of-forty-characters")
NOW = datetime(2026, 11, 23, 10, 30, 0, tzinfo=KST)
RECORDED = Path(__file__).resolve().parents[1] / "data" / "broker" / "recorded"
REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "kiwoom" / "api"

Handler = Callable[[httpx.Request], httpx.Response]


def recorded(name: str) -> dict[str, Any]:
    """The body of a recorded answer."""
    return json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))["response"]


def ok(**fields: Any) -> httpx.Response:
    return httpx.Response(200, json={"return_code": 0, "return_msg": "", **fields})


def said(code: int | str, message: str, status: int = 200) -> httpx.Response:
    """A failed call's answer."""
    return httpx.Response(status, json={"return_code": code, "return_msg": message})


class CountingTokens:
    """A token server that hands out token-1, token-2 …"""

    def __init__(self, clock: Clock, life: timedelta = timedelta(hours=24)) -> None:
        self.clock = clock
        self.life = life
        self.issued = 0
        self.revoked: list[str] = []
        self.error: Exception | None = None

    def issue(self, keys: AppKeys) -> Issued:
        if self.error is not None:
            raise self.error
        self.issued += 1
        return Issued(f"token-{self.issued}", self.clock.now() + self.life)

    def revoke(self, keys: AppKeys, token: str) -> None:
        self.revoked.append(token)


class SteppingClock(ManualClock):
    """Stands still but for sleeps, which it counts."""

    def __init__(self, at: datetime = NOW) -> None:
        super().__init__(at)
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        super().sleep(seconds)


@dataclass
class Line:
    """A Kiwoom on a mocked server, with everything that was sent."""

    kiwoom: Kiwoom
    rest: Rest
    tokens: CountingTokens
    clock: SteppingClock
    requests: list[httpx.Request]
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    faults: list[WireError] = field(default_factory=list)

    def bodies(self) -> list[dict[str, str]]:
        return [json.loads(request.content) for request in self.requests]


def line(handler: Handler, state_dir: Path, *, per_second: float = 5.0) -> Line:
    clock = SteppingClock()
    tokens = CountingTokens(clock)
    requests: list[httpx.Request] = []

    def heard(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return handler(request)

    calls: list[tuple[Any, ...]] = []
    faults: list[WireError] = []
    http = Http("http://broker.test", transport=httpx.MockTransport(heard))
    pacer = Pacer(state_dir, "test", clock, per_second, per_second)
    source = TokenSource(KEYS, "http://broker.test", state_dir, clock, tokens)
    rest = Rest(http, source, pacer, clock, lambda *told: calls.append(told))
    kiwoom = Kiwoom(rest, clock, faults.append)
    return Line(kiwoom, rest, tokens, clock, requests, calls, faults)


def answers(*given: httpx.Response | Exception) -> Handler:
    """One after the other; the last one for ever."""
    queue = list(given)

    def handler(_: httpx.Request) -> httpx.Response:
        one = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(one, Exception):
            raise one
        # A response can be read once: build it anew.
        return httpx.Response(one.status_code, content=one.content, headers=one.headers)

    return handler

"""Connections opened ahead: used once, young, looked at just before, and never a danger."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from kt.broker.order_gateway import outcome
from kt.broker.rest import warm_connections
from kt.broker.rest.client import Http
from kt.broker.rest.transport import HttpLine, Transport
from kt.records import Outcome, OutcomeStatus
from tests.broker.certificate import contexts
from tests.broker.hostile import Hostile, answer, serving


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.002)


def ready(http: Http) -> int:
    line = http.line(fresh=True)
    assert isinstance(line, Transport) and line.warm is not None
    return line.warm.ready


@contextlib.contextmanager
def kept_ready(address: str, count: int) -> Iterator[Http]:
    http = Http(address)
    http.keep_ready(count)
    try:
        yield http
    finally:
        http.close()


def ordered(http: Http) -> Outcome:
    return outcome(http.post("/", {}, {}, fresh=True))


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keeper does not look by itself: what the order finds is for the order to see."""
    monkeypatch.setattr(warm_connections, "LOOK_SECONDS", 30.0)


def test_an_order_rides_on_a_connection_that_was_open() -> None:
    with serving(answer()) as server, kept_ready(server.address, 2) as http:
        for sent in range(3):
            until(lambda: (ready(http), len(server.connections)) == (2, 2 + sent))  # noqa: B023
            assert ordered(http).status is OutcomeStatus.ACKED
            assert server.used[sent] < 2 + sent
        assert len(set(server.used)) == 3


def test_queries_leave_them_alone() -> None:
    with serving(answer()) as server, kept_ready(server.address, 1) as http:
        until(lambda: ready(http) == 1)
        assert http.post("/", {}, {}).http_status == 200
        assert (server.used, ready(http)) == ([1], 1)


@pytest.mark.parametrize(
    "deed", [Hostile.hang_up, lambda server: server.say(b"HTTP/1.1 408 x\r\n")]
)
def test_one_that_is_no_good_any_more_is_not_used(
    deed: Callable[[Hostile], None], slow: None
) -> None:
    with serving(answer()) as server, kept_ready(server.address, 2) as http:
        until(lambda: (ready(http), len(server.connections)) == (2, 2))
        deed(server)
        assert ordered(http).status is OutcomeStatus.ACKED
        assert server.used[0] >= 2


def test_one_that_is_too_old_is_not_used(slow: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answer()) as server, kept_ready(server.address, 1) as http:
        until(lambda: ready(http) == 1)
        monkeypatch.setattr(warm_connections, "LIFE_SECONDS", 0.0)
        assert ordered(http).status is OutcomeStatus.ACKED
        assert server.used[0] >= 1


def test_a_server_that_hangs_up_after_the_look_leaves_it_unknown(
    slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may have been written is not written again."""
    with serving(answer()) as server, kept_ready(server.address, 1) as http:
        until(lambda: (ready(http), len(server.connections)) == (1, 1))
        monkeypatch.setattr(HttpLine, "silent", lambda _: True)
        server.hang_up()
        assert ordered(http).status is OutcomeStatus.UNKNOWN
        assert server.requests == []


def test_each_has_a_successor_before_it_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_connections, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(warm_connections, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(warm_connections, "LIFE_SECONDS", 0.5)
    with serving(answer()) as server, kept_ready(server.address, 1) as http:
        until(lambda: ready(http) == 1)
        until(lambda: len(server.connections) >= 4 or not ready(http))
        assert ready(http)


def test_a_server_that_hangs_up_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_connections, "LOOK_SECONDS", 0.01)
    with (
        serving(lambda line: line.shutdown(socket.SHUT_RDWR), unread=True) as server,
        kept_ready(server.address, 2) as http,
    ):
        until(lambda: server.connections and not ready(http))
        time.sleep(0.2)
        assert len(server.connections) <= 4


def test_an_order_to_a_closed_port_is_not_placed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with kept_ready(f"http://127.0.0.1:{port}", 2) as http:
        assert ordered(http).status is OutcomeStatus.NOT_PLACED


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_with_tls(version: ssl.TLSVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS 1.3 has the server say something right after the handshake: that is no answer."""
    context, certificate = contexts(tmp_path)
    context.minimum_version = context.maximum_version = version
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(answer(), context=context) as server, kept_ready(server.address, 1) as http:
        until(lambda: ready(http) == 1)
        assert ordered(http).status is OutcomeStatus.ACKED
        assert server.used == [0]


def test_all_are_closed_in_the_end() -> None:
    with serving(answer()) as server:
        http = Http(server.address)
        http.keep_ready(2)
        line = http.line(fresh=True)
        assert isinstance(line, Transport) and line.warm is not None
        until(lambda: ready(http) == 2)
        http.close()
        assert (line.warm.ready, line.warm.take()) == (0, None)


def test_a_scripted_line_has_none() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    Http("http://broker.test", transport).keep_ready()

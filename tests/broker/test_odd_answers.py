"""Whatever a server, the line or our own code does: an order ends in one of four outcomes, a
query in an answer or a named error, both in time and within bounds."""

from __future__ import annotations

import contextlib
import gzip
import json
import ssl
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h11
import httpx
import pytest

from kt.broker.kiwoom import Kiwoom
from kt.broker.rest import client as rest
from kt.broker.rest import deadlines, transport
from kt.broker.rest.client import Http, Rest
from kt.broker.rest.deadlines import CallTimeouts
from kt.broker.rest.endpoints import Priority
from kt.broker.rest.rate_limit import Pacer
from kt.broker.rest.token import TokenSource
from kt.clock import SystemClock
from kt.errors import ConfigError, KtError, Unreachable, WireError
from kt.ports.patience import within
from kt.records import OrderTicket, OrderType, Outcome, OutcomeStatus, Side
from tests.broker.hostile import (
    TAKEN,
    Deed,
    Hostile,
    answer,
    dripping,
    endless,
    head,
    packed,
    raw,
    reset,
    serving,
    silence,
)
from tests.broker.wiring import KEYS, CountingTokens, answers, line, ok, said

ACKED, NOT_PLACED, UNKNOWN = OutcomeStatus.ACKED, OutcomeStatus.NOT_PLACED, OutcomeStatus.UNKNOWN
BUY = OrderTicket(
    side=Side.BUY, stock_code="005930", quantity=3, order_type=OrderType.LIMIT, price=70_000
)
ONCE = 0.3


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call is over after a third of a second."""
    for priority in Priority:
        monkeypatch.setitem(deadlines.TIMEOUTS, priority, CallTimeouts(ONCE, 2 * ONCE))


@contextlib.contextmanager
def client(server: Hostile, folder: Path) -> Iterator[Kiwoom]:
    clock = SystemClock()
    source = TokenSource(KEYS, server.address, folder, clock, CountingTokens(clock))
    http = Http(server.address)
    try:
        yield Kiwoom(Rest(http, source, Pacer(folder, "k", clock, 100, 100), clock), clock)
    finally:
        http.close()


def nested(levels: int) -> bytes:
    return b'{"return_code":0,"ord_no":"0000001","x":' + b"[" * levels + b"]" * levels + b"}"


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


CHUNKED = head("200 OK", "Transfer-Encoding: chunked")
BOMB = gzip.compress(b'{"a":"' + b"a" * (64 << 20) + b'"}', 9)
DEAD = json.dumps({"return_code": 3, "return_msg": "x[8005:y]"}).encode()
REFUSED = json.dumps({"return_code": 20, "return_msg": "[2000](RC4003:x)"}).encode()

ANSWERS: dict[str, tuple[Deed, OutcomeStatus, str]] = {
    # redirects and announcements: whatever they hold, the API did not say it
    "302": (answer(b"", "302 Found", "Location: https://other.test/"), UNKNOWN, "HTTP 302"),
    "302 nonsense": (answer(b"", "302 Found", "Location: javascript:x"), UNKNOWN, "HTTP 302"),
    "307 bad host": (answer(b"", "307 x", "Location: http://[::bad"), UNKNOWN, "HTTP 307"),
    "308 no place": (answer(b"", "308 x"), UNKNOWN, "HTTP 308"),
    "302 taken": (answer(TAKEN, "302 Found", "Location: /"), UNKNOWN, "HTTP 302"),
    "302 dead token": (answer(DEAD, "302 Found"), UNKNOWN, "HTTP 302"),
    "302 refused": (answer(REFUSED, "302 Found"), UNKNOWN, "HTTP 302"),
    "100 and taken": (raw(head("100 Continue") + head("200 OK") + TAKEN), ACKED, "ord_no"),
    "103 and cut": (raw(head("103 Early Hints")), UNKNOWN, "disconnected"),
    "101": (raw(head("101 x", "Connection: upgrade", "Upgrade: x")), UNKNOWN, ""),
    "100 for ever": (endless(b"", head("100 Continue")), UNKNOWN, "read timeout"),
    # forms of a body
    "html with an answer": (answer(TAKEN, "200 OK", "Content-Type: text/html"), ACKED, "ord_no"),
    "no length": (raw(head("200 OK") + TAKEN), ACKED, "ord_no"),
    "no length, cut": (raw(head("200 OK") + TAKEN[:-5]), UNKNOWN, "HTTP 200"),
    "HTTP/1.0": (raw(b"HTTP/1.0 200 OK\r\n\r\n" + TAKEN), ACKED, "ord_no"),
    "chunks": (raw(CHUNKED + chunk(TAKEN[:9]) + chunk(TAKEN[9:]) + chunk(b"")), ACKED, "ord_no"),
    "chunks cut": (raw(CHUNKED + chunk(TAKEN)), UNKNOWN, "closed"),
    "chunk of no size": (raw(CHUNKED + b"xyz\r\n{}\r\n"), UNKNOWN, "chunk"),
    "chunk below 0": (raw(CHUNKED + b"-1\r\n{}\r\n"), UNKNOWN, "chunk"),
    "chunk of 2**64": (raw(CHUNKED + b"f" * 16 + b"\r\n{}\r\n"), UNKNOWN, "closed"),
    "too short": (answer(TAKEN, length="500"), UNKNOWN, "closed"),
    "length of letters": (answer(TAKEN, length="many"), UNKNOWN, "Content-Length"),
    "length below 0": (answer(TAKEN, length="-1"), UNKNOWN, "Content-Length"),
    "two lengths": (answer(TAKEN, "200 OK", "Content-Length: 3"), UNKNOWN, "Content-Length"),
    "204": (raw(head("204 No Content")), UNKNOWN, "HTTP 204"),
    "not UTF-8": (answer(b"\xff\xfe\xfd"), UNKNOWN, "HTTP 200"),
    # beyond the bounds
    "too large": (endless(head("200 OK", "Content-Length: 99999999999"), b" " * 99999), UNKNOWN,
                  "a body of more than 8 MiB"),
    "chunks for ever": (endless(CHUNKED, chunk(b" " * 99999)), UNKNOWN, "more than 8 MiB"),
    "bomb": (answer(BOMB, "200 OK", "Content-Encoding: gzip"), UNKNOWN, "16 MiB when unpacked"),
    "deep": (answer(nested(40)), UNKNOWN, "nested deeper than 32"),
    "very deep": (answer(nested(100_000)), UNKNOWN, "nested deeper than 32"),
    "very deep, and broken": (answer(b"\x01" + b'{"x":' * 99_999), UNKNOWN, "HTTP 200"),
    "long header": (endless(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 9999), UNKNOWN, "too"),
    # packed
    "packed": (packed(), ACKED, "ord_no"),
    "packed badly": (answer(b"\x1f\x8bxx" * 9, "200 OK", "Content-Encoding: gzip"), UNKNOWN,
                     "compressed body that is broken"),
    "packed, cut": (answer(gzip.compress(TAKEN)[:-9], "200 OK", "Content-Encoding: gzip"), UNKNOWN,
                    "compressed body that is cut off"),
    "packed as not asked": (answer(TAKEN, "200 OK", "Content-Encoding: br"), UNKNOWN, "'br'"),
    # in its own time
    "silence": (silence, UNKNOWN, "read timeout"),
    "dripping head": (dripping(head("200 OK") + TAKEN), UNKNOWN, "read timeout"),
    "dripping body": (lambda server: (server.sendall(head("200 OK", "Content-Length: 500")),
                                      dripping(b" " * 500)(server))[1], UNKNOWN, "read timeout"),
    # no HTTP at all
    "nonsense": (raw(b"220 smtp ready\r\n\r\n"), UNKNOWN, "protocol"),
    "status 999": (answer(TAKEN, "999 x"), UNKNOWN, "HTTP 999"),
    "status 99": (answer(TAKEN, "99 x"), UNKNOWN, "protocol"),
    "HTTP/2": (raw(b"\0\0\x12\x04\0\0\0\0\0" * 3), UNKNOWN, "protocol"),
    "a TLS alert": (raw(b"\x15\x03\x01\0\x02\x02\x46"), UNKNOWN, "protocol"),
    "NUL in a header": (answer(TAKEN, "200 OK", "X: a\0b"), UNKNOWN, "protocol"),
    "reset": (reset, UNKNOWN, "read error"),
}  # fmt: skip


def sound(found: Outcome) -> None:
    """One of the four, with words that can be kept anywhere."""
    assert found.status in OutcomeStatus
    assert found.evidence
    assert (found.evidence + found.message).encode()
    assert (found.status is ACKED) == bool(found.ord_no)


@pytest.mark.parametrize("name", ANSWERS)
def test_an_order_answered_oddly(name: str, hurried: None, tmp_path: Path) -> None:
    deed, status, says = ANSWERS[name]
    with serving(deed) as server, client(server, tmp_path) as kiwoom:
        began = time.monotonic()
        found = kiwoom.place(BUY)
        took = time.monotonic() - began
    sound(found)
    assert (found.status, len(server.requests)) == (status, 1)
    assert says in found.evidence
    assert took < ONCE + 1.5


@pytest.mark.parametrize("name", [name for name in ANSWERS if ANSWERS[name][1] is UNKNOWN])
def test_a_query_answered_oddly(name: str, hurried: None, tmp_path: Path) -> None:
    deed, _, says = ANSWERS[name]
    with (
        serving(deed) as server,
        client(server, tmp_path) as kiwoom,
        pytest.raises(KtError) as caught,
        within(ONCE),
    ):
        kiwoom.rest.call("ka00001")
    assert isinstance(caught.value, Unreachable | WireError) or name == "302 refused"
    assert len(server.requests) == 1
    assert ("redirect" if name.startswith("30") else says) in str(caught.value)


FOREIGN: list[Exception] = [
    httpx.InvalidURL("Invalid port: 'x'"), httpx.StreamClosed(), httpx.CookieConflict("x"),
    ValueError("x"), UnicodeError("x"), OSError(24, "Too many open files"), KeyError("x"),
    ssl.SSLError("x"), zlib.error("x"), h11.RemoteProtocolError("x"), h11.LocalProtocolError("x"),
    MemoryError(), RecursionError("x"), AssertionError(), RuntimeError("can't start new thread"),
    AttributeError("x"), TypeError("x"), EOFError(), StopIteration(), BufferError("x"),
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "x"), OverflowError("x"), ZeroDivisionError("x"),
]  # fmt: skip


@pytest.mark.parametrize("fault", FOREIGN, ids=lambda fault: type(fault).__name__)
def test_whatever_the_library_raises_is_evidence(fault: Exception, tmp_path: Path) -> None:
    told = line(answers(fault), tmp_path)
    found = told.kiwoom.place(BUY)
    sound(found)
    assert (found.status, len(told.requests)) == (UNKNOWN, 1)
    with pytest.raises(Unreachable):
        told.rest.call("ka00001")


@pytest.mark.parametrize("fault", FOREIGN, ids=lambda fault: type(fault).__name__)
def test_whatever_is_raised_before_the_first_byte_placed_nothing(
    fault: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dial(*_: object) -> Any:
        raise fault

    monkeypatch.setattr(transport, "dial", dial)
    with serving(answer()) as server, client(server, tmp_path) as kiwoom:
        found = kiwoom.place(BUY)
    sound(found)
    assert (found.status, server.requests) == (NOT_PLACED, [])


def broken(*_: object, **__: object) -> Any:
    raise RuntimeError("a defect")


@pytest.mark.parametrize(
    ("place", "status"),
    [
        ("tokens.token", NOT_PLACED), ("pacer.wait", NOT_PLACED), ("gate.enter", NOT_PLACED),
        ("http.line", NOT_PLACED), ("clock.now", NOT_PLACED), ("on_call", ACKED),
        ("pacer.sent_at", ACKED), ("_count", ACKED),
    ],
)  # fmt: skip
def test_a_defect_of_our_own_is_evidence(
    place: str, status: OutcomeStatus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the send nothing was placed; after it the answer counts."""
    told = line(answers(ok(ord_no="0000001")), tmp_path)
    told.rest.tokens.token()
    owner, _, name = place.rpartition(".")
    monkeypatch.setattr(getattr(told.rest, owner) if owner else told.rest, name, broken)
    found = told.kiwoom.place(BUY)
    sound(found)
    assert (found.status, len(told.requests)) == (status, 1 if status is ACKED else 0)


def test_a_defect_while_the_clock_is_compared_changes_no_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "seconds_off", broken)
    assert line(answers(ok(ord_no="0000001")), tmp_path).kiwoom.place(BUY).status is ACKED


def test_a_defect_in_the_reading_of_an_answer_leaves_it_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kt.broker import order_gateway

    monkeypatch.setattr(order_gateway, "outcome", broken)
    found = line(answers(ok(ord_no="0000001")), tmp_path).kiwoom.place(BUY)
    assert (found.status, found.http_status) == (UNKNOWN, 200)
    assert found.evidence == "HTTP 200, which could not be read: runtime error: a defect"


def test_half_a_letter_can_be_kept(tmp_path: Path) -> None:
    body = rb'{"return_code":0,"ord_no":"0000001","return_msg":"\ud800","x":"' + b'\x01"}'
    found = line(answers(httpx.Response(200, content=body)), tmp_path).kiwoom.place(BUY)
    sound(found)
    assert (found.status, found.message) == (ACKED, "?")


def test_a_server_without_tls_was_sent_nothing(hurried: None, tmp_path: Path) -> None:
    with serving(raw(b"HTTP/1.1 400 x\r\n\r\n"), unread=True) as server:
        server.address = server.address.replace("http:", "https:")
        with client(server, tmp_path) as kiwoom:
            found = kiwoom.place(BUY)
    assert (found.status, server.requests) == (NOT_PLACED, [])
    assert "ssl" in found.evidence.lower()


def test_a_tls_that_is_never_agreed_ends_in_time(hurried: None, tmp_path: Path) -> None:
    with serving(dripping(b"\x16\x03\x03\x40\0" + b"x" * 99), unread=True) as server:
        server.address = server.address.replace("http:", "https:")
        with client(server, tmp_path) as kiwoom:
            began = time.monotonic()
            found = kiwoom.place(BUY)
    assert (found.status, found.evidence) == (NOT_PLACED, "connect timeout")
    assert time.monotonic() - began < ONCE + 1


def test_a_bomb_takes_little_memory(tmp_path: Path) -> None:
    """64 MiB are packed in 64 KiB; what is unpacked is a fourth of it."""
    deed = answer(BOMB, "200 OK", "Content-Encoding: gzip")
    with serving(deed) as server, client(server, tmp_path) as kiwoom:
        tracemalloc.start()
        assert kiwoom.place(BUY).status is UNKNOWN
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 40 << 20


def test_an_oversized_answer_is_not_requested_again(tmp_path: Path) -> None:
    with (
        serving(answer(nested(40))) as server,
        client(server, tmp_path) as kiwoom,
        pytest.raises(WireError, match="nested deeper than 32") as caught,
    ):
        kiwoom.rest.call("ka00001")
    assert caught.value.hint == "The server sent an answer beyond kt's bounds."
    assert len(server.requests) == 1


def test_a_redirect_is_named_and_not_asked_for_again(tmp_path: Path) -> None:
    with (
        serving(ANSWERS["302"][0]) as server,
        client(server, tmp_path) as kiwoom,
        pytest.raises(Unreachable, match="redirects, and kt follows no redirect") as caught,
    ):
        kiwoom.rest.call("ka00001")
    assert "base_url" in (caught.value.hint or "")
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", [Unreachable("no route"), ValueError("a defect")])
def test_an_error_between_a_refused_token_and_the_second_send_is_not_placed(
    fault: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker said that it did not take the order; the second send never began."""

    def handler(_: httpx.Request) -> httpx.Response:
        monkeypatch.setattr(told.rest.pacer, "wait", fails)
        return said(3, "x[8005:y]")

    def fails(*_: object) -> int:
        raise fault

    told = line(handler, tmp_path)
    found = told.kiwoom.place(BUY)
    sound(found)
    assert (found.status, len(told.requests)) == (NOT_PLACED, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SSL_CERT_FILE", "/no/such/file"),
        ("HTTPS_PROXY", "http://proxy:port"),
        ("https_proxy", "x://y"),
    ],
)
def test_a_bad_proxy_or_certificate_variable_is_a_configuration_error(
    name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    server = Hostile("https://broker.test")
    with client(server, tmp_path) as kiwoom:
        with pytest.raises(ConfigError, match="named in the environment cannot be used"):
            kiwoom.rest.call("ka00001")
        with pytest.raises(ConfigError):
            kiwoom.rest.http.post("/oauth2/token", {}, {})
        found = kiwoom.place(BUY)
    assert found.status is NOT_PLACED
    assert found.evidence.startswith("not sent: the certificates or the proxy")


def test_a_proxy_of_the_environment_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(answer()) as proxy:
        monkeypatch.setenv("http_proxy", proxy.address)
        with client(Hostile("http://broker.test"), tmp_path) as kiwoom:
            kiwoom.rest.http.keep_ready()
            assert kiwoom.place(BUY).status is ACKED
    assert proxy.requests[0].startswith(b"POST http://broker.test/api/dostk/ordr HTTP/1.1")


def test_a_proxy_that_drips_ends_in_time(
    hurried: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(dripping(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 99), unread=True) as proxy:
        monkeypatch.setenv("https_proxy", proxy.address)
        with client(Hostile("https://broker.test"), tmp_path) as kiwoom:
            began = time.monotonic()
            sound(kiwoom.place(BUY))
    assert time.monotonic() - began < ONCE + 1

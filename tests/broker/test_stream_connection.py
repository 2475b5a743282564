"""A server of the stream that means harm: redirects, answers without an end, frames without bounds.

Everything is said byte by byte on a plain socket; what holds is that kt ends the connection within
its deadline, with the reason in words, and never sends the token to another address.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from kt.broker.stream.connection import MOST_BYTES, MOST_HEAD, dial
from kt.broker.stream.frames import FrameReader
from kt.broker.stream.stream_session import StreamSession
from kt.broker.stream.timeouts import Timeouts
from kt.clock import ManualClock
from kt.errors import Unreachable, WireError
from kt.records import KST, StreamEvent, Tick
from tests.broker.scripted import LOGIN_OK, trade, wait_for

TEXT, PART, BINARY, CLOSE, PING, PONG = 0x81, 0x00, 0x82, 0x88, 0x89, 0x8A
FIRST = 0x01
"""A text frame that more frames follow."""
QUICK = Timeouts(connect=0.4, answer=0.4, silence=0.4, frame=0.3)
ENDED = "the connection broke: the server closed the connection"
SOON = 4.0
"""Seconds within which everything here must be over."""
Script = Callable[[socket.socket], None]


def frame(first: int, data: bytes, size: int | None = None) -> bytes:
    """A server's frame; `size` is what its header says, if it lies."""
    size = len(data) if size is None else size
    if size < 126:
        return bytes([first, size]) + data
    if size < 1 << 16:
        return bytes([first, 126]) + size.to_bytes(2, "big") + data
    return bytes([first, 127]) + size.to_bytes(8, "big") + data


def said(message: dict[str, Any]) -> bytes:
    return frame(TEXT, json.dumps(message, ensure_ascii=False).encode())


def request(line: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        head += line.recv(4096)
    return head


def welcome(line: socket.socket) -> None:
    """The handshake as it should be."""
    key = request(line).split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
    proof = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    line.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(proof) + b"\r\n\r\n"
    )


def logged_in(line: socket.socket) -> None:
    welcome(line)
    line.recv(4096)
    line.sendall(said(LOGIN_OK))


def drip(line: socket.socket, data: bytes, pause: float = 0.02) -> None:
    """One byte now and then, for as long as somebody listens."""
    with contextlib.suppress(OSError):
        for at in range(len(data)):
            line.sendall(data[at : at + 1])
            time.sleep(pause)


class Server:
    """Runs the script once for each connection; `heard` is all that came after it."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.heard: list[bytes] = []
        self.calls = 0
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        self.threads: list[threading.Thread] = []
        self._serve = threading.Thread(target=self._accept)
        self._serve.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self.door.accept()
                self.calls += 1
                thread = threading.Thread(target=self._attend, args=(line,))
                self.threads.append(thread)
                thread.start()

    def _attend(self, line: socket.socket) -> None:
        with line, contextlib.suppress(OSError, IndexError):
            line.settimeout(5)
            self.script(line)
            while data := line.recv(65_536):
                self.heard.append(data)

    def close(self) -> None:
        self.door.shutdown(socket.SHUT_RDWR)
        self.door.close()
        for thread in [self._serve, *self.threads]:
            thread.join()


Serve = Callable[[Script], Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Server] = []

    def build(script: Script) -> Server:
        servers.append(Server(script))
        return servers[-1]

    yield build
    for server in servers:
        server.close()


class Client:
    def __init__(self, port: int, scheme: str = "ws") -> None:
        self.events: list[StreamEvent] = []
        self.faults: list[WireError] = []
        clock = ManualClock(datetime(2026, 11, 23, 10, 30, tzinfo=KST))
        reader = FrameReader(clock, self.faults.append)
        url = f"{scheme}://127.0.0.1:{port}/api/dostk/websocket"
        self.session = StreamSession(url, reader, self.events.append, QUICK)

    def connect(self) -> None:
        self.session.connect("the-token")

    def run(self) -> str:
        """Logged in, until it is over; the reason."""
        self.connect()
        self.session.run()
        return self.session.reason


def refused(client: Client) -> str:
    """Why it could not connect; within its time."""
    started = time.monotonic()
    with pytest.raises(Unreachable) as caught:
        client.connect()
    assert time.monotonic() - started < SOON
    return caught.value.message


# --- the handshake --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", ["ws://127.0.0.1:{port}/", "wss://127.0.0.1:{port}/", "/", ""])
def test_no_redirect_is_followed_and_no_token_goes_with_it(
    serve: Serve, status: int, where: str
) -> None:
    other = serve(logged_in)

    def script(line: socket.socket) -> None:
        request(line)
        place = where.format(port=other.port)
        line.sendall(f"HTTP/1.1 {status} Found\r\nLocation: {place}\r\n\r\n".encode())

    server = serve(script)
    message = refused(Client(server.port))
    assert f"HTTP {status}" in message
    assert status == 300 or "redirect" in message
    assert (server.calls, other.calls, server.heard) == (1, 0, [])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnono", "HTTP 403"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "HTTP 200"),
        (b"HTTP/1.1 101 X\r\n\r\n", "Invalid WebSocket Header"),
        (
            b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: bm90IHRoZSBwcm9vZg==\r\n\r\n",
            "Invalid WebSocket Header",
        ),
        (b"HTTP/1.1 101 X\r\nSet-Cookie: a\x01=\xc3\xa9; domain=x\r\n\r\n", "cannot be reached"),
        (b"HTTP/1.1\r\n\r\n", "cannot be reached"),
        (b"\r\n\r\n", "cannot be reached"),
        (b"\xff\xfe\r\n\r\n", "cannot be reached"),
        (b"HTTP/1.1 abc X\r\n\r\n", "cannot be reached"),
        (b"HTTP/1.1 " + b"9" * 5_000 + b" X\r\n\r\n", "cannot be reached"),
        (b"HTTP/1.1 101 X\r\nno colon\r\n\r\n", "cannot be reached"),
        (b"HTTP/1.1 500 X\r\nContent-Length: -7\r\n\r\n", "HTTP 500"),
        (b"HTTP/1.1 500 X\r\nContent-Length: x\r\n\r\n", "cannot be reached"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "cannot be reached"),
        (b"", "took too long"),
    ],
)
def test_an_invalid_welcome_gives_an_error_with_the_reason(
    serve: Serve, answer: bytes, words: str
) -> None:
    def script(line: socket.socket) -> None:
        request(line)
        line.sendall(answer)

    server = serve(script)
    message = refused(Client(server.port))
    assert words in message
    assert len(message) < 400
    assert server.heard == []


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 101 X\r\nLong: " + b"x" * 10_000_000,
        b"HTTP/1.1 101 X\r\n" + b"A: b\r\n" * 1_000_000,
        b"HTTP/1.1 403 X\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 1_000_000,
    ],
    ids=["a long header", "many headers", "a long body"],
)
def test_an_answer_without_bounds_is_read_no_further_than_its_bound(
    serve: Serve, answer: bytes
) -> None:
    def script(line: socket.socket) -> None:
        request(line)
        line.sendall(answer)

    message = refused(Client(serve(script).port))
    assert f"longer than {MOST_HEAD:,} bytes" in message


def test_a_handshake_that_drips_ends_at_its_deadline(serve: Serve) -> None:
    def script(line: socket.socket) -> None:
        request(line)
        drip(line, b"HTTP/1.1 101 X\r\n" + b"A: b\r\n" * 1_000)

    assert "took too long" in refused(Client(serve(script).port))


@pytest.mark.parametrize("script", [lambda line: None, lambda line: drip(line, RECORD)])
def test_a_tls_handshake_has_the_same_deadline(serve: Serve, script: Script) -> None:
    """Nothing, or a record that drips."""
    assert "cannot be reached" in refused(Client(serve(script).port, "wss"))


RECORD = b"\x16\x03\x03\x40\x00" + bytes(0x4000)
"""The beginning of a TLS handshake that says it has 16,384 bytes."""


@pytest.mark.parametrize(
    "url",
    [
        "", "http://127.0.0.1/", "ws://", "ws:///x", "ws://127.0.0.1:99999/", "ws://127.0.0.1:x/",
        "javascript:alert(1)", "ws://" + "a" * 300 + "/", "ws://[::1/", "ws://\x00/",
    ],
)  # fmt: skip
def test_an_invalid_address_gives_an_error_with_the_reason(url: str) -> None:
    client = Client(1)
    client.session.ws_url = url
    assert "cannot be reached" in refused(client)


# --- LOGIN ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "instead",
    [
        lambda line: None,
        lambda line: drip(line, said(LOGIN_OK), 0.05),
        lambda line: chatter(line, said({"trnm": "REAL", "data": []})),
        lambda line: chatter(line, frame(PING, b"x")),
        lambda line: chatter(line, frame(PONG, b"")),
        lambda line: chatter(line, said({"trnm": "PING"})),
    ],
    ids=["nothing", "drips", "data", "pings", "pongs", "PINGs"],
)
def test_login_has_a_deadline_whatever_comes_instead(serve: Serve, instead: Script) -> None:
    def script(line: socket.socket) -> None:
        welcome(line)
        line.recv(4096)
        instead(line)

    refused(Client(serve(script).port))


def chatter(line: socket.socket, data: bytes) -> None:
    """As fast as it goes, for as long as somebody listens; what comes back is read away."""
    line.settimeout(0.2)
    with contextlib.suppress(OSError):
        while True:
            line.sendall(data * 10)
            with contextlib.suppress(TimeoutError):
                line.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    line.recv(65_536)
            line.settimeout(0.2)


# --- frames ---------------------------------------------------------------------------------------


def done(line: socket.socket) -> None:
    """No more comes from this side."""
    line.shutdown(socket.SHUT_WR)


def after_login(data: bytes, then: Script = done) -> Script:
    def script(line: socket.socket) -> None:
        logged_in(line)
        line.sendall(data)
        then(line)

    return script


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (frame(TEXT, b"", 1_900_000_000), "message of 1,900,000,000 bytes"),
        (frame(TEXT, b"", MOST_BYTES + 1), f"message of {MOST_BYTES + 1:,} bytes"),
        (frame(TEXT, b"", (1 << 63) + 5), "message of 9,223,372,036,854,775,813 bytes"),
        (frame(FIRST, b"x" * 1_000) + frame(PART, b"", MOST_BYTES), "bytes or more"),
        (frame(FIRST, b"x" * 1_000_000) + frame(PART, b"x" * 1_000_000) * 5, "bytes or more"),
        (frame(PING, b"", 126), "control frame of 126 bytes"),
        (frame(CLOSE, b"", 1 << 40), "control frame of"),
        (frame(PING & 0x7F, b"x"), "control frame of 1 bytes, or a part of one"),
        (frame(TEXT | 0x40, b"{}"), "a frame that kt did not agree to"),
        (bytes([TEXT, 0x82]) + b"keys{}", "a frame that kt did not agree to"),
        (frame(0x83, b"{}"), "a frame that kt did not agree to"),
        (frame(0x80, b"{}"), "ended without a beginning"),
        (frame(FIRST, b"{") + frame(TEXT, b"{}"), "began inside another"),
        (frame(CLOSE, b"\x03\xe8bye"), "the server closed the connection (1000 bye)"),
        (frame(CLOSE, b"\x00"), "the server closed the connection"),
        (frame(CLOSE, b"\xff\xff\xff"), "the server closed the connection (65535"),
    ],
)
def test_a_frame_out_of_bounds_ends_the_connection(serve: Serve, data: bytes, words: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    client = Client(serve(after_login(data)).port)
    reason = client.run()
    assert words in reason
    assert time.monotonic() - started < SOON
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
    assert client.events == []


def test_a_message_of_the_most_bytes_is_taken_whole_or_in_parts(serve: Serve) -> None:
    text = json.dumps(trade("005930", 71_000)).encode()
    padded = text + b" " * (MOST_BYTES - len(text))
    third = MOST_BYTES // 3
    parts = padded[:third], padded[third : 2 * third], padded[2 * third :]
    data = frame(TEXT, padded) + frame(FIRST, parts[0]) + frame(PING, b"between")
    data += frame(PART, parts[1]) + frame(0x80, parts[2]) + frame(BINARY, text)
    server = serve(after_login(data))
    client = Client(server.port)
    assert client.run() == ENDED
    assert [type(event) for event in client.events] == [Tick, Tick, Tick]
    assert any(heard[0] == PONG for heard in server.heard), "the ping was answered"


def test_empty_parts_are_no_endless_message(serve: Serve) -> None:
    def script(line: socket.socket) -> None:
        logged_in(line)
        line.sendall(frame(FIRST, b"{"))
        chatter(line, frame(PART, b""))

    assert "was not complete" in Client(serve(script).port).run()


@pytest.mark.parametrize(
    "data",
    [
        frame(TEXT, b"{" + b" " * 60_000),
        frame(FIRST, b"{") + frame(PART, b" ") * 1_000,
        frame(FIRST, b"{") + frame(PING, b"") * 1_000,
        frame(TEXT, b"", 70_000)[:9],
    ],
    ids=["payload", "parts", "pings between parts", "header"],
)
def test_a_message_that_drips_has_a_deadline(serve: Serve, data: bytes) -> None:
    """Silence is not what ends it: something is heard all the time."""
    started = time.monotonic()
    client = Client(serve(after_login(b"", lambda line: drip(line, data, 0.04))).port)
    assert "was not complete 0.3 seconds after it began" in client.run()
    assert time.monotonic() - started < SOON


def test_pings_are_signs_of_life_and_silence_is_not(serve: Serve) -> None:
    def script(line: socket.socket) -> None:
        logged_in(line)
        for _ in range(4):
            time.sleep(0.2)
            line.sendall(frame(PING, b""))
        line.sendall(said(trade("005930", 71_000)))

    client = Client(serve(script).port)
    assert client.run() == "nothing was heard for 0.4 seconds"
    assert [type(event) for event in client.events] == [Tick]


def test_a_frame_cut_anywhere_is_read_the_same(serve: Serve) -> None:
    data = said(trade("005930", 71_000))

    def script(line: socket.socket) -> None:
        logged_in(line)
        for at in range(1, len(data), 7):
            line.sendall(data[:at])
            time.sleep(0.001)
            line.sendall(data[at:])
        done(line)

    client = Client(serve(script).port)
    client.run()
    assert len(client.events) == len(range(1, len(data), 7))
    assert client.faults == []


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"trnm":"REAL","data":' + b"[" * 3_000 + b"]" * 3_000 + b"}",
        b'{"trnm":"REAL","data":[{"type":"0B","item":"005930","values":'
        + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}]}",
        b'{"trnm":"LOGIN","return_code":' + b"9" * 5_000 + b"}",
        b'{"trnm":"REG","return_code":1e400,"return_msg":NaN}',
        b"\xff\xfe\x00",
        b"",
    ],
)  # fmt: skip
def test_an_invalid_frame_is_reported_and_the_next_one_is_read(serve: Serve, text: bytes) -> None:
    data = frame(TEXT, text) + said(trade("005930", 71_000))
    client = Client(serve(after_login(data)).port)
    client.run()
    assert len(client.faults) == 1
    assert len(str(client.faults[0])) < 300
    assert [type(event) for event in client.events] == [Tick]


def test_a_server_that_reads_nothing_does_not_hold_a_request(serve: Serve) -> None:
    """What kt sends fills the line; it then takes the server for gone."""

    def script(line: socket.socket) -> None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        logged_in(line)
        chunk = said({"trnm": "PING", "padding": "x" * 100_000})
        with contextlib.suppress(OSError):
            for _ in range(1_000):
                line.sendall(chunk)

    started = time.monotonic()
    client = Client(serve(script).port)
    assert "broke" in client.run()
    assert time.monotonic() - started < 5


# --- a proxy, when the environment names one ------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "the proxy refused"),
        (b"\r\n\r\n", "the proxy refused"),
        (b"x" * 200_000, "the proxy's answer has no end"),
        (b"", "the handshake took too long"),
    ],
)
def test_a_proxy_is_bounded_too(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, answer: bytes, words: str
) -> None:
    def script(line: socket.socket) -> None:
        request(line)
        line.sendall(answer)

    server = serve(script)
    monkeypatch.setenv("http_proxy", f"http://me:pass%40word@127.0.0.1:{server.port}")
    monkeypatch.setenv("no_proxy", "")
    client = Client(1)
    client.session.ws_url = "ws://broker.test:10000/api"
    assert words in refused(client)


def test_through_a_proxy_the_conversation_is_the_same(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    def script(line: socket.socket) -> None:
        asked.append(request(line))
        line.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        after_login(said(trade("005930", 71_000)))(line)

    monkeypatch.setenv("http_proxy", f"http://me:pass%40word@127.0.0.1:{serve(script).port}")
    monkeypatch.setenv("no_proxy", "")
    client = Client(1)
    client.session.ws_url = "ws://broker.test:10000/api"
    client.run()
    assert [type(event) for event in client.events] == [Tick]
    assert asked[0].startswith(b"CONNECT broker.test:10000 HTTP/1.1\r\n")
    assert base64.b64encode(b"me:pass@word") in asked[0]


def test_after_a_refused_connection_the_next_address_is_tried(serve: Serve) -> None:
    """localhost is ::1 and 127.0.0.1; the server here has the second alone."""
    server = serve(lambda line: None)
    line = dial(f"ws://localhost:{server.port}/", 1.0, 1.0)
    line.close()
    wait_for(lambda: server.calls == 1)

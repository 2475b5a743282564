"""The exchange as a server among strangers: web pages, other users, endless and dripping bodies."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import websocket

from kt.errors import Unreachable, UsageError
from kt.paths import ExchangePaths
from kt.sim import control, launch
from kt.sim.control import HEADER, Control
from kt.sim.server import http_protocol, request_guard, websocket_session
from kt.sim.server.settings import Settings
from tests.serving import Served, serve
from tests.sim.wireclient import WireClient, client, frames

OWN = ["/kt/status", "/kt/faults"]


def port(served: Served) -> int:
    return int(urlsplit(served.base_url).port or 0)


# --- its own paths ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", OWN)
@pytest.mark.parametrize("key", [None, "", "x", "ü"])
def test_its_own_paths_need_the_key(served: Served, path: str, key: str | None) -> None:
    headers = {} if key is None else {HEADER: key.encode("latin-1")}
    answer = httpx.get(served.base_url + path, headers=headers)
    assert (answer.status_code, list(answer.json())) == (403, ["error"])
    assert httpx.post(served.base_url + "/kt/faults", headers=headers, json={}).status_code == 403


def test_a_faults_request_without_the_key_changes_nothing(served: Served) -> None:
    served.control.set_faults([{"api": "kt00001", "action": "cut"}])
    rules = json.dumps({"rules": []}).encode()
    for kind in ("application/json", "text/plain"):
        httpx.post(served.base_url + "/kt/faults", content=rules, headers={"content-type": kind})
    httpx.delete(served.base_url + "/kt/faults")
    assert len(served.control.faults()) == 1
    served.control.set_faults([])


@pytest.mark.parametrize("kind", ["text/plain", "text/plain; application/json", "", None])
def test_even_with_the_key_a_form_cannot_speak(served: Served, kind: str | None) -> None:
    headers = {HEADER: served.context.control_key} | (
        {} if kind is None else {"content-type": kind}
    )
    answer = httpx.post(served.base_url + "/kt/faults", headers=headers, content=b'{"rules":[]}')
    assert answer.status_code == 400
    with client(served.base_url) as wire:
        told = {"content-type": "text/plain;charset=json"}
        said = wire.call("kt00001", headers=told).json()
    assert "[1512:" in said["return_msg"]


def test_the_clock_is_everybodys(served: Served) -> None:
    assert control.clock_at(served.base_url).speed == 1
    assert Control(served.base_url, served.context.control_key).status()["seed"] == 1
    with pytest.raises(Unreachable, match="not this state folder's"):
        Control(served.base_url, "another").status()


# --- whom it answers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:{}", 200), ("localhost:{}", 200), ("LocalHost:{}", 200), ("[::1]:{}", 200),
     ("127.0.0.1", 403), ("127.0.0.1:1", 403), ("evil.example:{}", 403),
     ("127.0.0.1.evil.example:{}", 403), ("", 403)],
)  # fmt: skip
def test_a_foreign_host_is_refused(served: Served, host: str, status: int) -> None:
    given = host.format(port(served))
    assert httpx.get(served.base_url + "/kt/clock", headers={"host": given}).status_code == status
    with WireClient(served.base_url) as wire:
        answer = wire.http.post("/oauth2/token", headers={"host": given}, json={})
    assert answer.status_code == status


ORIGINS = [("http://127.0.0.1:{}", True), ("http://localhost:{}", True), ("null", False),
           ("https://evil.example", False), ("http://127.0.0.1:1", False), ("", False)]  # fmt: skip


@pytest.mark.parametrize(("origin", "taken"), ORIGINS)
def test_a_foreign_origin_is_refused(served: Served, origin: str, taken: bool) -> None:
    told = {"origin": origin.format(port(served)), HEADER: served.context.control_key}
    with client(served.base_url) as wire:
        for answer in (
            wire.call("kt00001", headers=told),
            wire.http.get("/kt/status", headers=told),
        ):
            assert answer.status_code == (200 if taken else 403)


@pytest.mark.parametrize(("origin", "taken"), ORIGINS)
def test_nor_does_a_page_get_the_stream(served: Served, origin: str, taken: bool) -> None:
    told = [f"Origin: {origin.format(port(served))}"]
    if taken:
        websocket.create_connection(served.ws_url, suppress_origin=True, header=told).shutdown()  # type: ignore[no-untyped-call]
        return
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        websocket.create_connection(served.ws_url, suppress_origin=True, header=told)


def test_nor_a_rebound_name(served: Served) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        websocket.create_connection(served.ws_url, host="evil.example", suppress_origin=True)


# --- whose account it is ---------------------------------------------------------------------


def test_the_first_secret_is_the_secret(served: Served) -> None:
    with WireClient(served.base_url, "mine", "first") as owner:
        owner.login()
        other = WireClient(served.base_url, "mine", "guessed")
        said = other.issue().json()
        assert said["return_code"] == 3
        assert "[8001:" in said["return_msg"]
        body = {"appkey": "mine", "secretkey": "guessed", "token": owner.token}
        assert "[8001:" in other.http.post("/oauth2/revoke", json=body).json()["return_msg"]
        other.http.close()
        assert owner.call("kt00001").json()["return_code"] == 0
        assert owner.issue().json()["token"] == owner.token


def test_unknown_keys_are_refused_as_wrong(served: Served) -> None:
    with WireClient(served.base_url, "k" * 10_000, "s") as wire:
        assert "[8001:" in wire.issue().json()["return_msg"]


# --- how much it takes -----------------------------------------------------------------------


def said_to(served: Served, text: bytes, seconds: float = 5.0) -> bytes:
    """What the server says to these bytes until it ends the connection."""
    with socket.create_connection(("127.0.0.1", port(served)), timeout=seconds) as raw:
        found = b""
        with contextlib.suppress(ConnectionError):
            raw.sendall(text)
            while part := raw.recv(4096):
                found += part
        return found


def head(served: Served, *lines: str) -> bytes:
    host = f"Host: 127.0.0.1:{port(served)}"
    return "\r\n".join(["POST /oauth2/token HTTP/1.1", host, *lines, "", ""]).encode()


def test_a_body_that_says_it_is_large_is_not_read(served: Served) -> None:
    assert said_to(served, head(served, "Content-Length: 300000000")).startswith(b"HTTP/1.1 413")


def test_one_that_does_not_say_so_is_read_up_to_the_bound(served: Served) -> None:
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    endless = head(served, "Transfer-Encoding: chunked") + chunk * 100
    assert said_to(served, endless)[:12] in (b"HTTP/1.1 413", b"")


@pytest.mark.parametrize("part", [0, 16, 60, 1_000])
def test_a_request_that_never_ends_is_cut_off(
    served: Served, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = (head(served, "Content-Length: 9") + b"{")[:part]
    monkeypatch.setattr(http_protocol, "REQUEST_SECONDS", 0.2)
    monkeypatch.setattr(http_protocol, "UNUSED_SECONDS", 0.2)
    began = time.monotonic()
    said_to(served, begun)
    assert time.monotonic() - began < 2


def test_a_drip_does_not_buy_time(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "REQUEST_SECONDS", 0.3)
    began = time.monotonic()
    with (
        socket.create_connection(("127.0.0.1", port(served)), timeout=5) as raw,
        pytest.raises(ConnectionError),
    ):
        while time.monotonic() - began < 5:
            raw.sendall(b"P")
            time.sleep(0.02)
    assert time.monotonic() - began < 2


def test_a_stream_is_not_a_request(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "REQUEST_SECONDS", 0.2)
    monkeypatch.setattr(http_protocol, "UNUSED_SECONDS", 0.2)
    with client(served.base_url) as wire, frames(served.ws_url, wire.token) as stream:
        assert stream.quiet(0.5) == []
        assert wire.call("kt00001").json()["return_code"] == 0
        assert stream.register([""], ["00"])["return_code"] == 0


def test_connections_are_counted(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "MOST_CONNECTIONS", 5)
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(socket.create_connection(("127.0.0.1", port(served)), timeout=5))
        while said_to(served, b"")[:12] != b"HTTP/1.1 503":
            pass
    end = time.monotonic() + 5
    while time.monotonic() < end:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(served.base_url + "/kt/clock").status_code == 200:
                return
    raise AssertionError("the connections that ended still count")


def test_streams_are_counted(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kt.sim.server.context.MOST_SOCKETS", 2)
    full = pytest.raises(websocket.WebSocketBadStatusException, match="503")
    with frames(served.ws_url), frames(served.ws_url), full:
        websocket.create_connection(served.ws_url)
    while True:
        try:
            websocket.create_connection(served.ws_url).shutdown()  # type: ignore[no-untyped-call]
            return
        except websocket.WebSocketBadStatusException:
            pass


def test_a_message_has_a_bound(served: Served) -> None:
    with frames(served.ws_url) as stream:
        stream.socket.send(" " * (request_guard.MOST_BYTES + 1))
        with pytest.raises((websocket.WebSocketException, ConnectionError)):
            stream.next()


def test_groups_have_a_bound(served: Served) -> None:
    with client(served.base_url) as wire, frames(served.ws_url, wire.token) as stream:
        said = [stream.register([""], ["00"], group=str(n))["return_code"] for n in range(101)]
    assert said == [0] * 100 + [105111]


def test_a_client_that_never_logs_in_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_session, "LOGIN_SECONDS", 0.1)
    ended = pytest.raises((websocket.WebSocketException, ConnectionError))
    with serve(ping_seconds=0.05) as served, frames(served.ws_url) as stream, ended:
        stream.next()


def test_a_client_that_never_reads_is_disconnected(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket_session, "MOST_FRAMES", 50)
    with frames(served.ws_url) as stream:
        question = json.dumps({"trnm": "x" * 50_000})
        with pytest.raises(OSError):
            for _ in range(5_000):
                stream.socket.send(question)


def test_a_control_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "TIMEOUT", 0.3)
    program = """
import socket, time
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
caller, _ = server.accept()
while True:
    caller.sendall(b"H")
    time.sleep(0.05)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as hostile:  # fmt: skip
        assert hostile.stdout is not None
        address = f"http://127.0.0.1:{hostile.stdout.readline().strip()}"
        began = time.monotonic()
        with pytest.raises(Unreachable):
            control.clock_at(address)
        assert time.monotonic() - began < 2
        hostile.kill()


# --- as a process ----------------------------------------------------------------------------

START = """
import os, sys
from pathlib import Path
os.umask(int(sys.argv[2], 8))
from kt.sim import launch
from kt.sim.server.settings import Settings
launch.start(Settings(state_dir=Path(sys.argv[1]), rate=0), lambda text: None)
"""
KEYS = {
    "KT_APP_KEY": "owner-app-key",
    "KT_SECRET_KEY": "owner-secret",
    "GEMINI_API_KEY": "owner-ai",
}


@pytest.mark.parametrize("umask", ["000", "022", "077"])
def test_everything_it_makes_is_private(tmp_path: Path, umask: str) -> None:
    state = tmp_path / "new" / "state"
    subprocess.run(
        [sys.executable, "-c", START, str(state), umask], check=True, timeout=60,
        env={**os.environ, **KEYS},
    )  # fmt: skip
    try:
        running = launch.status(state)
        assert running is not None
        with client(running["base_url"], "owner") as wire:
            wire.order("kt10000", ord_qty="1", trde_tp="3")
        made = {path: path.stat().st_mode & 0o777 for path in (tmp_path / "new").rglob("*")}
        names = {path.name for path in made}
        assert {"exchange.db", "exchange.db-wal", "exchange.db-shm", "exchange.log"} <= names
        assert {"exchange-control.key", "exchange-tokens.json", "exchange-running.lock"} <= names
        for path, mode in {**made, tmp_path / "new": 0o700}.items():
            assert mode == (0o700 if path.is_dir() else 0o600), path
        environ = Path(f"/proc/{running['pid']}/environ")
        if environ.exists():
            assert b"owner-" not in environ.read_bytes()
            assert b"PATH=" in environ.read_bytes()
    finally:
        launch.stop(state)
    assert not ExchangePaths(state / "sim").control_key.exists()


def test_secrets_survive_a_restart_and_are_forgotten_by_a_reset(tmp_path: Path) -> None:
    def says(secret: str) -> Any:
        running = launch.start(Settings(state_dir=tmp_path, rate=0), lambda text: None)
        with WireClient(running.base_url, "owner", secret) as wire:
            return wire.issue().json()["return_code"]

    try:
        assert says("first") == 0
        launch.stop(tmp_path)
        assert (says("second"), says("first")) == (3, 0)
        text = (tmp_path / "sim" / "exchange-tokens.json").read_text()
        assert "first" not in text
        launch.reset(tmp_path)
        assert says("second") == 0
        key = control.of(tmp_path)
        assert key.faults() == []
        with pytest.raises(UsageError, match="unknown action"):
            key.set_faults([{"api": "*", "action": "explode"}])
    finally:
        launch.stop(tmp_path)
    with pytest.raises(Unreachable, match="no exchange is running"):
        control.of(tmp_path)

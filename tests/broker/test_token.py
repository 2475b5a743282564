"""One token per key, for all threads and processes; in Korean time; never shown whole."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from kt.broker.rest.client import Http
from kt.broker.rest.rate_limit import Pacer
from kt.broker.rest.token import Issued, TokenSource, key_hash, mask
from kt.broker.rest.token_server import WireTokenServer
from kt.clock import ManualClock
from kt.config.secrets import AppKeys
from kt.errors import AuthError, KtError, RateLimited, Unreachable, WireError
from kt.records import KST
from tests.broker.wiring import KEYS, NOW, CountingTokens, answers, said

ADDRESS = "https://broker.test"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def server(clock: ManualClock) -> CountingTokens:
    return CountingTokens(clock)


def source(folder: Path, clock: ManualClock, server: CountingTokens) -> TokenSource:
    return TokenSource(KEYS, ADDRESS, folder, clock, server)


def test_issued_once_and_kept(tmp_path: Path, clock: ManualClock, server: CountingTokens) -> None:
    first = source(tmp_path, clock, server)
    assert [first.token(), first.token()] == ["token-1", "token-1"]
    assert source(tmp_path, clock, server).token() == "token-1"
    assert server.issued == 1


def test_only_the_owner_may_read_the_file(
    tmp_path: Path, clock: ManualClock, server: CountingTokens
) -> None:
    tokens = source(tmp_path, clock, server)
    tokens.token()
    assert stat.S_IMODE(tokens.path.stat().st_mode) == 0o600
    tokens.path.chmod(0o644)
    tokens.renew("token-1")
    assert stat.S_IMODE(tokens.path.stat().st_mode) == 0o600
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {tokens.path.name, tokens.path.with_suffix(".lock").name}


def test_each_key_and_environment_has_its_own(
    tmp_path: Path, clock: ManualClock, server: CountingTokens
) -> None:
    def path(address: str, key: str) -> Path:
        return TokenSource(AppKeys(key, "s"), address, tmp_path, clock, server).path

    names = {path(ADDRESS, "a"), path(ADDRESS, "b"), path("https://other.test", "a")}
    assert len(names) == 3
    assert KEYS.app_key not in key_hash(ADDRESS, KEYS.app_key)


def test_renewed_ahead_of_its_end(
    tmp_path: Path, clock: ManualClock, server: CountingTokens
) -> None:
    tokens = source(tmp_path, clock, server)
    tokens.token()
    clock.advance(timedelta(hours=23, minutes=49).total_seconds())
    assert tokens.token() == "token-1"
    clock.advance(timedelta(minutes=2).total_seconds())
    assert tokens.token() == "token-2"


def test_a_server_that_gives_the_old_token_again_is_not_asked_each_time(
    tmp_path: Path, clock: ManualClock
) -> None:
    """Some servers repeat the valid token until it ends."""
    server = CountingTokens(clock, life=timedelta(minutes=5))
    tokens = source(tmp_path, clock, server)
    for _ in range(10):
        tokens.token()
    assert server.issued == 1
    clock.advance(61)
    tokens.token()
    assert server.issued == 2


def test_after_8005_the_file_is_read_before_the_server_is_asked(
    tmp_path: Path, clock: ManualClock, server: CountingTokens
) -> None:
    one, other = source(tmp_path, clock, server), source(tmp_path, clock, server)
    assert (one.token(), other.token()) == ("token-1", "token-1")
    assert one.renew("token-1") == "token-2"
    assert other.renew("token-1") == "token-2"
    assert server.issued == 2


def test_status_is_masked_and_tells_the_time_left(
    tmp_path: Path, clock: ManualClock, server: CountingTokens
) -> None:
    tokens = source(tmp_path, clock, server)
    assert tokens.status().valid is False
    assert tokens.status().token == ""
    tokens.token()
    clock.advance(3_600)
    status = tokens.status()
    assert (status.valid, status.seconds_left) == (True, 23 * 3_600)
    assert status.expires_at == NOW + timedelta(hours=24)
    assert "token-1" not in repr(status)
    clock.advance(24 * 3_600)
    assert (tokens.status().valid, tokens.status().seconds_left) == (False, 0)


def test_masking() -> None:
    assert mask("WQJCwyqInphKnR3b") == "WQJC…"
    assert mask("short") == "…"
    assert mask("") == ""


def test_revoked_and_forgotten(tmp_path: Path, clock: ManualClock, server: CountingTokens) -> None:
    tokens = source(tmp_path, clock, server)
    assert tokens.revoke() is False
    tokens.token()
    assert tokens.revoke() is True
    assert server.revoked == ["token-1"]
    assert not tokens.path.exists()
    assert tokens.token() == "token-2"


def test_a_dead_token_is_forgotten_without_asking(
    tmp_path: Path, clock: ManualClock, server: CountingTokens
) -> None:
    tokens = source(tmp_path, clock, server)
    tokens.token()
    clock.advance(25 * 3_600)
    assert tokens.revoke() is True
    assert server.revoked == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"token":1}', "\x00\xff"])
def test_a_broken_file_is_replaced(
    text: str, tmp_path: Path, clock: ManualClock, server: CountingTokens
) -> None:
    tokens = source(tmp_path, clock, server)
    tokens.path.write_bytes(text.encode("latin-1"))
    assert tokens.token() == "token-1"
    assert json.loads(tokens.path.read_text())["token"] == "token-1"


def test_a_folder_that_cannot_be_used_says_so(
    tmp_path: Path, clock: ManualClock, server: CountingTokens
) -> None:
    (tmp_path / "state").write_text("a file is in the way")
    tokens = source(tmp_path / "state", clock, server)
    with pytest.raises(KtError, match="cannot be used") as error:
        tokens.token()
    assert error.value.hint is not None and "KT_STATE_DIR" in error.value.hint


def test_an_error_of_the_server_leaves_no_lock_and_no_file(
    tmp_path: Path, clock: ManualClock, server: CountingTokens
) -> None:
    tokens = source(tmp_path, clock, server)
    server.error = AuthError("the app key is wrong")
    with pytest.raises(AuthError):
        tokens.token()
    server.error = None
    assert tokens.token() == "token-1"


def test_threads_at_once_cause_one_issue(
    tmp_path: Path, clock: ManualClock, server: CountingTokens
) -> None:
    tokens, found = source(tmp_path, clock, server), list[str]()
    threads = [threading.Thread(target=lambda: found.append(tokens.token())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, server.issued) == (["token-1"] * 20, 1)


CHILD = """
import sys
from datetime import timedelta
from pathlib import Path
from kt.broker.rest.token import Issued, TokenSource
from kt.clock import SystemClock
from kt.config.secrets import AppKeys

folder, clock = Path(sys.argv[1]), SystemClock()

class Server:
    def issue(self, keys):
        with open(folder / "issued", "a") as file:
            file.write("x")
        clock.sleep(0.1)
        return Issued("token-of-" + sys.argv[2], clock.now() + timedelta(hours=24))

source = TokenSource(AppKeys("k", "s"), "https://broker.test", folder, clock, Server())
print("ready", flush=True)
sys.stdin.readline()
print(source.token())
"""


def test_twenty_processes_at_once_cause_one_issue(tmp_path: Path) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        for number in range(20)
    ]
    for child in children:
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
    tokens = set()
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        tokens.add(child.communicate()[0])
        assert child.returncode == 0
    assert (len(tokens), (tmp_path / "issued").read_text()) == (1, "x")


# --- the wire ---------------------------------------------------------------------------------


def wire_server(tmp_path: Path, *given: httpx.Response | Exception) -> WireTokenServer:
    clock = ManualClock(NOW)
    http = Http(ADDRESS.replace("https", "http"), httpx.MockTransport(answers(*given)))
    return WireTokenServer(http, Pacer(tmp_path, "k", clock, 5, 5), clock)


def test_the_end_is_korean_wall_clock_time(tmp_path: Path) -> None:
    body = {"return_code": 0, "expires_dt": "20261124053629", "token_type": "bearer", "token": "t"}
    issued = wire_server(tmp_path, httpx.Response(200, json=body)).issue(KEYS)
    assert issued.expires_at == datetime(2026, 11, 24, 5, 36, 29, tzinfo=KST)
    assert issued == Issued("t", issued.expires_at)


def test_the_keys_go_in_the_body_and_nowhere_else(tmp_path: Path) -> None:
    sent: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(
            200, json={"return_code": 0, "expires_dt": "20261124053629", "token": "t"}
        )

    clock = ManualClock(NOW)
    server = WireTokenServer(
        Http("http://broker.test", httpx.MockTransport(handler)),
        Pacer(tmp_path, "k", clock, 5, 5),
        clock,
    )
    server.issue(KEYS)
    server.revoke(KEYS, "t")
    assert [request.url.path for request in sent] == ["/oauth2/token", "/oauth2/revoke"]
    keys = {"appkey": KEYS.app_key, "secretkey": KEYS.secret_key}
    assert json.loads(sent[0].content) == {"grant_type": "client_credentials", **keys}
    assert json.loads(sent[1].content) == {**keys, "token": "t"}
    assert all("authorization" not in request.headers for request in sent)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (said(3, "x[8001:y]"), AuthError),
        (said("3", "x[8030:y]"), AuthError),
        (said(3, "x[8050:y]"), AuthError),
        (said(5, "x[1700:y]", 429), RateLimited),
        (httpx.Response(503, text="x"), Unreachable),
        (httpx.ConnectError("refused"), Unreachable),
        (httpx.Response(200, text="<html>"), WireError),
        (httpx.Response(200, json={"return_code": 0, "token": "t"}), WireError),
        (
            httpx.Response(
                200, json={"return_code": 0, "token": "a b\n", "expires_dt": "20261124053629"}
            ),
            WireError,
        ),
        (
            httpx.Response(200, json={"return_code": 0, "token": "t", "expires_dt": "2026-11-24"}),
            WireError,
        ),
    ],
)
def test_a_token_that_was_not_issued(
    answer: httpx.Response | Exception, error: type[Exception], tmp_path: Path
) -> None:
    with pytest.raises(error):
        wire_server(tmp_path, answer).issue(KEYS)

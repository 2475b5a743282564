"""Many streams in one profile: who joins when, who follows whom, and who leaves in between."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from kt.broker.stream.lease import LeaderAddress, Lease
from kt.broker.stream.live import KiwoomStream
from kt.broker.stream.local_protocol import Heartbeat, SubscriptionAnswer, Welcome, pack
from kt.broker.stream.timeouts import Timeouts
from kt.clock import ManualClock
from kt.errors import AuthError, BrokerRefused, KtError, Unreachable
from kt.records import KST, OrderNotice, StreamKind, StreamState
from tests.broker.scripted import ScriptedServer, Sink, Tokens, fill, framed, taken, trade, wait_for

ROOT = Path(__file__).parents[2]
QUICK = Timeouts(connect=2.0, answer=2.0, backoff=(0.02,), brief=0.0, join=5.0)
AT = datetime(2026, 11, 23, 10, 30, tzinfo=KST)
KEY = "app-key"

Join = Callable[..., tuple[KiwoomStream, Sink]]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def faults() -> list[KtError]:
    return []


@pytest.fixture
def join(server: ScriptedServer, tmp_path: Path, faults: list[KtError]) -> Iterator[Join]:
    made: list[KiwoomStream] = []

    def start(
        *codes: str, tokens: Tokens | None = None, timeouts: Timeouts = QUICK
    ) -> tuple[KiwoomStream, Sink]:
        stream = KiwoomStream(
            server.url,
            tokens or Tokens(),
            ManualClock(AT),
            tmp_path,
            KEY,
            report=faults.append,
            timeouts=timeouts,
        )
        made.append(stream)
        sink = Sink()
        stream.subscribe([StreamKind.ORDERS, StreamKind.TRADE], codes)
        stream.start(sink)
        return stream, sink

    yield start
    for stream in made:
        stream.close()
    left = [one.name for one in threading.enumerate() if one.name.startswith("kt-stream")]
    assert not left, "close() leaves no thread behind"


def notices(sink: Sink) -> list[str]:
    return [event.ord_no for event in sink.events if isinstance(event, OrderNotice)]


def test_twenty_followers_hear_everything_and_survive_their_leaders(
    join: Join, server: ScriptedServer
) -> None:
    streams = [join("005930") for _ in range(21)]
    assert server.logins == ["token-1"]
    for ended in range(3):
        sinks = [sink for _, sink in streams]
        server.send(fill(f"{ended + 1:07d}", "005930", 1, 0, 70_000))
        wait_for(lambda sinks=sinks, n=ended: all(len(notices(s)) == n + 1 for s in sinks))
        leader = next(i for i, (_, s) in enumerate(streams) if says(s) == "leader")
        stream, _ = streams.pop(leader)
        stream.close()
        sinks = [sink for _, sink in streams]
        wait_for(
            lambda sinks=sinks, n=ended: all(s.states.count("reconnected") == n + 1 for s in sinks)
        )
        assert [says(sink) for sink in sinks].count("leader") == 1
    assert len(server.logins) == 4
    for _, sink in streams:
        assert sink.states == ["connected", *["lost", "reconnected"] * 3]


def says(sink: Sink) -> str:
    return sink.state("reconnected" if "reconnected" in sink.states else "connected").detail


def test_all_start_at_once_and_one_connection_is_made(join: Join, server: ScriptedServer) -> None:
    made: list[tuple[KiwoomStream, Sink]] = []
    threads = [threading.Thread(target=lambda: made.append(join("005930"))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 12
    assert sorted(says(sink) == "leader" for _, sink in made) == [False] * 11 + [True]
    assert server.logins == ["token-1"]


def test_a_subscription_stays_as_long_as_one_wants_it(join: Join, server: ScriptedServer) -> None:
    leader, _ = join("005930")
    follower, _ = join("005930")
    leader.unsubscribe([StreamKind.TRADE], ["005930"])
    follower.subscribe([StreamKind.TRADE], ["000660"])
    assert server.registered("REMOVE") == []
    follower.unsubscribe([StreamKind.TRADE], ["005930"])
    wait_for(lambda: server.registered("REMOVE") == [("2", "0B", "005930")])
    assert len(server.registered()) == 3, "nothing was registered twice"


def test_a_refused_code_is_the_error_of_the_follower_that_asked(
    join: Join, server: ScriptedServer
) -> None:
    _, leader = join("005930")
    follower, sink = join("005930")
    server.answer = lambda request: {**taken(request), "return_code": 1, "return_msg": "아니오"}
    with pytest.raises(BrokerRefused, match="0B 999999: 아니오"):
        follower.subscribe([StreamKind.TRADE], ["999999"])
    server.answer = taken
    server.send(trade("005930", 5))
    wait_for(lambda: sink.prices == leader.prices == [5])
    assert sink.states == ["connected"]


def test_a_follower_joins_while_the_line_is_down(join: Join, server: ScriptedServer) -> None:
    slow = Timeouts(backoff=(0.3,), brief=0.0)
    _, leader = join("005930", timeouts=slow)
    server.cut()
    wait_for(lambda: "lost" in leader.states)
    _, follower = join("000660")
    assert "reconnected" in leader.states, "a start waits for the connection"
    assert follower.states == ["connected"]
    wait_for(lambda: ("2", "0B", "000660") in server.registered())


def test_the_end_of_the_leaders_stream_is_the_end_of_the_followers(
    join: Join, server: ScriptedServer
) -> None:
    _, leader = join("005930")
    _, follower = join("005930")
    server.shut()
    wait_for(lambda: "closed" in follower.states and "closed" in leader.states)
    assert follower.states == leader.states == ["connected", "lost", "closed"]
    assert follower.state("closed").detail == leader.state("closed").detail


def test_after_a_lost_leader_gave_up_another_may_try(join: Join, server: ScriptedServer) -> None:
    _, first = join("005930")
    server.shut()
    wait_for(lambda: "closed" in first.states)
    server.open()
    _, second = join("005930")
    assert says(second) == "leader"


def test_r10001_reaches_the_followers_and_none_takes_over(
    join: Join, server: ScriptedServer
) -> None:
    _, leader = join("005930")
    _, follower = join("005930")
    server.send({"trnm": "SYSTEM", "code": "R10001", "message": "동일한 App key"})
    wait_for(lambda: "replaced" in follower.states and "replaced" in leader.states)
    assert follower.states == leader.states == ["connected", "replaced"]
    assert server.logins == ["token-1"]


def test_bad_keys_end_a_takeover_in_words(join: Join, server: ScriptedServer) -> None:
    leader, _ = join("005930")
    _, follower = join("005930")
    server.good_tokens = set()
    leader.close()
    wait_for(lambda: "closed" in follower.states)
    assert "805004" in follower.state("closed").detail


def test_a_failed_start_leaves_the_way_free(join: Join, server: ScriptedServer) -> None:
    server.good_tokens = set()
    with pytest.raises(AuthError):
        join("005930")
    server.good_tokens = None
    _, sink = join("005930")
    assert says(sink) == "leader"


def test_a_leader_that_hangs_is_named(join: Join, tmp_path: Path, server: ScriptedServer) -> None:
    lease = Lease(tmp_path, KEY, server.url)
    assert lease.take()
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(lease.socket_path))
        deaf.listen()
        lease.publish(LeaderAddress(pid=4711, secret="s", path=str(lease.socket_path)))
        with pytest.raises(Unreachable, match="process 4711 of kt, which does not answer"):
            join("005930", timeouts=Timeouts(join=0.2, hello=0.1))
    lease.release()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        framed(b"\xff"),
        framed(b"{}"),
        pack(Heartbeat()),
        b"x" * 100,
        framed(b"[" * 5_000),
        framed(b'{"type":"welcome","pid":1}')[:-1],
    ],
)
def test_another_server_at_the_leaders_address_is_not_followed(
    join: Join, tmp_path: Path, server: ScriptedServer, said: bytes
) -> None:
    lease = Lease(tmp_path, KEY, server.url)
    assert lease.take()
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        lease.publish(LeaderAddress(pid=4711, secret="s", port=stranger.getsockname()[1]))

        def talk() -> None:
            with contextlib.suppress(OSError):
                while True:
                    plug, _ = stranger.accept()
                    with plug:
                        plug.recv(4096)
                        plug.sendall(said)

        thread = threading.Thread(target=talk)
        thread.start()
        with pytest.raises(Unreachable, match="does not answer"):
            join("005930", timeouts=Timeouts(join=0.2, hello=0.1))
        lease.release()
        _, sink = join("005930")
        assert says(sink) == "leader"
        stranger.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    ("first", "words"), [(b"", "does not answer"), (pack(Welcome(4711)), "was not there within")]
)
def test_a_leader_that_drips_is_left(
    join: Join, tmp_path: Path, server: ScriptedServer, first: bytes, words: str
) -> None:
    """A byte now and then is no word of welcome, and later no sign of life."""
    lease = Lease(tmp_path, KEY, server.url)
    assert lease.take()
    dripped, joined = threading.Event(), list[int]()
    with socket.socket() as leader:
        leader.bind(("127.0.0.1", 0))
        leader.listen()
        lease.publish(LeaderAddress(pid=4711, secret="s", port=leader.getsockname()[1]))

        def drip() -> None:
            with contextlib.suppress(OSError):
                while True:
                    plug, _ = leader.accept()
                    joined.append(1)
                    with plug, contextlib.suppress(OSError):
                        plug.sendall(first + (1_000).to_bytes(4, "big"))
                        while True:
                            plug.sendall(b"x")
                            time.sleep(0.02)
                    dripped.set()

        thread = threading.Thread(target=drip)
        thread.start()
        timeouts = Timeouts(join=0.5, hello=0.1, frame=0.1, silence=5, start=1)
        with pytest.raises(Unreachable, match=words):
            join("005930", timeouts=timeouts)
        assert dripped.wait(2)
        assert len(joined) > 1, "it was left before the start as a whole took too long"
        leader.shutdown(socket.SHUT_RDWR)
        thread.join()
    lease.release()


def test_news_that_overtakes_the_first_answer_is_not_lost(
    join: Join, tmp_path: Path, server: ScriptedServer
) -> None:
    """The leader's line came to stand while the follower's first subscriptions were under way."""
    lease = Lease(tmp_path, KEY, server.url)
    assert lease.take()
    news = [StreamState(state="connected", at=AT, attempt=1), SubscriptionAnswer(0, live=False)]
    with socket.create_server(("127.0.0.1", 0)) as leader:
        lease.publish(LeaderAddress(pid=4711, secret="s", port=leader.getsockname()[1]))

        def lead() -> None:
            accepted, _ = leader.accept()
            with accepted:
                accepted.sendall(b"".join(map(pack, [Welcome(4711), *news])))
                while accepted.recv(4096):
                    pass

        thread = threading.Thread(target=lead)
        thread.start()
        stream, sink = join("005930")
        assert sink.states == ["connected"]
        stream.close()
        thread.join()
    lease.release()


def test_a_leader_that_dies_before_it_answers_releases_the_waiting_caller(
    join: Join, tmp_path: Path, server: ScriptedServer
) -> None:
    lease = Lease(tmp_path, KEY, server.url)
    assert lease.take()
    with socket.create_server(("127.0.0.1", 0)) as leader:
        lease.publish(LeaderAddress(pid=4711, secret="s", port=leader.getsockname()[1]))

        def lead() -> None:
            accepted, _ = leader.accept()
            with accepted:
                accepted.sendall(pack(Welcome(4711)) + pack(SubscriptionAnswer(0, live=True)))
                while b"000660" not in accepted.recv(4096):
                    pass
            leader.close()

        thread = threading.Thread(target=lead)
        thread.start()
        stream, sink = join("005930")
        stream.subscribe([StreamKind.TRADE], ["000660"])
        thread.join()
    lease.release()
    wait_for(lambda: sink.states == ["connected", "lost", "reconnected"])
    assert ("2", "0B", "000660") in server.registered()


def test_garbage_at_the_leaders_door_changes_nothing(
    join: Join, tmp_path: Path, server: ScriptedServer
) -> None:
    _, leader = join("005930")
    _, follower = join("005930")
    found = Lease(tmp_path, KEY, server.url).leader()
    assert found is not None
    chance = random.Random(3)
    for _ in range(30):
        with socket.socket(socket.AF_UNIX) as plug:
            plug.connect(found.path)
            plug.sendall(chance.randbytes(chance.randint(1, 5_000)))
    server.send(trade("005930", 5))
    wait_for(lambda: leader.prices == follower.prices == [5])
    assert leader.states == follower.states == ["connected"]


def test_a_sink_may_subscribe_and_close(join: Join, server: ScriptedServer) -> None:
    """It is called on the stream's own threads, where waiting would be for ever."""
    stream, sink = join("005930")
    heard: list[str] = []

    class Busy(Sink):
        def __call__(self, event: object) -> None:
            heard.append(type(event).__name__)
            if len(heard) == 2:
                other.subscribe([StreamKind.TRADE], ["000660"])
            elif len(heard) == 3:
                other.close()

    other = KiwoomStream(server.url, Tokens(), ManualClock(AT), Path(stream._lease.folder), KEY)
    other.subscribe([StreamKind.TRADE], ["005930"])
    other.start(Busy())
    server.send(trade("005930", 1))
    wait_for(lambda: ("2", "0B", "000660") in server.registered())
    server.send(trade("000660", 2))
    wait_for(lambda: heard == ["StreamState", "Tick", "Tick"])
    other.close()
    assert sink.states == ["connected"]


@pytest.mark.parametrize("role", ["leader", "follower"])
def test_a_process_that_just_ends_says_nothing(
    join: Join, server: ScriptedServer, tmp_path: Path, role: str
) -> None:
    if role == "follower":
        join("005930")
    code = f"""
from pathlib import Path
from kt.broker.stream.live import KiwoomStream
from kt.clock import SystemClock
from kt.records import StreamKind
from tests.broker.stream_child import OneToken, show
stream = KiwoomStream({server.url!r}, OneToken(), SystemClock(), Path({str(tmp_path)!r}), {KEY!r})
stream.start(show)
stream.subscribe([StreamKind.TRADE], ["005930"])
"""
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert role.encode() in ended.stdout


def test_a_start_does_not_wait_for_ever(join: Join, server: ScriptedServer) -> None:
    _, leader = join("005930", timeouts=Timeouts(backoff=(30.0,), brief=0.0))
    server.cut()
    wait_for(lambda: "lost" in leader.states)
    with pytest.raises(Unreachable, match=r"within 0\.2 seconds"):
        join("005930", timeouts=Timeouts(start=0.2))


def test_in_a_folder_too_deep_for_a_socket_the_loopback_serves(
    server: ScriptedServer, tmp_path: Path
) -> None:
    folder = tmp_path / ("deep" * 40)
    sinks = [Sink(), Sink()]
    streams = [KiwoomStream(server.url, Tokens(), ManualClock(AT), folder, KEY) for _ in sinks]
    for stream, sink in zip(streams, sinks, strict=True):
        stream.subscribe([StreamKind.TRADE], ["005930"])
        stream.start(sink)
    server.send(trade("005930", 5))
    wait_for(lambda: all(sink.prices == [5] for sink in sinks))
    assert says(sinks[1]) == f"follower of pid {os.getpid()}"
    for stream in streams:
        stream.close()


ROW = {
    "9001": "A005930", "302": "삼성전자", "10": "000075000", "25": "5", "11": "-00000100",
    "12": "-00000130", "13": "010386116", "16": "000075100", "17": "000075600", "18": "000074700",
}  # fmt: skip
"""One row of the broker's documented answer (ka10172)."""


def searched(request: dict[str, Any]) -> dict[str, Any] | None:
    """Answers as documented; the second page of number 1 is the last."""
    name = request["trnm"]
    if name == "CNSRLST":
        return {**taken(request), "data": [["0", "조건1"], ["1", "조건2"], ["2", "조건1"]]}
    if name != "CNSRREQ":
        return taken(request)
    first = request["next_key"] == ""
    more = request["seq"] == "1" and first
    row = ROW if first else {**ROW, "9001": "A000660", "12": "nonsense"}
    page = {"cont_yn": "Y" if more else "N", "next_key": "7" if more else "", "data": [row]}
    return {"trnm": name, "seq": f"{request['seq']} ", **page, "return_code": 0}


def test_a_condition_search_goes_over_the_one_connection(
    join: Join, server: ScriptedServer
) -> None:
    server.answer = searched
    for stream, _ in (join("005930"), join("005930")):
        found = stream.search("조건2")
        assert found.names == ("조건1", "조건2")
        assert [(row.rank, row.stock_code) for row in found.rows] == [(1, "005930"), (2, "000660")]
        first = found.rows[0]
        assert (first.ranking, first.price, first.volume) == ("condition:조건2", 75_000, 10_386_116)
        assert first.change_pct == -0.13
        assert stream.search("없음").rows == ()
    assert server.logins == ["token-1"]
    asked = [request for request in server.requests if request["trnm"] == "CNSRREQ"]
    assert [(one["seq"], one["cont_yn"], one["next_key"]) for one in asked[:2]] == [
        ("1", "N", ""),
        ("1", "Y", "7"),
    ]
    assert {one["search_type"] + one["stex_tp"] for one in asked} == {"0K"}


def test_a_server_without_condition_searches_refuses_and_the_stream_goes_on(
    join: Join, server: ScriptedServer
) -> None:
    def without(request: dict[str, Any]) -> dict[str, Any]:
        wrong = {"return_code": 105108, "return_msg": "정의되어 있지 않는 TRNM입니다"}
        return taken(request) | (wrong if request["trnm"].startswith("CNSR") else {})

    server.answer = without
    both = [join("005930"), join("005930")]
    for stream, sink in both:
        with pytest.raises(BrokerRefused, match="정의되어 있지 않는"):
            stream.search("조건1")
        assert sink.states == ["connected"]


def test_a_search_without_an_answer_leaves_the_connection_alone(
    join: Join, server: ScriptedServer
) -> None:
    server.answer = lambda request: None if "CNSR" in request["trnm"] else taken(request)
    quick = replace(QUICK, answer=0.2)
    both = [join("005930", timeouts=quick), join("005930", timeouts=quick)]
    for stream, sink in both:
        with pytest.raises(Unreachable, match=r"CNSRLST was not answered within 0\.2 seconds"):
            stream.search("조건1")
        stream.subscribe([StreamKind.TRADE], ["000660"])
        assert sink.states == ["connected"]


def test_a_search_of_one_that_is_no_stream(join: Join, server: ScriptedServer) -> None:
    stream, _ = join("005930")
    stream.close()
    assert not stream.live
    with pytest.raises(Unreachable, match="not connected"):
        stream.search("조건1")

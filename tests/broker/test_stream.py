"""The stream against a scripted server: LOGIN, REG, PING, cuts, and the end of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from kt.broker.stream.connection import MOST_BYTES
from kt.broker.stream.live import KiwoomStream
from kt.broker.stream.timeouts import Timeouts
from kt.clock import ManualClock
from kt.errors import (
    AuthError,
    BrokerRefused,
    JournalError,
    KtError,
    StreamReplaced,
    Unreachable,
    UsageError,
    WireError,
)
from kt.records import KST, OrderNotice, SessionNotice, StreamKind, StreamState, Tick, ViNotice
from tests.broker.scripted import ScriptedServer, Sink, Tokens, fill, real, taken, trade, wait_for

QUICK = Timeouts(
    connect=2.0, answer=2.0, silence=5.0, backoff=(0.01,), reconnects=3, brief=0.0, join=5.0
)
AT = datetime(2026, 11, 23, 10, 30, tzinfo=KST)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def faults() -> list[KtError]:
    return []


Make = Callable[..., KiwoomStream]


@pytest.fixture
def make(server: ScriptedServer, tmp_path: Path, faults: list[KtError]) -> Iterator[Make]:
    made: list[KiwoomStream] = []

    def build(
        tokens: Tokens | None = None,
        timeouts: Timeouts = QUICK,
        folder: str = "state",
        url: str = "",
    ) -> KiwoomStream:
        stream = KiwoomStream(
            url or server.url,
            tokens or Tokens(),
            ManualClock(AT),
            tmp_path / folder,
            "app-key",
            report=faults.append,
            timeouts=timeouts,
        )
        made.append(stream)
        return stream

    yield build
    for stream in made:
        stream.close()
    left = [one.name for one in threading.enumerate() if one.name.startswith("kt-stream")]
    assert not left, "close() leaves no thread behind"


def test_login_comes_first_with_the_bare_token(make: Make, server: ScriptedServer) -> None:
    sink = Sink()
    stream = make(Tokens("abc"))
    stream.subscribe([StreamKind.ORDERS, StreamKind.TRADE], ["005930"])
    stream.start(sink)
    assert server.raw[0] == '{"trnm":"LOGIN","token":"abc"}'
    assert sink.state("connected") == StreamState(
        state="connected", at=AT, detail="leader", attempt=1
    )
    assert server.registered() == [("1", "00", ""), ("2", "0B", "005930")]
    assert server.headers[0]["user-agent"] == "kt"


def test_events_reach_the_sink_and_only_those_subscribed_to(
    make: Make, server: ScriptedServer
) -> None:
    sink = Sink()
    stream = make()
    stream.start(sink)
    stream.subscribe([StreamKind.TRADE], ["005930"])
    server.send(trade("000660", 1_851_000))
    server.send(trade("005930", 251_000, -8))
    wait_for(lambda: sink.prices)
    tick = next(event for event in sink.events if isinstance(event, Tick))
    assert (tick.stock_code, tick.price, tick.quantity, tick.side) == ("005930", 251_000, 8, "SELL")
    assert tick.at == datetime(2026, 11, 23, 10, 27, 55, tzinfo=KST)
    stream.unsubscribe([StreamKind.TRADE], ["005930"])
    wait_for(lambda: server.registered("REMOVE"))
    assert server.registered("REMOVE") == [("2", "0B", "005930")]
    assert sink.prices == [251_000]


def test_ping_is_echoed_as_it_came_and_system_never(make: Make, server: ScriptedServer) -> None:
    make().start(Sink())
    server.raw.clear()
    server.send('{"trnm":"SYSTEM","code":"R10002","message":"heartbeat"}')
    server.send('{ "trnm":"PING" , "n": 7}')
    server.send({"trnm": "PING"})
    wait_for(lambda: len(server.raw) == 2)
    assert server.raw == ['{ "trnm":"PING" , "n": 7}', '{"trnm": "PING"}']


def test_more_than_a_hundred_codes_are_spread_over_groups(
    make: Make, server: ScriptedServer
) -> None:
    stream = make()
    stream.start(Sink())
    codes = [f"{number:06d}" for number in range(250)]
    stream.subscribe([StreamKind.TRADE, StreamKind.BOOK], codes)
    stream.subscribe([StreamKind.TRADE], ["999999"])
    sizes: dict[str, int] = {}
    for group, _, _ in server.registered():
        sizes[group] = sizes.get(group, 0) + 1
    assert max(sizes.values()) == 100
    assert sum(sizes.values()) == 501
    assert all(request["refresh"] == "1" for request in server.requests)
    assert len({(kind, item) for _, kind, item in server.registered()}) == 501


def test_a_place_that_became_free_is_used_again(make: Make, server: ScriptedServer) -> None:
    stream = make()
    stream.start(Sink())
    codes = [f"{number:06d}" for number in range(100)]
    stream.subscribe([StreamKind.TRADE], codes)
    stream.unsubscribe([StreamKind.TRADE], codes[:1])
    stream.subscribe([StreamKind.TRADE], ["999999"])
    assert {group for group, _, _ in server.registered()} == {"2"}


def test_a_stale_token_is_issued_anew_once(make: Make, server: ScriptedServer) -> None:
    server.good_tokens = {"token-2"}
    tokens = Tokens()
    make(tokens).start(Sink())
    assert tokens.renewals == ["token-1"]
    assert server.logins == ["token-1", "token-2"]


def test_a_second_refusal_is_for_a_person(make: Make, server: ScriptedServer) -> None:
    server.good_tokens = set()
    tokens = Tokens()
    stream = make(tokens)
    with pytest.raises(AuthError, match="805004") as caught:
        stream.start(Sink())
    assert caught.value.code == "8005"
    assert len(server.logins) == 2


@pytest.mark.parametrize("code", ["8001", "8010", "8030", "8031", "8050"])
def test_an_error_that_a_new_token_cannot_solve_is_not_retried(
    make: Make, server: ScriptedServer, code: str
) -> None:
    server.login_answer = {
        "trnm": "LOGIN",
        "return_code": "805004",
        "return_msg": f"[CODE={code}, MESSAGE=x]",
    }
    with pytest.raises(AuthError) as caught:
        make().start(Sink())
    assert caught.value.code == code
    assert len(server.logins) == 1


def test_a_server_that_does_not_answer_the_login(make: Make, server: ScriptedServer) -> None:
    server.login_answer = None
    timeouts = Timeouts(connect=0.2, answer=0.1, backoff=(0.01,))
    with pytest.raises(Unreachable, match="2 attempts"):
        make(timeouts=timeouts).start(Sink())
    assert len(server.logins) == 2


def test_no_server_at_all(make: Make, server: ScriptedServer) -> None:
    server.shut()
    with pytest.raises(Unreachable, match="cannot be reached"):
        make().start(Sink())


def test_r10001_is_the_end_and_no_fight(make: Make, server: ScriptedServer) -> None:
    sink, other = Sink(), Sink()
    make().start(sink)
    make(folder="another-machine").start(other)
    wait_for(lambda: "replaced" in sink.states)
    assert sink.states == ["connected", "replaced"]
    assert "R10001" in sink.state("replaced").detail
    server.send(trade("005930", 1))
    assert len(server.logins) == 2
    assert other.states == ["connected"]


def test_after_r10001_this_profile_does_not_take_the_login_back(
    make: Make, server: ScriptedServer
) -> None:
    sink = Sink()
    make().start(sink)
    make(folder="another-machine").start(Sink())
    wait_for(lambda: "replaced" in sink.states)
    with pytest.raises(StreamReplaced, match="Process"):
        make().start(Sink())
    assert len(server.logins) == 2


def test_interruptions_are_subscribed_to_for_the_whole_market(
    make: Make, server: ScriptedServer
) -> None:
    """And told to every subscriber, in this process and in others, whatever stock it is about."""
    leader, follower, other = make(), make(), make()
    sinks = [Sink(), Sink(), Sink()]
    for stream, sink in zip((leader, follower, other), sinks, strict=True):
        stream.start(sink)
    leader.subscribe([StreamKind.VI], ["005930", "000660"])
    follower.subscribe([StreamKind.VI, StreamKind.SESSION])
    other.subscribe([StreamKind.SESSION])
    assert server.registered() == [("1", "1h", ""), ("1", "0s", "")]
    server.send(real("1h", {"9001": "035720", "9068": "1", "1221": "4125"}, "035720"))
    server.send(real("0s", {"215": "3", "20": "090000", "214": "000000"}))
    wait_for(lambda: all(isinstance(sink.events[-1], SessionNotice) for sink in sinks[1:]))
    kinds = [[type(event) for event in sink.events if type(event) is ViNotice] for sink in sinks]
    assert kinds == [[ViNotice], [ViNotice], []]
    leader.unsubscribe([StreamKind.VI], [])
    assert server.registered("REMOVE") == [], "the follower still wants them"
    follower.unsubscribe([StreamKind.VI], [])
    assert server.registered("REMOVE") == [("1", "1h", "")]


def test_a_cut_connection_reconnects_with_all_its_subscriptions(
    make: Make, server: ScriptedServer
) -> None:
    sink = Sink()
    stream = make()
    stream.start(sink)
    stream.subscribe([StreamKind.ORDERS, StreamKind.BALANCE, StreamKind.SESSION])
    stream.subscribe([StreamKind.TRADE], ["005930", "000660"])
    before = set(server.registered())
    server.requests.clear()
    server.cut()
    wait_for(lambda: "reconnected" in sink.states)
    assert sink.states == ["connected", "lost", "reconnected"]
    assert set(server.registered()) == before
    server.send(trade("005930", 251_000))
    wait_for(lambda: sink.prices == [251_000])


def test_a_message_that_is_too_big_costs_the_connection_and_no_more(
    make: Make, server: ScriptedServer
) -> None:
    sink = Sink()
    stream = make()
    stream.start(sink)
    stream.subscribe([StreamKind.TRADE], ["005930"])
    server.send(b" " * (MOST_BYTES + 1))
    wait_for(lambda: "reconnected" in sink.states)
    assert f"a message of {MOST_BYTES + 1:,} bytes" in sink.state("lost").detail
    server.send(trade("005930", 251_000))
    wait_for(lambda: sink.prices == [251_000])


def test_three_failed_attempts_end_it(make: Make, server: ScriptedServer) -> None:
    sink = Sink()
    make().start(sink)
    server.shut()
    wait_for(lambda: "closed" in sink.states)
    assert sink.states == ["connected", "lost", "closed"]
    assert "3 attempts" in sink.state("closed").detail


def test_after_the_end_it_can_be_started_again(make: Make, server: ScriptedServer) -> None:
    sink = Sink()
    stream = make()
    stream.start(sink)
    stream.subscribe([StreamKind.TRADE], ["005930"])
    server.shut()
    wait_for(lambda: "closed" in sink.states)
    server.open()
    server.requests.clear()
    stream.start(sink)
    assert sink.states[-1] == "connected"
    assert server.registered() == [("2", "0B", "005930")]


def test_a_token_that_died_meanwhile_is_renewed_on_the_way_back(
    make: Make, server: ScriptedServer
) -> None:
    sink, tokens = Sink(), Tokens()
    make(tokens).start(sink)
    server.good_tokens = {"token-2"}
    server.cut()
    wait_for(lambda: "reconnected" in sink.states)
    assert tokens.renewals == ["token-1"]


def test_subscriptions_made_while_the_line_is_down_are_remembered(
    make: Make, server: ScriptedServer
) -> None:
    sink = Sink()
    stream = make(timeouts=Timeouts(backoff=(0.3,), brief=0.0))
    stream.start(sink)
    server.cut()
    wait_for(lambda: "lost" in sink.states)
    stream.subscribe([StreamKind.TRADE], ["005930"])
    assert "reconnected" not in sink.states, "it did not wait for the connection"
    wait_for(lambda: "reconnected" in sink.states)
    wait_for(lambda: server.registered() == [("2", "0B", "005930")])


def test_silence_is_noticed(make: Make, server: ScriptedServer) -> None:
    sink = Sink()
    make(timeouts=Timeouts(silence=0.1, backoff=(0.01,), brief=0.0)).start(sink)
    wait_for(lambda: "reconnected" in sink.states)
    assert "nothing was heard for 0.1 seconds" in sink.state("lost").detail


def test_an_unanswered_reg_is_a_dead_line(make: Make, server: ScriptedServer) -> None:
    sink = Sink()
    stream = make(timeouts=Timeouts(answer=0.1, backoff=(0.01,), brief=0.0))
    stream.start(sink)
    deaf = threading.Event()

    def once(request: dict[str, Any]) -> dict[str, Any] | None:
        if not deaf.is_set():
            deaf.set()
            return None
        return taken(request)

    server.answer = once
    stream.subscribe([StreamKind.TRADE], ["005930"])
    wait_for(lambda: "reconnected" in sink.states)
    assert "REG was not answered" in sink.state("lost").detail
    assert server.registered() == [("2", "0B", "005930")] * 2


def test_a_refused_code_does_not_lose_the_others(make: Make, server: ScriptedServer) -> None:
    def fussy(request: dict[str, Any]) -> dict[str, Any]:
        bad = any("000007" in row["item"] for row in request["data"])
        code = 105111 if bad else 0
        return {"trnm": request["trnm"], "return_code": code, "return_msg": "실패" if bad else ""}

    server.answer = fussy
    sink = Sink()
    stream = make()
    stream.start(sink)
    with pytest.raises(BrokerRefused, match="0B 000007: 실패"):
        stream.subscribe([StreamKind.TRADE], [f"{number:06d}" for number in range(20)])
    server.send(trade("000008", 8))
    wait_for(lambda: sink.prices == [8])
    server.requests.clear()
    server.cut()
    wait_for(lambda: "reconnected" in sink.states)
    codes = {item for _, _, item in server.registered()}
    assert codes == {f"{number:06d}" for number in range(20)} - {"000007"}


def test_a_subscription_refused_after_a_reconnect_is_reported(
    make: Make, server: ScriptedServer, faults: list[KtError]
) -> None:
    sink = Sink()
    stream = make()
    stream.start(sink)
    stream.subscribe([StreamKind.TRADE], ["005930"])
    server.answer = lambda request: {**taken(request), "return_code": "1", "return_msg": "아니오"}
    server.cut()
    wait_for(lambda: "reconnected" in sink.states and faults)
    assert isinstance(faults[0], BrokerRefused)


def test_a_code_that_is_none_is_a_usage_error(make: Make, server: ScriptedServer) -> None:
    stream = make()
    with pytest.raises(UsageError, match="5930"):
        stream.subscribe([StreamKind.TRADE], ["005930", "5930"])


def test_one_bad_row_and_one_bad_frame_are_reported_and_cost_nothing_else(
    make: Make, server: ScriptedServer, faults: list[KtError]
) -> None:
    sink = Sink()
    stream = make()
    stream.start(sink)
    stream.subscribe([StreamKind.TRADE], ["005930"])
    frame = trade("005930", 1)
    bad = {**frame["data"][0], "values": {**frame["data"][0]["values"], "10": "12a"}}
    server.send({"trnm": "REAL", "data": [bad, trade("005930", 2)["data"][0]]})
    server.send(b"\xff\xfe{")
    server.send(trade("005930", 3))
    wait_for(lambda: len(sink.prices) == 2)
    assert sink.prices == [2, 3]
    assert str(faults[0]) == "0B.data[0].10: '12a'"
    assert all(isinstance(fault, WireError) for fault in faults)
    assert len(faults) == 2


@pytest.mark.parametrize("after", range(1, 8))
def test_cut_after_every_nth_frame(make: Make, server: ScriptedServer, after: int) -> None:
    """Wherever the line breaks, what arrives is in order and none of it twice, and where
    something is missing a `reconnected` follows: then the leader asks over REST."""
    frames = [fill("0000001", "005930", 1, left, 70_000) for left in range(7, -1, -1)]
    sink = Sink()
    stream = make()
    stream.start(sink)
    stream.subscribe([StreamKind.ORDERS])
    for sent, frame in enumerate(frames, start=1):
        wait_for(lambda: server.live)
        server.send(frame)
        if sent % after == 0:
            states = len(sink.states)
            server.cut()
            wait_for(lambda seen=states: len(sink.states) >= seen + 2)
    wait_for(lambda: sink.states.count("reconnected") == len(frames) // after)
    if len(frames) % after:
        wait_for(lambda: getattr(sink.events[-1], "open_quantity", None) == 0)
    seen = [event.open_quantity for event in sink.events if isinstance(event, OrderNotice)]
    assert seen == sorted(set(seen), reverse=True), "in order and none twice"
    assert sink.states.count("lost") == sink.states.count("reconnected")
    expected, excused = 7, False
    for event in sink.events:
        if isinstance(event, OrderNotice):
            assert event.open_quantity == expected or excused, "a hole nobody was told of"
            expected, excused = event.open_quantity - 1, False
        elif event.state == "reconnected":  # type: ignore[union-attr]
            excused = True
    assert expected == -1 or excused


def test_a_connection_that_always_breaks_at_once_is_given_up(
    make: Make, server: ScriptedServer
) -> None:
    sink = Sink()
    make(timeouts=Timeouts(backoff=(0.0,))).start(sink)
    server.on_login = server.cut_one
    server.cut()
    wait_for(lambda: "closed" in sink.states)
    assert "30 times in a row" in sink.state("closed").detail
    assert sink.states.count("lost") == 30


def test_a_report_that_fails_does_not_cost_the_stream(
    make: Make, server: ScriptedServer, faults: list[KtError]
) -> None:
    sink = Sink()
    stream = make()
    told: list[KtError] = []

    def full(error: KtError) -> None:
        told.append(error)
        raise JournalError("disk full")

    stream.report = full
    stream.start(sink)
    stream.subscribe([StreamKind.TRADE], ["005930"])
    server.send(b"?")
    server.send(trade("005930", 5))
    wait_for(lambda: sink.prices == [5])
    assert len(told) == 1
    assert sink.states == ["connected"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_internal_error_is_reported_as_the_end_of_the_stream(
    make: Make, server: ScriptedServer
) -> None:
    class Wrong(Tokens):
        def token(self) -> str:
            if len(server.logins) > 0:
                raise ZeroDivisionError
            return super().token()

    sink = Sink()
    make(Wrong()).start(sink)
    server.cut()
    wait_for(lambda: "closed" in sink.states)
    assert "fault of kt's own" in sink.state("closed").detail

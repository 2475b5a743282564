"""What servers were seen to say around a login and beside the data, and what kt makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.server import ServerConnection

from kt.broker.stream.live import KiwoomStream
from kt.broker.stream.timeouts import Timeouts
from kt.clock import ManualClock
from kt.errors import BrokerRefused, KtError
from kt.records import KST, StreamKind, StreamState
from tests.broker.scripted import ScriptedServer, Sink, Tokens, real, trade, wait_for

QUICK = Timeouts(connect=2.0, answer=1.0, silence=5.0, backoff=(0.01,), brief=0.0, join=5.0)
AT = datetime(2026, 11, 23, 10, 30, tzinfo=KST)
NOT_YET = {"trnm": "SYSTEM", "code": "R10004", "message": "접속허용요청이 들어오지 않았습니다"}
ODD = [
    NOT_YET,
    {"trnm": "SYSTEM", "code": 0, "message": None},
    {"trnm": "SYSTEM", "return_code": "0", "return_msg": "점검 안내", "version": {"n": 1}},
    {"trnm": "SYSTEM", "code": "R10002", "message": "Heartbeat"},
    {"trnm": "NEWS", "data": "x"},
    {"trnm": "PING", "time": "1"},
]


class Chatty(ScriptedServer):
    """Says `first` before it has read a LOGIN, and `then` after its answer."""

    def __init__(self) -> None:
        super().__init__()
        self.first: list[dict[str, Any]] = []
        self.then: list[dict[str, Any]] = []
        self.on_login = self._more

    def _log_in(self, connection: ServerConnection) -> str | None:
        for frame in self.first:
            self.send_to(connection, frame)
        return super()._log_in(connection)

    def _more(self, connection: ServerConnection) -> None:
        for frame in self.then:
            self.send_to(connection, frame)


@pytest.fixture
def server() -> Iterator[Chatty]:
    with Chatty() as running:
        yield running


Make = Callable[[], KiwoomStream]


@pytest.fixture
def make(server: Chatty, tmp_path: Path) -> Iterator[Make]:
    made: list[KiwoomStream] = []

    def build() -> KiwoomStream:
        faults: list[KtError] = []
        made.append(
            KiwoomStream(server.url, Tokens(), ManualClock(AT), tmp_path, "app-key",
                         report=faults.append, timeouts=QUICK)
        )  # fmt: skip
        return made[-1]

    yield build
    for stream in made:
        stream.close()


def test_system_messages_around_a_login_do_not_end_it(make: Make, server: Chatty) -> None:
    """The first frame may be none of ours, and PING comes when it likes."""
    server.first, server.then = ODD[:5], [*ODD, trade("005930", 70_000)]
    sink, stream = Sink(), make()
    stream.subscribe([StreamKind.TRADE], ["005930"])
    stream.start(sink)
    server.send(trade("005930", 70_100))
    wait_for(lambda: len(sink.prices) == 2)
    assert sink.states == ["connected"]
    assert [text for text in server.raw if "SYSTEM" in text or "NEWS" in text] == []
    assert [text for text in server.raw if "PING" in text] == ['{"trnm": "PING", "time": "1"}']


def test_not_logged_in_in_the_middle_is_a_new_login(make: Make, server: Chatty) -> None:
    sink, stream = Sink(), make()
    stream.subscribe([StreamKind.TRADE], ["005930"])
    stream.start(sink)
    server.send(NOT_YET)
    wait_for(lambda: sink.states == ["connected", "lost", "reconnected"])
    assert len(server.logins) == 2
    assert "R10004" in next(
        one.detail for one in sink.events if isinstance(one, StreamState) and "R1" in one.detail
    )


@pytest.mark.parametrize(
    "answer",
    [
        {"trnm": "LOGIN", "return_code": "0", "return_msg": None, "sor_yn": "Y", "new": [1]},
        {"trnm": "LOGIN", "return_code": 0, "return_msg": "정상", "data": {}},
        {"return_msg": "", "return_code": "000", "trnm": "LOGIN"},
    ],
)
def test_good_answers_to_login(make: Make, server: Chatty, answer: dict[str, Any]) -> None:
    server.login_answer = {**answer, "return_code": 0}
    sink, stream = Sink(), make()
    stream.start(sink)
    assert sink.states == ["connected"]


@pytest.mark.parametrize(
    "answer",
    [
        {"return_code": 0, "return_msg": None},
        {"return_code": "0", "return_msg": "정상"},
        {"return_code": 0, "data": {"grp_no": "1"}},
        {"return_code": "000", "return_msg": "", "grp_no": "1", "refresh": "1"},
    ],
)
def test_good_answers_to_reg(make: Make, server: Chatty, answer: dict[str, Any]) -> None:
    server.answer = lambda request: {"trnm": request["trnm"], **answer}
    sink, stream = Sink(), make()
    stream.start(sink)
    stream.subscribe([StreamKind.TRADE, StreamKind.ORDERS], ["005930"])
    server.send(trade("005930", 70_000))
    wait_for(lambda: sink.prices == [70_000])


@pytest.mark.parametrize("code", [105111, "105111", 100013, "ERR"])
def test_refusals_of_reg(make: Make, server: Chatty, code: object) -> None:
    server.answer = lambda request: {
        "trnm": request["trnm"], "return_code": code, "return_msg": None
    }  # fmt: skip
    stream = make()
    stream.start(Sink())
    with pytest.raises(BrokerRefused):
        stream.subscribe([StreamKind.TRADE], ["005930"])


def test_rows_as_they_may_come(make: Make, server: Chatty) -> None:
    """Without `name`, with an `A`, with both venues' suffix, with numbers, types mixed."""
    sink, stream = Sink(), make()
    stream.start(sink)
    stream.subscribe([StreamKind.TRADE, StreamKind.BOOK], ["005930", "0156T0"])
    values = dict(trade("005930", 70_000)["data"][0]["values"])
    mixed = [
        {"values": values, "type": "0B", "item": "005930"},
        {"type": "0B", "item": "A005930", "values": {**values, "10": "-70100", "99": None}},
        {"item": "005930_AL", "values": {**values, "10": 70200, "13": 5, "228": 99.5},
         "type": "0B", "name": None, "extra": {}},
        {"values": {"215": "3", "20": "090000", "214": "000000"}, "type": "0s", "item": ""},
        {"values": {}, "type": "0w", "item": "005930"},
        {"values": values, "type": "0B", "item": "0156T0"},
    ]  # fmt: skip
    server.send({"trnm": "REAL", "data": mixed, "seq": 7})
    server.send({"data": None, "trnm": "REAL"})
    server.send(real("0B", values, "005930"))
    wait_for(lambda: len(sink.prices) == 5)
    assert sink.prices == [70_000, 70_100, 70_200, 70_000, 70_000]

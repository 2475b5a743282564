"""Queries: what is sent, what is repeated, what is raised, what is logged."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx
import pytest

from kt.broker.rest import transport
from kt.broker.rest.client import Http
from kt.broker.wire import Row
from kt.errors import (
    AuthError,
    BrokerRefused,
    ConfigError,
    RateLimited,
    UnknownStock,
    Unreachable,
    UsageError,
    WireError,
)
from kt.records import KST
from tests.broker.hostile import answer, serving
from tests.broker.wiring import NOW, answers, line, ok, recorded, said

LIMIT = said(5, "x[1700:y]", 429)
DEAD_TOKEN = said(3, "인증에 실패했습니다[8005:Token이 유효하지 않습니다]")


def test_what_goes_out(tmp_path: Path) -> None:
    told = line(answers(ok()), tmp_path)
    told.rest.call("ka10001", {"stk_cd": "005930"})
    request = told.requests[0]
    assert (request.method, request.url) == ("POST", "http://broker.test/api/dostk/stkinfo")
    assert request.headers["content-type"] == "application/json;charset=UTF-8"
    assert request.headers["api-id"] == "ka10001"
    assert request.headers["authorization"] == "Bearer token-1"
    assert request.headers["user-agent"].startswith("kt/")
    assert "cont-yn" not in request.headers
    assert request.content == b'{"stk_cd":"005930"}'


def test_half_a_letter_is_not_sent(tmp_path: Path) -> None:
    told = line(answers(ok()), tmp_path)
    with pytest.raises(UsageError, match="half a letter"):
        told.rest.call("ka10001", {"stk_cd": "\ud800"})
    ordered = told.rest.send_order("kt10000", {"stk_cd": "\ud800"})
    assert not ordered.left
    assert told.requests == []


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout(""),
        httpx.ReadTimeout(""),
        httpx.ReadError(""),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
        httpx.Response(503, text="upstream"),
        httpx.Response(200, text="<html>maintenance</html>"),
    ],
)
def test_a_query_is_repeated_after_a_fault_that_passes(
    fault: httpx.Response | Exception, tmp_path: Path
) -> None:
    told = line(answers(fault, fault, ok(acctNo="1")), tmp_path)
    assert told.rest.call("ka00001").body["acctNo"] == "1"
    assert told.clock.slept == [0.5, 1.0]
    assert len(told.requests) == 3


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        (httpx.ReadTimeout(""), Unreachable, "read timeout"),
        (httpx.ConnectError("Connection refused"), Unreachable, "Connection refused"),
        (httpx.Response(503, text="x"), Unreachable, "HTTP 503"),
        (httpx.Response(200, text="<html>"), WireError, "ka00001 body"),
        (httpx.Response(200, json=[1]), WireError, "ka00001 body"),
    ],
)
def test_a_fault_that_stays_is_raised_in_the_end(
    fault: httpx.Response | Exception, error: type[Exception], says: str, tmp_path: Path
) -> None:
    told = line(answers(fault), tmp_path)
    with pytest.raises(error, match=says):
        told.rest.call("ka00001")
    assert len(told.requests) == 4
    assert sum(told.clock.slept[:3]) == 3.5


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (said(2, "x[1511:y]"), BrokerRefused),
        (said(5, "x[1634:y]"), BrokerRefused),
        (said(1, "x[1902:y]"), UnknownStock),
        (said(20, "[2000](RC9000:y)"), BrokerRefused),
        (said(3, "x[8001:y]"), AuthError),
        (said(3, "x[8050:y]"), AuthError),
        (httpx.Response(400, text="<html>"), Unreachable),
    ],
)
def test_a_permanent_error_is_not_retried(
    answer: httpx.Response, error: type[Exception], tmp_path: Path
) -> None:
    told = line(answers(answer), tmp_path)
    with pytest.raises(error):
        told.rest.call("ka10001", {"stk_cd": "005930"})
    assert len(told.requests) == 1


def test_a_refused_budget_is_waited_for(tmp_path: Path) -> None:
    told = line(answers(LIMIT, LIMIT, ok(acctNo="1")), tmp_path)
    assert told.rest.call("ka00001").body["acctNo"] == "1"
    assert told.clock.slept == [1.0, 1.0]


def test_a_budget_refused_for_all_closes_the_group(tmp_path: Path) -> None:
    told = line(answers(said(5, "x[1702:y]", 429), ok(acctNo="1")), tmp_path)
    with_group = told.clock.monotonic()
    told.rest.call("ka00001")
    told.rest.call("kt00001", {"qry_tp": "3"})
    assert told.clock.monotonic() - with_group == pytest.approx(1.0)
    assert told.clock.slept == [1.0]


def test_limits_without_end_are_raised(tmp_path: Path) -> None:
    told = line(answers(LIMIT), tmp_path)
    with pytest.raises(RateLimited):
        told.rest.call("ka00001")
    assert len(told.requests) == 4


def test_a_dead_token_is_replaced_once_and_on(tmp_path: Path) -> None:
    told = line(answers(DEAD_TOKEN, ok(acctNo="1")), tmp_path)
    assert told.rest.call("ka00001").body["acctNo"] == "1"
    sent = [request.headers["authorization"] for request in told.requests]
    assert sent == ["Bearer token-1", "Bearer token-2"]
    assert told.tokens.issued == 2


def test_a_new_token_that_is_dead_too_stops(tmp_path: Path) -> None:
    told = line(answers(DEAD_TOKEN), tmp_path)
    with pytest.raises(AuthError) as error:
        told.rest.call("ka00001")
    assert error.value.code == "8005"
    assert error.value.hint == "Run `kt auth logout`, then `kt auth login`."
    assert (len(told.requests), told.tokens.issued) == (2, 2)


def test_pages_follow_the_headers_keys(tmp_path: Path) -> None:
    def page(rows: list[str], more: str, key: str) -> httpx.Response:
        return httpx.Response(
            200,
            json={"return_code": 0, "rows": rows},
            headers={"cont-yn": more, "next-key": key},
        )

    told = line(answers(page(["1"], "Y", "k=1"), page(["2"], "Y", "k=2"), page(["3"], "N", "")),
                tmp_path)  # fmt: skip
    asked = {"stk_cd": "005930"}
    found = [reply.body["rows"] for reply in told.rest.pages("ka10080", asked)]
    assert found == [["1"], ["2"], ["3"]]
    heads = [(r.headers.get("cont-yn"), r.headers.get("next-key")) for r in told.requests]
    assert heads == [(None, None), ("Y", "k=1"), ("Y", "k=2")]
    assert told.bodies() == [asked] * 3


def test_pages_that_turn_in_a_circle_are_a_fault(tmp_path: Path) -> None:
    again = httpx.Response(
        200, json={"return_code": 0}, headers={"cont-yn": "Y", "next-key": "same"}
    )
    told = line(answers(again), tmp_path)
    with pytest.raises(WireError, match="ka10080 next-key"):
        list(told.rest.pages("ka10080"))
    assert len(told.requests) == 2


def test_a_message_of_no_data_gives_an_empty_reply(tmp_path: Path) -> None:
    told = line(answers(said(20, "조회할 내역이 없습니다")), tmp_path)
    assert told.rest.call("ka10075").nothing
    assert told.kiwoom.open_orders() == ()
    assert told.kiwoom.holdings().items == ()


@pytest.mark.parametrize("api_id", ["kt10000", "kt50001", "au10001"])
def test_an_order_is_no_query(api_id: str, tmp_path: Path) -> None:
    told = line(answers(ok()), tmp_path)
    with pytest.raises(UsageError):
        told.rest.call(api_id, {})
    assert told.requests == []


def test_every_call_is_logged(tmp_path: Path) -> None:
    told = line(answers(httpx.ReadTimeout(""), LIMIT, said(0, " 조회가 완료되었습니다.")), tmp_path)
    told.rest.call("ka00001")
    rows = [(api, status, code, text) for api, _, _, status, code, text in told.calls]
    assert rows == [
        ("ka00001", 0, "", "read timeout"),
        ("ka00001", 429, "5", "x[1700:y]"),
        ("ka00001", 200, "0", "조회가 완료되었습니다."),
    ]
    assert told.calls[0][1] == NOW
    assert told.calls[0][1].tzinfo is KST


def test_no_secret_is_logged_or_shown(tmp_path: Path) -> None:
    told = line(answers(DEAD_TOKEN), tmp_path)
    with pytest.raises(AuthError) as error:
        told.rest.call("ka00001")
    text = repr((told.calls, error.value, told.rest.tokens, told.rest.tokens.keys))
    assert "token-1" not in text and "secret-key" not in text and "app-key" not in text


@pytest.mark.parametrize("address", ["", "broker.test", "ftp://broker.test", "http://"])
def test_an_address_that_is_none_is_a_configuration_error(address: str) -> None:
    with pytest.raises(ConfigError):
        Http(address)


def test_threads_share_one_client(tmp_path: Path) -> None:
    told = line(answers(ok(acctNo="1")), tmp_path, per_second=1_000)
    threads = [
        threading.Thread(target=lambda: [told.rest.call("ka00001") for _ in range(5)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(told.requests), len(told.calls), told.tokens.issued) == (40, 40, 1)


def test_deeply_nested_json_is_no_crash(tmp_path: Path) -> None:
    told = line(answers(httpx.Response(200, content=b'{"a":' + b"[" * 100_000)), tmp_path)
    with pytest.raises(WireError):
        told.rest.call("ka00001")


def test_the_servers_clock_comes_with_a_reply(tmp_path: Path) -> None:
    dated = httpx.Response(200, json={"return_code": 0}, headers={"date": "Mon, 23 Nov 2026"})
    assert line(answers(dated), tmp_path).rest.call("ka00001").date == "Mon, 23 Nov 2026"


def test_a_recorded_reply_passes_through_untouched(tmp_path: Path) -> None:
    told = line(answers(httpx.Response(200, json=recorded("kt00001"))), tmp_path)
    body = told.rest.call("kt00001", {"qry_tp": "3"}).body
    assert Row(body, "kt00001").integer("entr") == 10_000_000


@pytest.mark.parametrize("fresh", [True, False])
def test_a_connection_that_opens_while_all_are_closed_is_closed_too(
    monkeypatch: pytest.MonkeyPatch, fresh: bool
) -> None:
    """A command that has failed ends while its other requests are still under way."""
    dialling, closed = threading.Event(), threading.Event()
    lines: list[transport.HttpLine] = []
    dial = transport.dial

    def late(host: str, port: int, ends: float | None) -> transport.HttpLine:
        dialling.set()
        assert closed.wait(10)
        lines.append(dial(host, port, ends))
        return lines[-1]

    monkeypatch.setattr(transport, "dial", late)
    with serving(answer()) as server:
        http = Http(server.address)
        asking = threading.Thread(target=http.post, args=("/", {}, {}), kwargs={"fresh": fresh})
        asking.start()
        assert dialling.wait(10)
        http.close()
        closed.set()
        asking.join(10)
        (line,) = lines
        assert line.get_extra_info("socket").fileno() == -1


def test_a_call_that_is_cut_off_by_the_end_of_kt_is_not_repeated(tmp_path: Path) -> None:
    """A command that has failed ends while its other queries are still under way."""

    def cut_off(request: httpx.Request) -> httpx.Response:
        told.rest.http.close()
        raise httpx.ReadError("closed")

    told = line(cut_off, tmp_path)
    with pytest.raises(Unreachable, match="the connections are closed"):
        told.rest.call("ka10001", {"stk_cd": "005930"})
    assert len(told.requests) == 1
    ordered = told.rest.send_order("kt10000", {"stk_cd": "005930"})
    assert (ordered.left, len(told.requests)) == (False, 1)

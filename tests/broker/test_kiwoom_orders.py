"""What became of an order: every row of docs/orders.md#outcomes, and its strangers."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from kt.broker.order_gateway import outcome
from kt.broker.rest.client import Http
from kt.broker.rest.send_progress import SendProgress
from kt.errors import AuthError, JournalError, Unreachable
from kt.paths import ProfilePaths
from kt.records import AmendTicket, CancelTicket, OrderTicket, OrderType, OutcomeStatus, Side
from tests.broker.wiring import answers, line, ok, said

ACKED, REJECTED, NOT_PLACED, UNKNOWN = (
    OutcomeStatus.ACKED,
    OutcomeStatus.REJECTED,
    OutcomeStatus.NOT_PLACED,
    OutcomeStatus.UNKNOWN,
)
BUY = OrderTicket(
    side=Side.BUY, stock_code="005930", quantity=3, order_type=OrderType.LIMIT, price=70_000
)
SELL = OrderTicket(
    side=Side.SELL, stock_code="005930", quantity=2, order_type=OrderType.MARKET, price=0
)
TAKEN = ok(ord_no="0121751", dmst_stex_tp="KRX")
LIMIT = said(5, "x[1700:y]", 429)
DEAD_TOKEN = said(3, "인증에 실패했습니다[8005:Token이 유효하지 않습니다]")


@pytest.mark.parametrize(
    ("evidence", "status", "sends"),
    [
        # the request never left
        (httpx.ConnectError("refused"), NOT_PLACED, 1),
        (httpx.ConnectTimeout(""), NOT_PLACED, 1),
        (httpx.PoolTimeout(""), NOT_PLACED, 1),
        # the broker says that it did not take it
        (LIMIT, NOT_PLACED, 1),
        (said(5, "x[1701:y]", 429), NOT_PLACED, 1),
        (said(5, "x[1702:y]", 429), NOT_PLACED, 1),
        (said(5, "허용된 요청 개수를 초과하였습니다", 429), NOT_PLACED, 1),
        (said(5, "x[1700:y]"), NOT_PLACED, 1),
        (said(3, "x[8001:y]"), NOT_PLACED, 1),
        (said(3, "x[8010:y]"), NOT_PLACED, 1),
        (said("3", "x[8050:y]"), NOT_PLACED, 1),
        (DEAD_TOKEN, NOT_PLACED, 2),
        # taken
        (TAKEN, ACKED, 1),
        (httpx.Response(200, json={"ord_no": "00024", "return_code": "0"}), ACKED, 1),
        # refused
        (said(20, "[2000](RC4003:x)"), REJECTED, 1),
        (said("20", "[2000](RC4025:x)"), REJECTED, 1),
        (said(20, "[2000](800033:x)"), REJECTED, 1),
        (said(20, "[2000](571557:x)"), REJECTED, 1),
        (said(20, "[2000](123456:a code nobody has seen)"), REJECTED, 1),
        (said(2, "x[1511:y]"), REJECTED, 1),
        (said(1, "x[1902:y]"), REJECTED, 1),
        # nobody knows
        (httpx.Response(200, json={"ord_no": "0000001"}), UNKNOWN, 1),
        (httpx.Response(200, json={"return_code": 0}), UNKNOWN, 1),
        (httpx.Response(200, json={"return_code": 0, "ord_no": ""}), UNKNOWN, 1),
        (httpx.Response(200, json={"return_code": 0, "ord_no": "0000000"}), UNKNOWN, 1),
        (httpx.Response(200, json={"return_code": 0, "ord_no": "abc"}), UNKNOWN, 1),
        (httpx.Response(200, json={"return_code": "", "ord_no": "0000001"}), UNKNOWN, 1),
        (httpx.Response(200, json={}), UNKNOWN, 1),
        (httpx.Response(200, text=""), UNKNOWN, 1),
        (httpx.Response(200, text="<html>"), UNKNOWN, 1),
        (httpx.Response(200, json=["0121751"]), UNKNOWN, 1),
        (httpx.Response(500, text=""), UNKNOWN, 1),
        (httpx.Response(502, text="<html>"), UNKNOWN, 1),
        (said(20, "[2000](RC4003:x)", 503), UNKNOWN, 1),
        (httpx.Response(503, json={"return_code": 0, "ord_no": "0121751"}), UNKNOWN, 1),
        (httpx.Response(429, text="<html>"), UNKNOWN, 1),
        (httpx.Response(400, text="<html>"), UNKNOWN, 1),
        (httpx.Response(302, text=""), UNKNOWN, 1),
        (httpx.ReadTimeout(""), UNKNOWN, 1),
        (httpx.WriteTimeout(""), UNKNOWN, 1),
        (httpx.ReadError(""), UNKNOWN, 1),
        (httpx.WriteError(""), UNKNOWN, 1),
        (httpx.CloseError(""), UNKNOWN, 1),
        (httpx.RemoteProtocolError("Server disconnected"), UNKNOWN, 1),
        (httpx.DecodingError(""), UNKNOWN, 1),
        (said(1, "x[1999:y]"), UNKNOWN, 1),
        (said(20, "조회할 내역이 없습니다"), UNKNOWN, 1),
        (said(20, "a new form of no"), UNKNOWN, 1),
        (said(1, "x[1599:a new code]"), UNKNOWN, 1),
        (said(99, ""), UNKNOWN, 1),
        (
            httpx.Response(
                200,
                json={"return_code": 20, "ord_no": "0000007", "return_msg": "[2000](RC4003:x)"},
            ),
            UNKNOWN,
            1,
        ),
    ],
)
def test_each_evidence_gives_its_outcome_and_number_of_sends(
    evidence: httpx.Response | Exception, status: OutcomeStatus, sends: int, tmp_path: Path
) -> None:
    told = line(answers(evidence), tmp_path)
    found = told.kiwoom.place(BUY)
    assert found.status is status
    assert len(told.requests) == sends
    assert found.evidence
    assert bool(found.ord_no) == (status is ACKED)


@pytest.mark.parametrize(
    ("answer", "retryable"),
    [(LIMIT, True), (said(5, "x[1700:y]"), True), (said(3, "x[8001:y]"), False)],
)
@pytest.mark.parametrize("send", ["place", "amend", "cancel"])
def test_a_rate_refusal_is_sent_once_and_returned_as_retryable(
    answer: httpx.Response, retryable: bool, send: str, tmp_path: Path
) -> None:
    told = line(answers(answer), tmp_path)
    ticket = {
        "place": BUY,
        "amend": AmendTicket(ord_no="0000001", stock_code="005930", quantity=0, price=70_000),
        "cancel": CancelTicket(ord_no="0000001", stock_code="005930"),
    }[send]
    found = getattr(told.kiwoom, send)(ticket)
    assert (found.status, found.retryable) == (NOT_PLACED, retryable)
    assert len(told.requests) == 1


def test_evidence_code_and_message_are_kept(tmp_path: Path) -> None:
    told = line(answers(said(20, "[2000](RC4025:모의투자 매수증거금이 부족합니다.)")), tmp_path)
    found = told.kiwoom.place(BUY)
    assert (found.code, found.http_status) == ("RC4025", 200)
    assert found.message == "[2000](RC4025:모의투자 매수증거금이 부족합니다.)"
    assert found.evidence == "HTTP 200, return_code 20"
    told = line(answers(httpx.ReadTimeout("timed out")), tmp_path)
    assert told.kiwoom.place(BUY).evidence == "read timeout"
    told = line(answers(ok(ord_no="")), tmp_path)
    assert told.kiwoom.place(BUY).evidence == "HTTP 200, no ord_no"


def test_the_six_fields_of_a_buy_and_a_sale(tmp_path: Path) -> None:
    told = line(answers(TAKEN), tmp_path)
    told.kiwoom.place(BUY)
    told.kiwoom.place(SELL)
    assert [request.headers["api-id"] for request in told.requests] == ["kt10000", "kt10001"]
    assert {request.url.path for request in told.requests} == {"/api/dostk/ordr"}
    assert told.bodies() == [
        {"dmst_stex_tp": "KRX", "stk_cd": "005930", "ord_qty": "3", "ord_uv": "70000",
         "trde_tp": "0", "cond_uv": ""},
        {"dmst_stex_tp": "KRX", "stk_cd": "005930", "ord_qty": "2", "ord_uv": "",
         "trde_tp": "3", "cond_uv": ""},
    ]  # fmt: skip


def test_amend_and_cancel_return_their_own_numbers(tmp_path: Path) -> None:
    amended = ok(ord_no="0000140", base_orig_ord_no="0000139", mdfy_qty="000000000001")
    cancelled = ok(ord_no="0000141", base_orig_ord_no="0000139", cncl_qty="000000000019")
    told = line(answers(amended, cancelled), tmp_path)
    first = told.kiwoom.amend(
        AmendTicket(ord_no="0000139", stock_code="005930", quantity=1, price=70_500)
    )
    second = told.kiwoom.cancel(CancelTicket(ord_no="0000140", stock_code="005930"))
    assert (first.ord_no, first.original_ord_no, first.quantity) == ("0000140", "0000139", 1)
    assert (second.ord_no, second.original_ord_no, second.quantity) == ("0000141", "0000139", 19)
    assert told.bodies() == [
        {"dmst_stex_tp": "KRX", "orig_ord_no": "0000139", "stk_cd": "005930",
         "mdfy_qty": "1", "mdfy_uv": "70500", "mdfy_cond_uv": ""},
        {"dmst_stex_tp": "KRX", "orig_ord_no": "0000140", "stk_cd": "005930", "cncl_qty": "0"},
    ]  # fmt: skip


def test_a_broken_side_field_does_not_hide_that_an_order_stands(tmp_path: Path) -> None:
    odd = ok(ord_no="0000141", base_orig_ord_no="?", cncl_qty="x")
    found = line(answers(odd), tmp_path).kiwoom.cancel(
        CancelTicket(ord_no="0000140", stock_code="005930")
    )
    assert (found.status, found.original_ord_no, found.quantity) == (ACKED, "", 0)


def test_an_order_goes_on_with_a_new_token(tmp_path: Path) -> None:
    told = line(answers(DEAD_TOKEN, TAKEN), tmp_path)
    assert told.kiwoom.place(BUY).status is ACKED
    assert [request.headers["authorization"] for request in told.requests] == [
        "Bearer token-1",
        "Bearer token-2",
    ]


def test_after_a_timeout_nothing_more_is_sent(tmp_path: Path) -> None:
    told = line(answers(httpx.ReadTimeout(""), TAKEN), tmp_path)
    assert told.kiwoom.place(BUY).status is UNKNOWN
    assert len(told.requests) == 1


@pytest.mark.parametrize(
    "error", [AuthError("wrong key", code="8001"), Unreachable("no route", code="")]
)
def test_without_a_token_nothing_is_sent(error: Exception, tmp_path: Path) -> None:
    told = line(answers(TAKEN), tmp_path)
    told.tokens.error = error
    found = told.kiwoom.place(BUY)
    assert (found.status, told.requests) == (NOT_PLACED, [])
    assert found.code == getattr(error, "code", "")
    assert "not sent" in found.evidence


def test_without_a_state_folder_nothing_is_sent(tmp_path: Path) -> None:
    told = line(answers(TAKEN), tmp_path)
    told.rest.tokens.token()
    told.rest.pacer.paths = ProfilePaths(tmp_path / "file")
    (tmp_path / "file").write_text("in the way")
    assert told.kiwoom.place(BUY).status is NOT_PLACED
    assert told.requests == []


@pytest.mark.parametrize("answer", [TAKEN, httpx.ReadTimeout(""), httpx.Response(503, text="")])
def test_a_journal_that_fails_after_the_send_changes_no_outcome(
    answer: httpx.Response | Exception, tmp_path: Path
) -> None:
    """Otherwise an order that stands would be taken for one that never left."""
    expected = line(answers(answer), tmp_path / "well").kiwoom.place(BUY)
    told = line(answers(answer), tmp_path / "ill")

    def broken(*_: object) -> None:
        raise JournalError("disk full")

    told.rest.on_call = broken
    found = told.kiwoom.place(BUY)
    assert found == expected
    assert found.status is not NOT_PLACED
    assert len(told.requests) == 1


def test_a_budget_file_that_breaks_after_the_send_changes_no_outcome(tmp_path: Path) -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        (tmp_path / "file").write_text("in the way")
        told.rest.pacer.paths = ProfilePaths(tmp_path / "file")
        return httpx.Response(429, text="<html>")

    told = line(handler, tmp_path)
    assert told.kiwoom.place(BUY).status is UNKNOWN


@contextmanager
def a_server_that(*answers: bytes | None) -> Iterator[str]:
    """A real one on loopback: for each connection, read the request, say this, and hang up.

    None = hang up without having read anything.
    """
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for answer in answers:
            connection, _ = listener.accept()
            with connection:
                if answer is None:
                    continue
                read = b""
                while b"}" not in read:
                    read += connection.recv(65536)
                connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()
        thread.join(5)


def reply(body: str) -> bytes:
    data = body.encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (reply(json.dumps({"return_code": 0, "ord_no": "0000001"})), ACKED),
        (reply(""), UNKNOWN),
        (b"", UNKNOWN),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", UNKNOWN),
        (b"nonsense\r\n\r\n", UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_over_a_real_socket(answer: bytes | None, status: OutcomeStatus) -> None:
    with a_server_that(answer) as address:
        http = Http(address)
        found = outcome(http.post("/api/dostk/ordr", {}, {"stk_cd": "005930"}, fresh=True))
        http.close()
    assert found.status is status


def test_a_refused_connection_is_not_placed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    http = Http(f"http://127.0.0.1:{port}")
    found = outcome(http.post("/api/dostk/ordr", {}, {}, fresh=True))
    http.close()
    assert found.status is NOT_PLACED


def test_an_order_never_rides_on_an_old_connection() -> None:
    """Each order opens its own: one that died while idle would make its outcome unknown."""
    taken = reply(json.dumps({"return_code": 0, "ord_no": "0000001"}))
    with a_server_that(taken, taken) as address:
        http = Http(address)
        found = [outcome(http.post("/api/dostk/ordr", {}, {}, fresh=True)) for _ in range(2)]
        http.close()
    assert [one.status for one in found] == [ACKED, ACKED]


def test_the_moment_a_request_was_written_is_recorded() -> None:
    """The budget's window runs from it; it comes before the answer and not without a connection."""
    taken = reply(json.dumps({"return_code": 0, "ord_no": "0000001"}))
    progress = SendProgress(clock=lambda: 7.0)
    with a_server_that(taken) as address:
        http = Http(address)
        answer = http.post("/", {}, {"a": "b"}, progress=progress)
        http.close()
    assert (answer.http_status, progress.written, progress.left) == (200, 7.0, True)
    http = Http(address)
    assert http.post("/", {}, {}, progress=progress).left is False
    http.close()
    assert (progress.written, progress.left) == (None, False)

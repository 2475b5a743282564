"""Every fault, seen by a client: what it gets, and whether the exchange took its order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import websocket

from kt.errors import UsageError
from kt.sim.control import HEADER
from tests.serving import Served, serve
from tests.sim.wireclient import STOCK, WireClient, client, frames


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    with serve(speed=10, cash=1_000_000_000) as found:
        yield found


@pytest.fixture
def served(running: Served) -> Iterator[Served]:
    yield running
    running.set_faults([])


def buy(wire: WireClient, quantity: int = 1) -> httpx.Response:
    return wire.order("kt10000", ord_qty=str(quantity), trde_tp="3")


def taken(served: Served, wire: WireClient) -> int:
    """How many orders of the account the exchange holds, listed or not."""
    ledger = served.exchange.caught_up()
    return sum(order.account == wire.app_key for order in ledger.orders.values())


@pytest.mark.parametrize(("when", "orders"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("status", [500, 503])
def test_server_errors(
    served: Served, wire: WireClient, when: str, orders: int, status: int
) -> None:
    served.set_faults([{"api": "kt10000", "action": "status", "status": status, "when": when}])
    answer = buy(wire)
    assert (answer.status_code, "html" in answer.headers["content-type"]) == (status, True)
    assert taken(served, wire) == orders
    assert buy(wire).json()["return_code"] == 0


@pytest.mark.parametrize(("when", "orders"), [("before", 0), ("after", 1)])
def test_cut_connections(served: Served, wire: WireClient, when: str, orders: int) -> None:
    served.set_faults([{"api": "kt10000", "action": "cut", "when": when}])
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        buy(wire)
    assert taken(served, wire) == orders
    assert buy(wire).json()["return_code"] == 0


@pytest.mark.parametrize(("when", "orders"), [("before", 0), ("after", 1)])
def test_hanging(served: Served, wire: WireClient, when: str, orders: int) -> None:
    served.set_faults([{"api": "kt10000", "action": "hang", "when": when}])
    wire.http.timeout = httpx.Timeout(0.3)
    with pytest.raises(httpx.ReadTimeout):
        buy(wire)
    assert taken(served, wire) == orders
    assert wire.call("kt00001").json()["return_code"] == 0


@pytest.mark.parametrize("action", ["empty", "not_json"])
def test_bodies_that_say_nothing(served: Served, wire: WireClient, action: str) -> None:
    served.set_faults([{"api": "orders", "action": action}])
    answer = buy(wire)
    assert answer.status_code == 200
    assert answer.content == b"" if action == "empty" else b"<html>" in answer.content
    assert taken(served, wire) == 1


@pytest.mark.parametrize(
    ("action", "gone"),
    [("no_order_number", {"ord_no"}), ("no_return_code", {"return_code", "return_msg"})],
)
def test_bodies_with_a_part_missing(
    served: Served, wire: WireClient, action: str, gone: set[str]
) -> None:
    whole = set(buy(wire).json())
    served.set_faults([{"api": "kt10000", "action": action}])
    assert set(buy(wire).json()) == whole - gone
    assert taken(served, wire) == 2


def test_429_means_not_taken(served: Served, wire: WireClient) -> None:
    served.set_faults([{"api": "kt10000", "action": "rate"}])
    answer = buy(wire)
    assert (answer.status_code, answer.json()["return_code"]) == (429, 5)
    assert "[1700:" in answer.json()["return_msg"]
    assert taken(served, wire) == 0


def test_a_token_dies_and_the_next_one_lives(served: Served, wire: WireClient) -> None:
    served.set_faults([{"api": "kt10000", "action": "token_dead"}])
    answer = buy(wire)
    assert (answer.status_code, answer.json()["return_code"]) == (200, 3)
    assert "[8005:" in answer.json()["return_msg"]
    assert "[8005:" in wire.call("kt00001").json()["return_msg"]
    assert taken(served, wire) == 0
    old = wire.token
    assert wire.login().token != old
    assert buy(wire).json()["return_code"] == 0


def test_a_reissue_may_kill_the_valid_token(served: Served, wire: WireClient) -> None:
    served.set_faults([{"api": "token", "action": "renew", "count": 0}])
    old = wire.token
    assert wire.issue().json()["token"] != old
    assert "[8005:" in wire.call("kt00001").json()["return_msg"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_delays(served: Served, wire: WireClient, when: str) -> None:
    served.set_faults([{"api": "kt00001", "action": "delay", "seconds": 0.2, "when": when}])
    began = time.monotonic()
    assert wire.call("kt00001").json()["return_code"] == 0
    assert time.monotonic() - began >= 0.2


def test_a_slow_call_delays_no_other(served: Served, wire: WireClient) -> None:
    served.set_faults([{"api": "kt10000", "action": "hang"}])
    wire.http.timeout = httpx.Timeout(2.0)
    with client(served.base_url, "somebody") as other, ThreadPoolExecutor() as pool:
        hanging = pool.submit(buy, wire)
        for api_id in ("kt00001", "ka10085", "kt00018"):
            assert other.call(api_id).json()["return_code"] == 0
        assert not hanging.done()
        with pytest.raises(httpx.ReadTimeout):
            hanging.result()


def test_lists_may_be_late(served: Served, wire: WireClient) -> None:
    served.set_faults([{"api": "lists", "action": "late", "seconds": 10, "count": 0}])
    placed = served.clock.now()
    buy(wire)
    assert wire.call("kt00007").json()["acnt_ord_cntr_prps_dtl"] == []
    while not wire.call("ka10076").json()["cntr"]:
        assert (served.clock.now() - placed).total_seconds() < 60
    assert (served.clock.now() - placed).total_seconds() >= 10
    assert served.exchange.listing_delay < 2


def test_every_nth_call(served: Served, wire: WireClient) -> None:
    served.set_faults([{"api": "kt00001", "action": "status", "nth": 3}])
    assert [wire.call("kt00001").status_code for _ in range(4)] == [200, 200, 503, 200]


# --- the stream ------------------------------------------------------------------------------


def order_frames(served: Served, wire: WireClient, rules: list[dict[str, Any]]) -> list[str]:
    """The states of one order's frames, under these faults."""
    with frames(served.ws_url, wire.token) as stream:
        stream.register([""], ["00"])
        served.set_faults(rules)
        buy(wire)
        found = stream.quiet(0.4)
    return [row["values"]["913"] for frame in found if frame["trnm"] == "REAL"
            for row in frame["data"]]  # fmt: skip


def test_frames_are_dropped_doubled_and_delayed(served: Served, wire: WireClient) -> None:
    assert order_frames(served, wire, []) == ["접수", "체결"]
    drop = {"stream": "00", "action": "drop", "nth": 2}
    assert order_frames(served, wire, [drop]) == ["접수"]
    double = {"stream": "00", "action": "duplicate", "nth": 2}
    assert order_frames(served, wire, [double]) == ["접수", "체결", "체결"]
    delay = {"stream": "00", "action": "delay", "seconds": 0.15}
    assert order_frames(served, wire, [delay]) == ["체결", "접수"]
    other = {"stream": "0B", "action": "drop", "count": 0}
    assert order_frames(served, wire, [other]) == ["접수", "체결"]


@pytest.mark.parametrize(("when", "seen"), [("before", 1), ("after", 2)])
def test_the_stream_is_cut_at_a_frame(
    served: Served, wire: WireClient, when: str, seen: int
) -> None:
    served.set_faults([{"stream": "00", "action": "cut", "nth": 2, "when": when}])
    with frames(served.ws_url, wire.token) as stream:
        stream.register([""], ["00"])
        buy(wire)
        found = 0
        with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionError)):
            while True:
                found += stream.next()["trnm"] == "REAL"
        assert found == seen
    with frames(served.ws_url, wire.token) as again:
        assert again.register([""], ["00"])["return_code"] == 0


def test_market_frames_too(served: Served, wire: WireClient) -> None:
    served.set_faults([{"stream": "0D", "action": "drop", "count": 0}])
    with frames(served.ws_url, wire.token) as stream:
        stream.register([STOCK], ["0B", "0D"])
        assert stream.rows("0B", 3)
        assert all(
            row["type"] == "0B"
            for frame in stream.quiet(0.3)
            if frame["trnm"] == "REAL"
            for row in frame["data"]
        )


# --- set at run time -----------------------------------------------------------------------------


def test_faults_are_set_shown_and_cleared_over_http(served: Served, wire: WireClient) -> None:
    served.control.set_faults([{"api": "kt00001", "action": "status", "status": 502}])
    assert wire.call("kt00001").status_code == 502
    shown = served.control.faults()
    assert [(rule["action"], rule["acted"]) for rule in shown] == [("status", 1)]
    key = {HEADER: served.context.control_key}
    assert wire.http.delete("/kt/faults", headers=key).json() == {"rules": []}
    with pytest.raises(UsageError, match="did you mean `action`"):
        served.control.set_faults([{"api": "*", "acton": "cut"}])
    key["content-type"] = "application/json"
    assert wire.http.post("/kt/faults", headers=key, content=b"{").status_code == 400


# --- answers that no honest server gives -----------------------------------------------------


def rows(wire: WireClient) -> Any:
    return wire.call("kt00018").json()["acnt_evlt_remn_indv_tot"]


def test_an_answer_may_drip(served: Served, wire: WireClient) -> None:
    served.set_faults([{"api": "kt10000", "action": "drip", "seconds": 0.005}])
    began = time.monotonic()
    answer = buy(wire)
    assert answer.json()["return_code"] == 0
    assert time.monotonic() - began > 0.005 * (len(answer.content) - 1)
    served.set_faults([{"api": "kt10000", "action": "drip", "seconds": 0.001, "when": "before"}])
    assert "ord_no" not in buy(wire).json()
    assert taken(served, wire) == 1


def test_an_answer_may_have_no_end(served: Served, wire: WireClient) -> None:
    served.set_faults([{"api": "kt10000", "action": "endless"}])
    size = 0
    body = {"dmst_stex_tp": "KRX", "stk_cd": STOCK, "ord_uv": "", "cond_uv": "", "ord_qty": "1",
            "trde_tp": "3"}  # fmt: skip
    headers = {"api-id": "kt10000", "authorization": f"Bearer {wire.token}"}
    with wire.http.stream("POST", "/api/dostk/ordr", json=body, headers=headers) as answer:
        for part in answer.iter_bytes():
            assert size or part.startswith(b'{"ord_no"')
            size += len(part)
            if size > 20_000_000:
                break
    assert taken(served, wire) == 1
    assert wire.call("kt00001").json()["return_code"] == 0


def test_an_answer_may_be_a_bomb(served: Served, wire: WireClient) -> None:
    served.set_faults([{"api": "kt00001", "action": "bomb", "megabytes": 20}])
    answer = wire.call("kt00001")
    assert int(answer.headers["content-length"]) < 100_000
    assert len(answer.content) > 20_000_000
    assert answer.json()["return_code"] == 0


@pytest.mark.parametrize(("when", "orders"), [("before", 0), ("after", 1)])
def test_an_answer_may_point_elsewhere(
    served: Served, wire: WireClient, when: str, orders: int
) -> None:
    location = "http://127.0.0.1:9/elsewhere"
    rule = {"api": "kt10000", "action": "redirect", "location": location, "when": when}
    served.set_faults([rule, {**rule, "status": 307, "nth": 2}])
    answer = buy(wire)
    assert (answer.status_code, answer.headers["location"]) == (302, location)
    assert buy(wire).status_code == 307
    assert taken(served, wire) == 2 * orders


def test_or_nowhere(served: Served, wire: WireClient) -> None:
    served.set_faults([{"api": "orders", "action": "redirect", "location": "javascript:alert(1)"}])
    with pytest.raises((httpx.InvalidURL, httpx.RemoteProtocolError)):
        buy(wire)
    assert taken(served, wire) == 1


def test_an_answer_may_come_after_another(served: Served, wire: WireClient) -> None:
    served.set_faults([{"api": "kt10000", "action": "informational"}])
    assert buy(wire).json()["return_code"] == 0


def test_an_answer_may_be_named_something_else(served: Served, wire: WireClient) -> None:
    served.set_faults([{"api": "kt10000", "action": "oddtype"}])
    answer = buy(wire)
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.json()["return_code"] == 0


def test_an_answer_may_be_deep(served: Served, wire: WireClient) -> None:
    served.set_faults([{"api": "kt10000", "action": "deep", "depth": 50_000}])
    answer = buy(wire)
    assert b'"ord_no"' in answer.content and answer.content.count(b"[") == 50_000
    with pytest.raises(RecursionError):
        answer.json()


@pytest.mark.parametrize(
    ("action", "found"), [("nothing", []), ("null", None), ("blank", ""), ("doubled", 2)]
)
def test_a_list_may_lie(served: Served, wire: WireClient, action: str, found: object) -> None:
    buy(wire, 3)
    assert len(rows(wire)) == 1
    served.set_faults([{"api": "kt00018", "action": action, "count": 2}])
    body = wire.call("kt00018").json()
    assert int(body["tot_pur_amt"]) > 0, "the totals say otherwise"
    lying = rows(wire)
    assert lying == ([lying[0]] * 2 if found == 2 else found)
    assert len(rows(wire)) == 1


def test_a_stock_and_a_side_may_be_refused(served: Served, wire: WireClient) -> None:
    buy(wire, 3)
    served.set_faults([{"api": "orders", "action": "refuse", "stock": STOCK, "side": "sell"}])
    refused = wire.order("kt10001", ord_qty="1", trde_tp="3")
    assert refused.status_code == 200
    assert refused.json() == {
        "return_code": 20,
        "return_msg": "[2000](571476:거래정지 종목입니다.)",
    }
    assert wire.order("kt10001", ord_qty="1", trde_tp="3").json()["return_code"] == 0
    served.set_faults([{"api": "orders", "action": "refuse", "stock": [STOCK], "count": 0}])
    other = {"stk_cd": "000660", "ord_qty": "1", "trde_tp": "3"}
    assert wire.order("kt10000", **other).json()["return_code"] == 0
    for _ in range(3):
        assert buy(wire).json()["return_code"] == 20
    served.set_faults([])
    assert buy(wire).json()["return_code"] == 0


def test_an_account_may_be_refused(served: Served, wire: WireClient) -> None:
    rule = {"api": "orders", "action": "refuse", "code": "RC4025", "count": 0}
    served.set_faults([rule])
    assert buy(wire).json()["return_msg"] == "[2000](RC4025:모의투자 매수증거금이 부족합니다.)"
    served.set_faults([{**rule, "code": "X1", "message": "no"}])
    assert buy(wire).json()["return_msg"] == "[2000](X1:no)"
    assert taken(served, wire) == 0


def test_any_fault_may_be_one_stocks(served: Served, wire: WireClient) -> None:
    served.set_faults([{"api": "*", "action": "status", "stock": "000660", "count": 0}])
    assert wire.call("ka10001").status_code == 200
    assert wire.call("ka10001", {"stk_cd": "A000660"}).status_code == 503
    assert wire.call("kt00001").status_code == 200


def test_a_frame_may_be_big(served: Served, wire: WireClient) -> None:
    served.set_faults([{"stream": "00", "action": "big", "megabytes": 3}])
    with frames(served.ws_url, wire.token) as stream:
        stream.register([""], ["00"])
        buy(wire)
        text = stream.socket.recv()
        assert len(str(text).encode()) == 3 << 20
        assert '"trnm":"REAL"' in text
        assert stream.rows("00")[0]["values"]["913"] == "체결"


def test_a_client_that_leaves_during_a_big_frame_is_disconnected(
    served: Served, wire: WireClient
) -> None:
    served.set_faults([{"stream": "00", "action": "big", "megabytes": 5_000}])
    with frames(served.ws_url, wire.token) as stream:
        stream.register([""], ["00"])
        buy(wire)
    with frames(served.ws_url, wire.token) as again:
        assert again.register([""], ["00"])["return_code"] == 0
    assert buy(wire).json()["return_code"] == 0


def test_a_frame_may_be_deep(served: Served, wire: WireClient) -> None:
    served.set_faults([{"stream": "00", "action": "deep", "depth": 20_000}])
    with frames(served.ws_url, wire.token) as stream:
        stream.register([""], ["00"])
        buy(wire)
        text = stream.socket.recv()
        assert text.count("[") == 20_001
        assert stream.rows("00")[0]["values"]["913"] == "체결"


def connect(served: Served, timeout: float = 5) -> None:
    websocket.create_connection(served.ws_url, timeout=timeout, redirect_limit=0).shutdown()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("rule", "error", "words"),
    [
        ({"action": "redirect", "location": "ws://127.0.0.1:9/"},
         websocket.WebSocketException, "Redirect limit"),
        ({"action": "status", "status": 500}, websocket.WebSocketBadStatusException, "500"),
        ({"action": "hang"}, websocket.WebSocketTimeoutException, "timed out"),
        ({"action": "cut"}, (OSError, websocket.WebSocketException), "."),
    ],
)  # fmt: skip
def test_the_handshake_may_fail(
    served: Served, rule: dict[str, Any], error: Any, words: str
) -> None:
    served.set_faults([{"stream": "handshake", **rule}, {"stream": "*", "action": "drop"}])
    with pytest.raises(error, match=words):
        connect(served, 0.3)
    connect(served)
    assert [shown["acted"] for shown in served.context.faults.report()] == [1, 0]

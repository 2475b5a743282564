"""The WebSocket's rules: LOGIN first, registrations, PING, one session for each app key."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket

from kt.sim.server.websocket_session import MARKET_FRAMES, WebSocketSession
from tests.serving import Served, serve
from tests.sim.wireclient import STOCK, Frames, WireClient, client, frames

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "kiwoom" / "api"
RECORDED = Path(__file__).resolve().parents[1] / "data" / "wire"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(speed=40, ping_seconds=0.1, cash=1_000_000_000) as found:
        yield found


@pytest.fixture
def stream(served: Served, wire: WireClient) -> Iterator[Frames]:
    with frames(served.ws_url, wire.token) as found:
        yield found


def documented_fids(kind: str) -> set[str]:
    path = REFERENCE / f"realtime_{kind}.json"
    if not path.exists():
        pytest.skip("the broker's reference is not beside this checkout")
    fields = json.loads(path.read_text(encoding="utf-8"))["response"]
    return {field["name"] for field in fields if field.get("depth") == 2}


def test_nothing_is_sent_before_the_login_answer(served: Served, wire: WireClient) -> None:
    with frames(served.ws_url) as early:
        assert early.quiet(0.3) == []
        assert early.pings == 0
        assert early.login(wire.token) == {
            "trnm": "LOGIN", "return_code": 0, "return_msg": "", "sor_yn": "Y"
        }  # fmt: skip


def test_a_bad_token_is_answered_and_the_connection_closed(served: Served) -> None:
    with frames(served.ws_url) as stream:
        assert stream.login("nonsense") == {
            "trnm": "LOGIN",
            "return_code": 805004,
            "return_msg": "토큰 인증에 실패했습니다. 접속을 종료합니다"
            " [CODE=8005, MESSAGE=Token이 유효하지 않습니다]",
        }
        with pytest.raises(websocket.WebSocketConnectionClosedException):
            stream.next()
    with frames(served.ws_url) as stream:
        stream.send({"trnm": "LOGIN"})
        assert stream.answer("LOGIN")["return_code"] == 805002
        with pytest.raises(websocket.WebSocketConnectionClosedException):
            stream.next()


def test_registering_before_login_is_ignored(served: Served, wire: WireClient) -> None:
    with frames(served.ws_url) as stream:
        answer = stream.register([STOCK], ["0B"])
        assert answer["return_code"] == 100013
        assert answer["return_msg"].endswith("(TRNM=REG)")
        assert stream.login(wire.token)["return_code"] == 0


@pytest.mark.parametrize("items", [[], [""]])
def test_account_types_take_no_item(
    served: Served, wire: WireClient, stream: Frames, items: list[str]
) -> None:
    assert stream.register(items, ["00", "04"]) == {
        "trnm": "REG", "return_code": 0, "return_msg": ""
    }  # fmt: skip
    number = wire.order("kt10000", ord_qty="3", trde_tp="3").json()["ord_no"]
    taken, filled = stream.rows("00", 2)[:2]
    assert taken["values"]["9203"] == number
    assert taken["values"]["913"] == "접수"
    assert filled["values"]["913"] == "체결"


def test_a_fill_is_on_the_stream_before_it_is_in_the_lists(
    served: Served, wire: WireClient, stream: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served.exchange, "listing_delay", 60.0)
    stream.register([""], ["00"])
    wire.order("kt10000", ord_qty="3", trde_tp="3")
    rows = stream.rows("00", 2)
    assert wire.call("ka10076").json()["cntr"] == []
    assert rows[1]["values"]["913"] == "체결"


def test_order_rows_have_every_field_and_add_up(wire: WireClient, stream: Frames) -> None:
    fids = documented_fids("00")
    stream.register([""], ["00", "04"])
    number = wire.order("kt10000", ord_qty="2000", trde_tp="3").json()["ord_no"]
    seen: list[dict[str, str]] = []
    while not seen or seen[-1]["902"] != "0":
        row = stream.rows("00")[0]
        assert (row["item"], row["name"], set(row["values"])) == ("", "주문체결", fids)
        seen.append(row["values"])
    assert {values["9203"] for values in seen} == {number}
    assert {values["9001"] for values in seen} == {f"A{STOCK}"}
    assert {values["905"] for values in seen} == {"+매수"}
    assert {values["919"] for values in seen} == {"0"}
    fills = [values for values in seen if values["913"] == "체결"]
    assert len(fills) > 1
    done = value = 0
    for fill in fills:
        done += int(fill["915"])
        value += int(fill["914"]) * int(fill["915"])
        assert (int(fill["911"]), int(fill["902"])) == (done, 2000 - done)
        assert int(fill["903"]) == value
    assert len({fill["909"] for fill in fills}) == len(fills)


def test_balance_rows_have_every_field(wire: WireClient, stream: Frames) -> None:
    fids = documented_fids("04")
    stream.register([""], ["04"])
    wire.order("kt10000", ord_qty="3", trde_tp="3")
    row = stream.rows("04", 1)[-1]
    assert (row["item"], row["name"], set(row["values"])) == (STOCK, "현물잔고", fids)
    assert row["values"]["9001"] == f"A{STOCK}"


@pytest.mark.parametrize(("kind", "name"), [("0B", "주식체결"), ("0D", "주식호가잔량")])
def test_market_rows_have_every_field(stream: Frames, kind: str, name: str) -> None:
    fids = documented_fids(kind)
    assert stream.register([STOCK], [kind])["return_code"] == 0
    row = stream.rows(kind)[0]
    assert (row["item"], row["name"]) == (STOCK, name)
    assert set(row["values"]) == fids
    assert all(isinstance(value, str) for value in row["values"].values())


def test_trades_carry_their_signs(stream: Frames, wire: WireClient) -> None:
    base = int(wire.call("ka10001").json()["base_pric"])
    stream.register([STOCK], ["0B"])
    sides = set()
    for row in stream.rows("0B", 30):
        values = row["values"]
        last = abs(int(values["10"]))
        assert values["10"] == (f"+{last}" if last > base else f"-{last}" if last < base
                                else str(last))  # fmt: skip
        assert int(values["11"]) == last - base
        bought = values["15"].startswith("+")
        assert values["1315" if bought else "1316"] == " 0"
        assert values["1316" if bought else "1315"] == values["15"]
        sides.add(values["15"][0])
    assert sides == {"+", "-"}


def test_the_item_is_the_one_that_was_registered(stream: Frames) -> None:
    stream.register([f"{STOCK}_AL"], ["0B"])
    assert stream.rows("0B")[0]["item"] == f"{STOCK}_AL"


def hurry(served: Served, speed: float) -> None:
    """From now on the exchange's clock runs that fast: what must be ready first, is."""
    clock = served.clock
    clock.anchor, clock.anchor_real = clock.now(), time.time()
    clock.speed = speed


def test_the_session_phase_is_a_row_for_the_whole_market() -> None:
    fids = documented_fids("0s")
    with (
        serve(speed=1, open_at="08:58") as served,
        client(served.base_url) as wire,
        frames(served.ws_url, wire.token) as stream,
    ):
        stream.register([""], ["0s"])
        hurry(served, 240)
        rows = stream.rows("0s", 2)
        assert {row["item"] for row in rows} == {""}
        assert set(rows[0]["values"]) == fids
        assert [row["values"]["215"] for row in rows] == ["0", "3"]
        assert rows[0]["values"]["214"] == "000100"


@pytest.mark.parametrize("item", ["", STOCK])
def test_every_phase_of_the_day_arrives(item: str) -> None:
    """Whatever item it was registered under: the phases are of no stock."""
    with (
        serve(speed=1, open_at="15:18") as served,
        client(served.base_url) as wire,
        frames(served.ws_url, wire.token) as stream,
    ):
        stream.register([item], ["0s"])
        hurry(served, 600)
        phases = [row["values"]["215"] for row in stream.rows("0s", 12)]
    assert phases == ["2"] * 10 + ["4", "8"]


def test_expected_prices_come_in_an_auction_alone(served: Served) -> None:
    with (
        serve(speed=20, open_at="08:50") as early,
        client(early.base_url) as wire,
        frames(early.ws_url, wire.token) as stream,
    ):
        stream.register([STOCK], ["0H"])
        row = stream.rows("0H")[0]
        assert set(row["values"]) == {"20", "10", "11", "12", "15", "13", "25"}
        assert int(row["values"]["10"]) != 0


@pytest.mark.parametrize(
    ("items", "types"),
    [("KRX:005930", "0B"), ([STOCK], "0B"), (STOCK, ["0B"]), ([STOCK], ["ZZ"]), ([1], ["0B"])],
)
def test_item_and_type_must_be_arrays_of_known_things(
    stream: Frames, items: Any, types: Any
) -> None:
    assert stream.register(items, types) == {
        "trnm": "REG", "return_code": 105111, "return_msg": "실시간 항목 등록에 실패했습니다"
    }  # fmt: skip


def test_a_group_holds_100_items(stream: Frames) -> None:
    codes = [f"{number:06d}" for number in range(101)]
    assert stream.register(codes[:100], ["0B"])["return_code"] == 0
    assert stream.register(codes[100:], ["0B"])["return_code"] == 105111
    assert stream.register(codes[100:], ["0B"], group="2")["return_code"] == 0
    assert stream.register(codes[:100], ["0D"])["return_code"] == 0
    assert stream.register(codes, ["0B"], group="3")["return_code"] == 105111


def test_refresh_keeps_or_replaces_the_group(served: Served, stream: Frames) -> None:
    session = next(iter(served.context.fan_out._sessions.values()))
    stream.register([STOCK], ["0B"])
    stream.register(["000660"], ["0B"], refresh="1")
    assert session.codes() == {STOCK, "000660"}
    stream.register(["035420"], ["0B"], refresh="0")
    assert session.codes() == {"035420"}
    stream.register(["000660"], ["0D"], group="2", refresh="0")
    assert session.codes() == {"035420", "000660"}


def test_remove_takes_items_or_the_whole_group(served: Served, stream: Frames) -> None:
    session = next(iter(served.context.fan_out._sessions.values()))
    stream.register([STOCK, "000660"], ["0B", "0D"])
    gone = [{"item": [STOCK], "type": ["0B", "0D"]}]
    stream.send({"trnm": "REMOVE", "grp_no": "1", "data": gone})
    assert stream.answer("REMOVE") == {"trnm": "REMOVE", "return_code": 0, "return_msg": ""}
    assert session.codes() == {"000660"}
    stream.send({"trnm": "REMOVE", "grp_no": "1", "refresh": "1", "data": []})
    assert stream.answer("REMOVE")["return_code"] == 0
    assert session.codes() == set()


def test_other_types_are_taken_in_silence(stream: Frames) -> None:
    for kind in ("1h", "0w", "0H"):
        assert stream.register([""], [kind])["return_code"] == 0


def test_unknown_services_are_named(stream: Frames) -> None:
    stream.send({"trnm": "NONSENSE"})
    assert stream.answer("NONSENSE")["return_code"] == 105108
    stream.send({"service": "REG"})
    assert stream.answer("")["return_code"] == 100002
    stream.socket.send("not json")
    stream.socket.send("[1]")
    stream.socket.send("[" * 60_000)
    stream.send({"trnm": "REG", "grp_no": "1", "data": "x"})
    assert stream.answer("REG")["return_code"] == 105111


def test_ping_is_answered_or_the_session_ends(served: Served, wire: WireClient) -> None:
    with frames(served.ws_url, wire.token) as good:
        while good.pings < 6:
            good.quiet(0.1)
        assert good.register([STOCK], ["0B"])["return_code"] == 0
    with frames(served.ws_url, wire.token, mute=True) as mute:
        began = time.monotonic()
        said = mute.next()
        assert (said["trnm"], said["code"]) == ("SYSTEM", "R10002")
        with pytest.raises(websocket.WebSocketConnectionClosedException):
            mute.next()
        assert mute.pings == 5
        assert time.monotonic() - began >= 0.5


def test_a_second_login_ends_the_first_session(served: Served, wire: WireClient) -> None:
    with frames(served.ws_url, wire.token) as first:
        first.register([""], ["00"])
        with frames(served.ws_url, wire.token) as second:
            assert first.answer("SYSTEM") == {
                "trnm": "SYSTEM",
                "code": "R10001",
                "message": "동일한 App key로 접속이 되었습니다. 기존 세션은 종료가 됩니다",
            }
            with pytest.raises(websocket.WebSocketConnectionClosedException):
                first.next()
            second.register([""], ["00"])
            wire.order("kt10000", ord_qty="1", trde_tp="3")
            assert second.rows("00")[0]["values"]["913"] == "접수"


def test_stocks_of_ended_sessions_are_no_longer_watched(served: Served, wire: WireClient) -> None:
    with frames(served.ws_url, wire.token) as stream:
        stream.register([STOCK], ["0B"])
        assert served.context.fan_out.watched() == {STOCK}
        assert served.exchange._ticker.codes == {STOCK}
    end = time.monotonic() + 5
    while served.exchange._ticker.codes and time.monotonic() < end:
        time.sleep(0.01)
    assert not served.exchange._ticker.codes
    assert len(served.context.fan_out) == 0


def test_accounts_hear_of_their_own_orders_alone(served: Served, wire: WireClient) -> None:
    with (
        client(served.base_url, "somebody-else") as other,
        frames(served.ws_url, wire.token) as mine,
        frames(served.ws_url, other.token) as theirs,
    ):
        mine.register([""], ["00"])
        theirs.register([""], ["00"])
        wire.order("kt10000", ord_qty="1", trde_tp="3")
        assert mine.rows("00")
        assert [frame for frame in theirs.quiet(0.4) if frame["trnm"] == "REAL"] == []


def test_a_full_queue_drops_the_oldest_prices_and_never_an_order() -> None:
    async def fill() -> list[str]:
        session = WebSocketSession(None, None)  # type: ignore[arg-type]
        for number in range(3_000):
            session.send_rows("0B", "", [str(number).encode()])
            if number % 100 == 0:
                session.send_rows("00", "buy", [f'"order {number}"'.encode()])
        return [frame.text for frame in session._queue]

    texts = asyncio.run(fill())
    orders = [text for text in texts if "order" in text]
    assert len(orders) == 30
    assert len(texts) - len(orders) == MARKET_FRAMES
    assert "[2999]" in texts[-1] and "[999]" not in " ".join(texts)


def test_a_reader_that_stops_does_not_stop_the_others(served: Served) -> None:
    codes = [stock.stock_code for stock in served.exchange.market.instruments()][:100]
    with client(served.base_url, "slow") as slow, client(served.base_url, "fast") as fast:
        stuck = websocket.create_connection(served.ws_url, timeout=10)
        stuck.send(json.dumps({"trnm": "LOGIN", "token": slow.token}))
        data = [{"item": codes, "type": ["0B", "0D"]}, {"item": [""], "type": ["00"]}]
        stuck.send(json.dumps({"trnm": "REG", "grp_no": "1", "refresh": "1", "data": data}))
        with frames(served.ws_url, fast.token) as reader:
            reader.register(codes[:10], ["0B"])
            for _ in range(10):
                reader.rows("0B", 5)
        stuck.shutdown()  # type: ignore[no-untyped-call]

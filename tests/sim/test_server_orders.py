"""An order's life over the wire: numbers that chain, refusals, lists, holdings, money."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.serving import Served, serve
from tests.sim.wireclient import STOCK, WireClient, client


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(cash=100_000_000, speed=10) as found:
        yield found


def limits(wire: WireClient) -> tuple[int, int, int]:
    """Base price, upper and lower limit."""
    body = wire.call("ka10001").json()
    return tuple(abs(int(body[name])) for name in ("base_pric", "upl_pric", "lst_pric"))  # type: ignore[return-value]


def listed(wire: WireClient, api_id: str, name: str, at_least: int = 1) -> list[dict[str, str]]:
    """A list's rows, once the lists have caught up with the stream."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        rows: list[dict[str, str]] = wire.call(api_id).json()[name]
        if len(rows) >= at_least:
            return rows
    raise AssertionError(f"{api_id} never showed {at_least} rows")


def test_a_market_order_fills_and_shows_in_every_list(wire: WireClient) -> None:
    answer = wire.order("kt10000", ord_qty="5", trde_tp="3").json()
    number = answer.pop("ord_no")
    assert len(number) == 7 and number.isdigit()
    assert answer == {
        "dmst_stex_tp": "KRX", "return_code": 0, "return_msg": "모의투자 매수주문완료"
    }  # fmt: skip
    fills = listed(wire, "ka10076", "cntr")
    assert {row["ord_no"] for row in fills} == {number}
    assert sum(int(row["cntr_qty"]) for row in fills) == 5
    assert {row["io_tp_nm"] for row in fills} == {"+매수"}
    assert {row["trde_tp"] for row in fills} == {"시장가"}
    assert {row["stk_cd"] for row in fills} == {STOCK}
    assert {row["orig_ord_no"] for row in fills} == {"0000000"}
    day = listed(wire, "kt00007", "acnt_ord_cntr_prps_dtl")[0]
    assert (day["ord_no"], day["stk_cd"]) == (number, f"A{STOCK}")
    assert (day["ord_qty"], day["cntr_qty"], day["ord_remnq"]) == (
        "0000000005", "0000000005", "0000000000",
    )  # fmt: skip
    assert wire.call("ka10075").json()["oso"] == []


def test_holding_is_padded_and_adds_up(wire: WireClient) -> None:
    wire.order("kt10000", ord_qty="5", trde_tp="3")
    listed(wire, "ka10076", "cntr")
    body = wire.call("kt00018").json()
    row = body["acnt_evlt_remn_indv_tot"][0]
    assert (row["stk_cd"], row["rmnd_qty"]) == (f"A{STOCK}", "000000000000005")
    assert {len(row[name]) for name in ("evltv_prft", "pur_amt", "tax", "evlt_amt")} == {15}
    assert {len(row[name]) for name in ("cur_prc", "pred_close_pric", "prft_rt")} == {12}
    costs = sum(int(row[name]) for name in ("pur_cmsn", "sell_cmsn", "tax"))
    assert int(row["evltv_prft"]) == int(row["evlt_amt"]) - int(row["pur_amt"]) - costs
    assert int(row["sum_cmsn"]) == int(row["pur_cmsn"]) + int(row["sell_cmsn"])
    assert row["tdy_buyq"] == row["rmnd_qty"]
    assert int(body["tot_pur_amt"]) == int(row["pur_amt"])


def test_amend_and_cancel_have_numbers_of_their_own(wire: WireClient) -> None:
    base, _, lower = limits(wire)
    first = wire.order("kt10000", ord_qty="7", trde_tp="0", ord_uv=str(lower)).json()["ord_no"]
    higher = str(lower + (100 if base >= 50_000 else 5))
    amended = wire.order("kt10002", orig_ord_no=first, mdfy_qty="0", mdfy_uv=higher).json()
    assert amended["base_orig_ord_no"] == first
    assert amended["mdfy_qty"] == "000000000007"
    assert amended["return_msg"] == "모의투자 정정주문완료"
    second = amended["ord_no"]
    assert int(second) > int(first)
    # From now on the newest number counts.
    stale = wire.order("kt10003", orig_ord_no=first, cncl_qty="0").json()
    assert (stale["return_code"], "ord_no" in stale) == (20, False)
    assert stale["return_msg"] == "[2000](RC4033:모의투자 정정/취소할 수량이 없습니다.)"
    part = wire.order("kt10003", orig_ord_no=second, cncl_qty="2").json()
    assert part["cncl_qty"] == "000000000002"
    rest = wire.order("kt10003", orig_ord_no=second, cncl_qty="0").json()
    assert rest["cncl_qty"] == "000000000005"
    assert rest["base_orig_ord_no"] == first
    assert len({first, second, part["ord_no"], rest["ord_no"]}) == 4
    rows = listed(wire, "kt00007", "acnt_ord_cntr_prps_dtl", 4)
    assert [row["mdfy_cncl"] for row in rows] == ["", "정정", "취소", "취소"]
    assert [row["ori_ord"] for row in rows] == ["0000000", first, second, second]


def test_an_open_order_is_listed_until_it_is_cancelled(wire: WireClient) -> None:
    _, _, lower = limits(wire)
    number = wire.order("kt10000", ord_qty="3", trde_tp="0", ord_uv=str(lower)).json()["ord_no"]
    row = listed(wire, "ka10075", "oso")[0]
    assert (row["ord_no"], row["stk_cd"], row["ord_stt"]) == (number, STOCK, "접수")
    assert (row["ord_pric"], row["ord_qty"], row["oso_qty"]) == (str(lower), "3", "3")
    assert (row["io_tp_nm"], row["trde_tp"], row["orig_ord_no"]) == ("+매수", "보통", "0000000")
    deposit = wire.call("kt00001").json()
    assert int(deposit["ord_alow_amt"]) <= int(deposit["entr"]) - 3 * lower
    assert int(deposit["entr"]) - int(deposit["profa_ch"]) == int(deposit["ord_alow_amt"])
    wire.order("kt10003", orig_ord_no=number, cncl_qty="0")
    assert int(wire.call("kt00001").json()["ord_alow_amt"]) == 100_000_000


def test_lists_follow_the_stream_a_moment_later(wire: WireClient, served: Served) -> None:
    _, _, lower = limits(wire)
    before = served.clock.now()
    wire.order("kt10000", ord_qty="1", trde_tp="0", ord_uv=str(lower))
    assert wire.call("ka10075").json()["oso"] == []
    listed(wire, "ka10075", "oso")
    assert (served.clock.now() - before).total_seconds() >= served.exchange.listing_delay


def test_a_sale_realises_a_profit_of_its_own_stock(wire: WireClient) -> None:
    wire.order("kt10000", ord_qty="4", trde_tp="3")
    sold = wire.order("kt10001", ord_qty="4", trde_tp="3").json()
    assert sold["return_msg"] == "모의투자 매도주문완료"
    listed(wire, "ka10076", "cntr", 2)
    body = wire.call("ka10077").json()
    rows = body["tdy_rlzt_pl_dtl"]
    assert {row["stk_cd"] for row in rows} == {f"A{STOCK}"}
    assert int(body["tdy_rlzt_pl"]) == sum(int(row["tdy_sel_pl"]) for row in rows) < 0
    assert wire.call("ka10077", {"stk_cd": "000660"}).json()["tdy_rlzt_pl_dtl"] == []
    assert wire.call("ka10085").json()["acnt_prft_rt"][0]["rmnd_qty"] == "0"


# --- refusals --------------------------------------------------------------------------------


def code(answer: dict[str, object]) -> str:
    assert answer["return_code"] == 20
    assert set(answer) == {"return_code", "return_msg"}
    text = str(answer["return_msg"])
    assert text.startswith("[2000](") and text.endswith(")")
    return text


def test_refused_orders_say_why_and_have_no_number(wire: WireClient) -> None:
    base, upper, lower = limits(wire)
    tick = 100 if base >= 50_000 else 5

    def buy(quantity: int, price: int, kind: str = "0") -> str:
        return code(
            wire.order("kt10000", ord_qty=str(quantity), ord_uv=str(price), trde_tp=kind).json()
        )

    assert buy(1, base + 1) == "[2000](RC4003:모의투자 호가단위 오류입니다.)"
    assert buy(1, upper + 10 * tick * 5).startswith("[2000](RC4027:")
    assert buy(10_000, lower) == "[2000](RC4025:모의투자 매수증거금이 부족합니다.)"
    assert buy(1, 0).startswith("[2000](308003:")
    assert buy(0, lower).startswith("[2000](30")
    assert buy(1, lower, "00").startswith("[2000](407022:")
    assert buy(1, lower, "81").startswith("[2000](RC9000:")
    sell = wire.order("kt10001", ord_qty="1", trde_tp="3").json()
    assert code(sell).startswith("[2000](800033:")
    nothing = wire.order("kt10003", orig_ord_no="9999999", cncl_qty="0").json()
    assert code(nothing).startswith("[2000](RC4061:")
    unknown = wire.order("kt10000", stk_cd="999999", ord_qty="1", trde_tp="3").json()
    assert code(unknown).startswith("[2000](RC4007:")


def held(wire: WireClient) -> tuple[dict[str, str], dict[str, str]]:
    """kt00018: the totals, and the one holding."""
    body = wire.call("kt00018").json()
    (row,) = body.pop("acnt_evlt_remn_indv_tot")
    return body, row


def test_shares_of_an_open_sell_are_not_sellable_until_it_is_cancelled(wire: WireClient) -> None:
    _, upper, _ = limits(wire)
    wire.order("kt10000", ord_qty="10", trde_tp="3")

    def sell(quantity: int) -> dict[str, str]:
        fields = {"ord_qty": str(quantity), "ord_uv": str(upper), "trde_tp": "0"}
        found: dict[str, str] = wire.order("kt10001", **fields).json()
        return found

    assert sell(11)["return_msg"] == "[2000](800033:모의투자 매도가능수량이 부족합니다.)"
    number = sell(7)["ord_no"]
    assert int(held(wire)[1]["trde_able_qty"]) == 3
    assert sell(4)["return_msg"].startswith("[2000](800033:")
    assert sell(3)["ord_no"]
    assert int(held(wire)[1]["trde_able_qty"]) == 0
    assert wire.order("kt10001", ord_qty="1", trde_tp="3").json()["return_code"] == 20
    part = wire.order("kt10003", orig_ord_no=number, cncl_qty="2").json()
    assert part["return_code"] == 0
    assert int(held(wire)[1]["trde_able_qty"]) == 2
    assert wire.order("kt10003", orig_ord_no=number, cncl_qty="0").json()["return_code"] == 0
    assert int(held(wire)[1]["trde_able_qty"]) == 7
    assert wire.order("kt10001", ord_qty="7", trde_tp="3").json()["return_code"] == 0


def test_the_totals_are_those_of_the_rows_while_orders_fill(wire: WireClient) -> None:
    base, _, _ = limits(wire)
    for number in range(25):
        fields = {"ord_qty": str(1 + number), "ord_uv": "", "trde_tp": "3"}
        if number % 3 == 2:
            fields |= {"ord_uv": str(base), "trde_tp": "0"}
        wire.order("kt10001" if number % 4 == 3 else "kt10000", **fields)
        body, row = held(wire)
        amounts = {name: int(text) for name, text in row.items() if text.lstrip("-").isdigit()}
        assert int(body["tot_pur_amt"]) == amounts["pur_amt"]
        assert int(body["tot_evlt_amt"]) == amounts["evlt_amt"]
        assert int(body["tot_evlt_pl"]) == amounts["evltv_prft"]
        assert float(body["tot_prft_rt"]) == float(row["prft_rt"])
        assert amounts["evlt_amt"] == amounts["cur_prc"] * amounts["rmnd_qty"]
        costs = amounts["pur_cmsn"] + amounts["sell_cmsn"] + amounts["tax"]
        assert amounts["evltv_prft"] == amounts["evlt_amt"] - amounts["pur_amt"] - costs
        assert 0 <= amounts["trde_able_qty"] <= amounts["rmnd_qty"]


@pytest.mark.parametrize("venue", ["NXT", "SOR"])
def test_only_the_exchange_itself_takes_orders(wire: WireClient, venue: str) -> None:
    answer = wire.order("kt10000", dmst_stex_tp=venue, ord_qty="1", trde_tp="3").json()
    assert code(answer) == "[2000](RC9000:모의투자에서는 해당업무가 제공되지 않습니다.)"


def test_a_quantity_that_is_no_number_is_1517(wire: WireClient) -> None:
    answer = wire.order("kt10000", ord_qty="ten", trde_tp="3").json()
    assert (answer["return_code"], "[1517:" in answer["return_msg"]) == (2, True)


@pytest.mark.parametrize(
    ("open_at", "refusal"),
    [
        ("08:00", "[2000](RC4057:모의투자 장시작전)"),
        ("15:30", "[2000](RC4058:모의투자 장종료)"),
    ],
)
def test_orders_outside_the_session(open_at: str, refusal: str) -> None:
    with serve(open_at=open_at) as served, client(served.base_url) as wire:
        answer = wire.order("kt10000", ord_qty="1", trde_tp="3").json()
        assert (answer["return_code"], answer["return_msg"]) == (20, refusal)

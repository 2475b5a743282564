"""The Market and the Broker's queries: what they ask, how far they page, what they make of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

import kt.broker
from kt import api_catalog
from kt.broker.kiwoom import Kiwoom
from kt.broker.market_queries import INSTITUTION_TODAY
from kt.errors import BrokerRefused, UnknownStock, UsageError, WireError
from kt.records import Interval, MarketName, OrderType, Ranking, Side
from tests.broker.queries import EVERY_QUERY
from tests.broker.wiring import answers, line, ok, said

BROKER = Path(kt.broker.__file__).parent


def empty(request: httpx.Request) -> httpx.Response:
    """A success whose lists are empty, and with it every field the API has."""
    api = api_catalog.api(request.headers["api-id"])
    fields: dict[str, Any] = {
        field.name: [] if field.is_list else "0" for field in api.response if not field.depth
    }
    fields |= {"stk_cd": "005930", "stk_nm": "삼성전자", "bid_req_base_tm": "100000"}
    return ok(**fields)


def test_every_api_the_client_asks_has_a_query_here() -> None:
    sources = [*BROKER.glob("*.py"), *(BROKER / "wire").glob("*.py")]
    named = {
        api_id for path in sources for api_id in re.findall(r'"(k[at]\d{5})"', path.read_text())
    }
    apis = [api_catalog.api(api_id) for api_id in named]
    queries = {
        api.api_id
        for api in apis
        if api.transport == "rest" and not api.places_orders and not api.issues_tokens
    }
    assert EVERY_QUERY.keys() == queries - {INSTITUTION_TODAY}  # asked within ka10045's query


@pytest.mark.parametrize("api_id", EVERY_QUERY)
def test_every_request_holds_what_is_required_and_nothing_else(api_id: str, tmp_path: Path) -> None:
    told = line(empty, tmp_path)
    EVERY_QUERY[api_id](told.kiwoom)
    api = api_catalog.api(api_id)
    known = {field.name for field in api.request}
    asked = zip(told.requests, told.bodies(), strict=True)
    for request, body in ((r, b) for r, b in asked if r.headers["api-id"] != "ka10009"):
        assert request.headers["api-id"] == api_id
        assert request.url.path == api.path
        assert set(api.required) <= set(body) <= known
        assert all(body[name] != "" for name in api.required)
        assert all(isinstance(value, str) for value in body.values())


def test_what_the_queries_say(tmp_path: Path) -> None:
    """The values whose codes decide what comes back."""
    told = line(empty, tmp_path)
    told.kiwoom.flow("005930")
    told.kiwoom.day_orders("0000010")
    told.kiwoom.open_orders("005930")
    told.kiwoom.executions()
    told.kiwoom.orderable("005930", 70_000)
    told.kiwoom.bars("005930", Interval.MINUTE, 1, size=5)
    told.kiwoom.bars("005930", Interval.DAY, 1)
    told.kiwoom.quotes(["005930", "0156T0"])
    flow, day, opened, filled, buying, minutes, days, quotes = told.bodies()
    assert flow | {"amt_qty_tp": "2", "trde_tp": "0", "unit_tp": "1", "dt": "20261123"} == flow
    assert (day["fr_ord_no"], day["ord_dt"], day["qry_tp"], day["dmst_stex_tp"]) == (
        "0000010",
        "20261123",
        "1",
        "%",
    )
    assert (opened["all_stk_tp"], opened["stk_cd"], opened["trde_tp"]) == ("1", "005930", "0")
    assert (filled["qry_tp"], filled["stk_cd"], filled["ord_no"]) == ("0", "", "")
    assert (buying["trde_tp"], buying["uv"]) == ("2", "70000")
    assert (minutes["tic_scope"], "base_dt" in minutes) == ("5", False)
    assert days["base_dt"] == "20261123"
    assert quotes["stk_cd"] == "005930|0156T0"


INSTITUTIONS = {
    "dt": "20261120", "close_pric": "-70000", "trde_qty": "900", "orgn_dt_acc": "500",
    "orgn_daly_nettrde_qty": "500", "for_daly_nettrde_qty": "0", "for_dt_acc": "0",
}  # fmt: skip


def institutions(request: httpx.Request, retired: bool) -> httpx.Response:
    if request.headers["api-id"] == "ka10045":
        return page("stk_orgn_trde_trnsn", [INSTITUTIONS])
    if retired:
        return said(1, "잘못된 요청입니다[1505:해당 API ID(ka10009)는 존재하지 않습니다]")
    today = {"date": "20261123", "close_pric": "+71000", "orgn_daly_nettrde": "-300"}
    return ok(**today, frgnr_daly_nettrde="40", orgn_dt_acc="", pre="0", frgnr_qota_rt="0.1")


@pytest.mark.parametrize("retired", [True, False])
def test_the_retired_api_is_asked_first_and_once_refused_never_again(
    tmp_path: Path, retired: bool
) -> None:
    told = line(lambda request: institutions(request, retired), tmp_path)
    period = date(2026, 11, 1), date(2026, 11, 23)
    first, again = (told.kiwoom.institutions("005930", *period) for _ in range(2))
    assert first == again
    days = [(day.day.day, day.institution, day.foreign) for day in first]
    assert days == ([(20, 500, 0)] if retired else [(23, -300, 40), (20, 500, 0)])
    asked = [request.headers["api-id"] for request in told.requests]
    assert asked == ["ka10009", "ka10045"] + ([] if retired else ["ka10009"]) + ["ka10045"]


def page(name: str, rows: list[dict[str, Any]], key: str = "") -> httpx.Response:
    return httpx.Response(
        200,
        json={"return_code": 0, name: rows},
        headers={"cont-yn": "Y" if key else "N", "next-key": key},
    )


def order_row(number: int) -> dict[str, str]:
    return {
        "ord_no": f"{number:07d}", "stk_cd": "A005930", "stk_nm": "삼성전자", "trde_tp": "보통",
        "ord_qty": "0000000010", "ord_uv": "0000070000", "cnfm_qty": "0000000000",
        "acpt_tp": "접수", "ord_tm": "10:00:00", "ori_ord": "0000000", "io_tp_nm": "현금매도",
        "cntr_qty": "0000000004", "cntr_uv": "0000070000", "ord_remnq": "0000000006",
        "mdfy_cncl": "",
    }  # fmt: skip


def test_the_days_orders_are_complete_and_oldest_first(tmp_path: Path) -> None:
    pages = [
        page("acnt_ord_cntr_prps_dtl", [order_row(3), order_row(2)], "a"),
        page("acnt_ord_cntr_prps_dtl", [], "b"),
        page("acnt_ord_cntr_prps_dtl", [order_row(11)]),
    ]
    found = line(answers(*pages), tmp_path).kiwoom.day_orders()
    assert [order.ord_no for order in found] == ["0000002", "0000003", "0000011"]
    assert (found[0].side, found[0].order_type, found[0].filled_quantity) == (
        Side.SELL,
        OrderType.LIMIT,
        4,
    )


def test_holdings_of_all_pages_and_none_that_are_empty(tmp_path: Path) -> None:
    def held(code: str, quantity: str) -> dict[str, str]:
        return {
            "stk_cd": f"A{code}", "stk_nm": "이름", "evltv_prft": "-00000000000010",
            "prft_rt": "-00000000.10", "pur_pric": "1000", "cur_prc": "990",
            "rmnd_qty": quantity, "trde_able_qty": quantity, "pur_amt": "1000",
            "evlt_amt": "990",
        }  # fmt: skip

    name = "acnt_evlt_remn_indv_tot"
    pages = [
        page(name, [held("005930", "1"), held("000660", "0")], "a"),
        page(name, [held("0156T0", "1")]),
    ]
    found = line(answers(*pages), tmp_path).kiwoom.holdings()
    assert [one.stock_code for one in found.items] == ["005930", "0156T0"]
    assert (found.items[0].profit, found.items[0].profit_pct) == (-10, -0.1)


def test_a_list_that_money_follows_from_is_read_strictly(tmp_path: Path) -> None:
    bad = order_row(2) | {"cntr_qty": "4x"}
    told = line(answers(page("acnt_ord_cntr_prps_dtl", [order_row(1), bad])), tmp_path)
    with pytest.raises(WireError, match=r"kt00007\.acnt_ord_cntr_prps_dtl\[1\]\.cntr_qty: '4x'"):
        told.kiwoom.day_orders()


def test_an_invalid_ranking_row_is_reported_and_left_out(tmp_path: Path) -> None:
    def row(code: str, price: str) -> dict[str, str]:
        return {"stk_cd": code, "stk_nm": "이름", "cur_prc": price, "flu_rt": "+1.00",
                "now_trde_qty": "10", "cntr_str": "100.00"}  # fmt: skip

    rows = [row("000660", "+1000"), row("005930", "12a"), {}, row("035720_AL", "-900")]
    told = line(answers(page("pred_pre_flu_rt_upper", rows)), tmp_path)
    found = told.kiwoom.ranking(Ranking.CHANGE)
    assert [(one.rank, one.stock_code, one.price) for one in found] == [
        (1, "000660", 1_000),
        (3, "035720", 900),
    ]
    assert [fault.where for fault in told.faults] == ["ka10027.pred_pre_flu_rt_upper[1].cur_prc"]


def chart_page(times: range, key: str = "") -> httpx.Response:
    rows = [
        {"cntr_tm": f"202611231{minute:03d}00", "cur_prc": "-1000", "open_pric": "-1000",
         "high_pric": "-1000", "low_pric": "-1000", "trde_qty": str(minute)}
        for minute in times
    ]  # fmt: skip
    return page("stk_min_pole_chart_qry", rows, key)


def test_bars_come_oldest_first_from_as_many_pages_as_needed(tmp_path: Path) -> None:
    told = line(answers(chart_page(range(30, 20, -1), "a"), chart_page(range(20, 10, -1), "b")),
                tmp_path)  # fmt: skip
    found = told.kiwoom.bars("005930", Interval.MINUTE, 13)
    assert [bar.volume for bar in found] == list(range(18, 31))
    assert len(told.requests) == 2


def test_a_size_that_is_not_offered_is_wrong_usage(tmp_path: Path) -> None:
    told = line(empty, tmp_path)
    with pytest.raises(UsageError):
        told.kiwoom.bars("005930", Interval.MINUTE, 10, size=7)
    with pytest.raises(UsageError):
        told.kiwoom.bars("005930", Interval.DAY, 10, size=2)
    assert told.requests == []


def test_quotes_go_out_a_hundred_at_a_time(tmp_path: Path) -> None:
    told = line(empty, tmp_path)
    told.kiwoom.quotes([f"{number:06d}" for number in range(250)])
    assert [body["stk_cd"].count("|") + 1 for body in told.bodies()] == [100, 100, 50]


def test_quotes_leave_unknown_codes_out(tmp_path: Path) -> None:
    known = {"stk_cd": "005930", "stk_nm": "삼성전자", "cur_prc": "+70000", "base_pric": "69000"}
    blank = {"stk_cd": "999999", "stk_nm": "", "cur_prc": ""}
    told = line(answers(page("atn_stk_infr", [blank, known])), tmp_path)
    assert [one.stock_code for one in told.kiwoom.quotes(["999999", "005930"])] == ["005930"]
    assert told.faults == []


@pytest.mark.parametrize(
    ("api_id", "ask"),
    [
        ("ka10001", lambda kiwoom: kiwoom.quote("999999")),
        ("ka10004", lambda kiwoom: kiwoom.book("999999")),
        ("ka10002", lambda kiwoom: kiwoom.brokers("999999")),
    ],
)
def test_a_blank_success_is_an_unknown_stock(
    api_id: str, ask: Callable[[Kiwoom], object], tmp_path: Path
) -> None:
    blank = ok(**{field.name: "" for field in api_catalog.api(api_id).response})
    with pytest.raises(UnknownStock, match="999999"):
        ask(line(answers(blank), tmp_path).kiwoom)
    with pytest.raises(UnknownStock):
        ask(line(answers(said(1, "x[1902:y]")), tmp_path).kiwoom)
    with pytest.raises(WireError):
        ask(line(answers(httpx.Response(200, json={"return_code": 0})), tmp_path).kiwoom)


@pytest.mark.parametrize(
    "answer",
    [
        said(1, "x[1504:y]"),
        said(1, "x[1505:y]"),
        said(20, "[2000](RC7006:모의투자 조회실패)"),
        said(20, "[2000](RC9000:모의투자에서는 해당업무가 제공되지 않습니다.)"),
        said(1, "x[8104:y]"),
    ],
)
def test_buying_power_that_is_not_offered_is_none(answer: httpx.Response, tmp_path: Path) -> None:
    assert line(answers(answer), tmp_path).kiwoom.orderable("005930", 70_000) is None


def test_buying_power_that_is_refused_is_an_error(tmp_path: Path) -> None:
    told = line(answers(said(20, "[2000](571489:휴장)")), tmp_path)
    with pytest.raises(BrokerRefused):
        told.kiwoom.orderable("005930", 70_000)


def listed(code: str, **fields: str) -> dict[str, str]:
    return {
        "code": code, "name": "이름", "listCount": "0000000026034239", "auditInfo": "정상",
        "lastPrice": "00136000", "state": "증거금20%|담보대출|신용가능", "marketCode": "0",
        "marketName": "거래소", "orderWarning": "0",
    } | fields  # fmt: skip


def test_the_market_is_the_one_asked_for_and_the_kind_is_the_rows(tmp_path: Path) -> None:
    rows = {
        "0": [
            listed("005930"),
            listed("0000D0", marketCode="8", marketName="ETF"),
            listed("500095", marketCode="90", marketName="ETN(변동성)"),
            listed("57JBUL", marketCode="3", marketName="ELW"),
        ],
        "10": [
            listed("035900", auditInfo="투자경고", orderWarning="5"),
            listed("035901", state="증거금100%|거래정지|관리종목", orderWarning="2"),
        ],
    }

    def handler(request: httpx.Request) -> httpx.Response:
        return ok(list=rows[json.loads(request.content)["mrkt_tp"]])

    found = line(handler, tmp_path).kiwoom.instruments()
    assert [(one.stock_code, one.market, one.kind) for one in found] == [
        ("005930", MarketName.KOSPI, "STOCK"),
        ("0000D0", MarketName.KOSPI, "ETF"),
        ("500095", MarketName.KOSPI, "ETN"),
        ("57JBUL", MarketName.KOSPI, "ELW"),
        ("035900", MarketName.KOSDAQ, "STOCK"),
        ("035901", MarketName.KOSDAQ, "STOCK"),
    ]
    assert [one.warning for one in found] == [
        "", "", "", "", "투자경고", "관리종목, 거래정지, 정리매매",
    ]  # fmt: skip
    assert found[0].base_price == 136_000


def test_a_full_book(tmp_path: Path) -> None:
    fields = {"bid_req_base_tm": "101500", "tot_sel_req": "55", "tot_buy_req": "155"}
    for side, sign, first in (("sel", "+", 71_000), ("buy", "-", 70_900)):
        step = 100 if side == "sel" else -100
        fields |= {f"{side}_fpr_bid": f"{sign}{first}", f"{side}_fpr_req": "1"}
        for place in range(2, 10):
            fields[f"{side}_{place}th_pre_bid"] = f"{sign}{first + step * (place - 1)}"
            fields[f"{side}_{place}th_pre_req"] = str(place)
        fields |= {f"{side}_10th_pre_bid": "0", f"{side}_10th_pre_req": "0"}
    book = line(answers(ok(**fields)), tmp_path).kiwoom.book("005930")
    assert [(level.price, level.quantity) for level in book.asks[:3]] == [
        (71_000, 1),
        (71_100, 2),
        (71_200, 3),
    ]
    assert (len(book.asks), len(book.bids), book.bids[-1].price) == (9, 9, 70_100)
    assert (book.total_ask, book.total_bid) == (55, 155)


def test_member_firms_that_are_blank_are_left_out(tmp_path: Path) -> None:
    fields = {"stk_cd": "005930", "stk_nm": "삼성전자", "cur_prc": "+70000"}
    for place in range(1, 6):
        fields |= {
            f"sel_trde_ori_nm_{place}": "모건스탠리" if place == 1 else "",
            f"sel_trde_ori_{place}": "036" if place == 1 else "000",
            f"sel_trde_qty_{place}": "1234" if place == 1 else "0",
        }
    activity = line(answers(ok(**fields)), tmp_path).kiwoom.brokers("005930")
    assert [(one.name, one.code, one.quantity) for one in activity.sellers] == [
        ("모건스탠리", "036", 1_234)
    ]
    assert activity.buyers == ()


def test_a_missing_institution_day_is_the_growth_of_the_sum(tmp_path: Path) -> None:
    def row(day: str, total: str, **more: str) -> dict[str, str]:
        return {"dt": day, "close_pric": "-70000", "trde_qty": "10", "orgn_dt_acc": total,
                "for_dt_acc": "--5", "for_daly_nettrde_qty": "+5"} | more  # fmt: skip

    rows = [
        row("20261120", "+150"),
        row("20261119", "-30", orgn_daly_nettrde_qty="-50"),
        row("20261118", "20"),
    ]
    told = line(answers(page("stk_orgn_trde_trnsn", rows)), tmp_path)
    found = told.kiwoom.institutions("005930", date(2026, 11, 18), date(2026, 11, 20))
    assert [one.institution for one in found] == [180, -50, 20]
    assert {one.foreign_total for one in found} == {-5}

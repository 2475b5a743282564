"""Every documented value of a ranking's or a list's parameter does what the document says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from kt.records import KST, Instrument, MarketName, Quote, Ranked, Ranking
from kt.sim.wire import rankings
from kt.sim.wire.call import Call
from tests.serving import Served, serve
from tests.sim.wireclient import BODIES, DAY, STOCK, WireClient, client, frames

ROWS = {
    "ka10023": "trde_qty_sdnin", "ka10030": "tdy_trde_qty_upper",
    "ka10032": "trde_prica_upper", "ka10027": "pred_pre_flu_rt_upper",
}  # fmt: skip
KOSPI, KOSDAQ = MarketName.KOSPI, MarketName.KOSDAQ


def listed(code: str, name: str, market: MarketName = KOSPI, **facts: str) -> Instrument:
    return Instrument(
        stock_code=code, stock_name=name, market=market, base_price=1_000,
        listed_shares=1_000_000_000, **facts,
    )  # fmt: skip


STOCKS = {
    "000010": listed("000010", "보통주"),
    "000015": listed("000015", "보통주우"),
    "00001K": listed("00001K", "보통주2우B"),
    "000020": listed("000020", "지켜볼것", KOSDAQ, warning="관리종목"),
    "000030": listed("000030", "마지막", KOSDAQ, warning="정리매매"),
    "0000D0": listed("0000D0", "지수", kind="ETF"),
    "500095": listed("500095", "지표", kind="ETN"),
    "000040": listed("000040", "케이티스팩1호", KOSDAQ),
}
PRICES = dict(zip(STOCKS, (500, 1_000, 1_999, 2_000, 5_000, 10_000, 50_000, 100_000), strict=True))


class Doors:
    """A market of eight stocks. Each has traded ten million won more than the one before."""

    def ranking(self, ranking: Ranking) -> tuple[Ranked, ...]:
        return tuple(
            Ranked(
                ranking=ranking, rank=place, stock_code=code, stock_name=STOCKS[code].stock_name,
                price=PRICES[code], change_pct=float(5 - place), volume=place * 5_000,
                value=place * 10_000_000, surge_pct=float(place * 10 - 40), strength=100.0,
            )
            for place, code in enumerate(STOCKS, 1)
        )  # fmt: skip

    def quotes(self, codes: list[str]) -> list[Quote]:
        return [
            Quote(
                stock_code=code, stock_name="", price=PRICES[code], base_price=1_000, change=0,
                change_pct=0.0, volume=1, upper_limit=100_000, lower_limit=500,
            )
            for code in codes
        ]  # fmt: skip

    def book(self, code: str) -> Any:
        return type("Book", (), {"total_ask": 1, "total_bid": 1})

    def bars(self, *_: object, **__: object) -> tuple[()]:
        return ()


def asked(api: str, **changes: str) -> list[str]:
    """The codes of the answer, in order."""
    body = {**BODIES[api], "trde_qty_tp": "0", **changes}
    call = Call(
        body=body, market=Doors(), broker=None, gateway=None, instruments=STOCKS,  # type: ignore[arg-type]
        now=datetime(2026, 11, 23, 10, tzinfo=KST),
    )  # fmt: skip
    answer: Callable[[Call], Any] = {
        "ka10023": rankings.surges, "ka10030": rankings.volumes,
        "ka10032": rankings.values, "ka10027": rankings.changes,
    }[api]  # fmt: skip
    return [row["stk_cd"] for row in answer(call).rows]


ALL = set(STOCKS)
PREFERRED = {"000015", "00001K"}
FUNDS = {"0000D0", "500095"}
CONDITIONS = {
    "0": ALL, "1": ALL - {"000020"}, "3": ALL - PREFERRED, "4": ALL - PREFERRED - {"000020"},
    "5": ALL - {"000020", "000030"}, "6": {"000020", "000030"}, "7": set(), "8": set(),
    "9": ALL - {"000020", "000030"}, "11": ALL - {"000030"}, "12": set(), "13": set(),
    "14": ALL - {"0000D0"}, "15": ALL - {"000040"}, "16": ALL - FUNDS, "17": ALL - {"500095"},
    "18": ALL - FUNDS, "20": ALL - FUNDS - {"000040"},
}  # fmt: skip


@pytest.mark.parametrize("code", CONDITIONS)
def test_kinds_of_stock(code: str) -> None:
    assert set(asked("ka10023", stk_cnd=code)) == CONDITIONS[code]
    assert set(asked("ka10030", mang_stk_incls=code)) == CONDITIONS[code]
    rising = {"000010", "000015", "00001K", "000020"}
    assert set(asked("ka10027", stk_cnd=code)) == CONDITIONS[code] & rising


def test_stocks_under_watch_by_value() -> None:
    assert set(asked("ka10032", mang_stk_incls="1")) == ALL
    assert set(asked("ka10032", mang_stk_incls="0")) == ALL - {"000020"}


@pytest.mark.parametrize("api", ROWS)
def test_markets_and_venues(api: str) -> None:
    one, other = (set(asked(api, mrkt_tp=market)) for market in ("001", "101"))
    assert one and other and one | other == set(asked(api, mrkt_tp="000"))
    assert {STOCKS[code].market for code in one} == {KOSPI}
    assert asked(api, stex_tp="1") == asked(api, stex_tp="3") != []
    assert asked(api, stex_tp="2") == []


@pytest.mark.parametrize(
    ("api", "field", "code", "low", "high"),
    [
        *[("ka10023", "pric_tp", code, low, 0) for code, low in
          (("2", 50_000), ("5", 10_000), ("6", 5_000), ("8", 1_000), ("9", 100_000))],
        *[("ka10030", "pric_tp", *rest) for rest in
          (("1", 0, 1_000), ("2", 1_000, 0), ("3", 1_000, 2_000), ("4", 2_000, 5_000),
           ("5", 5_000, 0), ("6", 5_000, 10_000), ("10", 0, 10_000), ("7", 10_000, 0),
           ("8", 50_000, 0), ("9", 100_000, 0))],
        *[("ka10027", "pric_cnd", *rest) for rest in
          (("1", 0, 1_000), ("2", 1_000, 2_000), ("3", 2_000, 5_000), ("4", 5_000, 10_000),
           ("5", 10_000, 0), ("8", 1_000, 0), ("10", 0, 10_000))],
    ],
)  # fmt: skip
def test_prices(api: str, field: str, code: str, low: int, high: int) -> None:
    """From the lower end on, below the upper one."""

    def all_of(price: str) -> set[str]:
        sorts = "135" if api == "ka10027" else "1"
        return {one for sort in sorts for one in asked(api, sort_tp=sort, **{field: price})}

    found, everything = all_of(code), all_of("0")
    inside = {code for code in everything if low <= PRICES[code] < (high or 10**9)}
    assert found == inside
    assert len(found) < len(everything)


@pytest.mark.parametrize(
    ("api", "field", "code", "least"),
    [
        ("ka10030", "trde_prica_tp", "1", 10_000_000),
        ("ka10030", "trde_prica_tp", "3", 30_000_000),
        ("ka10030", "trde_prica_tp", "4", 50_000_000),
        ("ka10030", "trde_prica_tp", "10", 100_000_000),
        ("ka10027", "trde_prica_cnd", "3", 30_000_000),
        ("ka10027", "trde_prica_cnd", "5", 50_000_000),
    ],
)
def test_traded_values(api: str, field: str, code: str, least: int) -> None:
    values = {code: place * 10_000_000 for place, code in enumerate(STOCKS, 1)}
    everything = asked(api, **{field: "0"})
    assert asked(api, **{field: code}) == [one for one in everything if values[one] >= least]


@pytest.mark.parametrize(
    ("api", "field", "code", "shares"),
    [
        ("ka10023", "trde_qty_tp", "5", 5_000),
        ("ka10023", "trde_qty_tp", "10", 10_000),
        ("ka10030", "trde_qty_tp", "10", 10_000),
        ("ka10027", "trde_qty_cnd", "0010", 10_000),
        ("ka10027", "trde_qty_cnd", "1000", 1_000_000),
    ],
)
def test_volumes(api: str, field: str, code: str, shares: int) -> None:
    volumes = {code: place * 5_000 for place, code in enumerate(STOCKS, 1)}
    everything = asked(api, **{field: "0"})
    assert asked(api, **{field: code}) == [one for one in everything if volumes[one] >= shares]


def test_credit_and_hours_and_limits() -> None:
    lent = ALL - {"000020", "000030"}
    assert [set(asked("ka10030", crd_tp=code)) for code in "019234"] == [
        ALL,
        lent,
        lent,
        *[set()] * 3,
    ]
    assert asked("ka10030", crd_tp="8") == asked("ka10027", crd_cnd="7") == []
    assert asked("ka10030", mrkt_open_tp="1") == asked("ka10030", mrkt_open_tp="0") != []
    assert asked("ka10030", mrkt_open_tp="2") == asked("ka10030", mrkt_open_tp="3") == []
    everything = set(asked("ka10027", updown_incls="1"))
    assert set(asked("ka10027", updown_incls="0")) == everything - {"000010"}


def test_sorts() -> None:
    """Volumes rise with the place, surges with it too, prices and changes do not."""
    by_place = list(STOCKS)
    assert asked("ka10030", sort_tp="1") == asked("ka10030", sort_tp="3") == by_place[::-1]
    assert asked("ka10030", sort_tp="2") == by_place[::-1]
    assert asked("ka10023", sort_tp="2") == by_place[::-1]
    assert asked("ka10023", sort_tp="4") == by_place[:3]
    assert set(asked("ka10023", sort_tp="3")) == set(by_place[:3])
    assert asked("ka10027", sort_tp="1") == by_place[:4]
    assert asked("ka10027", sort_tp="3") == by_place[:4:-1]
    assert asked("ka10027", sort_tp="5") == [by_place[4]]
    by_won = sorted(by_place[:4], key=lambda code: -abs(PRICES[code] - 1_000))
    assert asked("ka10027", sort_tp="2") == by_won


# --- on the running exchange -------------------------------------------------------------------


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(cash=100_000_000, speed=10) as found:
        yield found


@pytest.fixture(scope="module")
def wire(served: Served) -> Iterator[WireClient]:
    with client(served.base_url) as found:
        yield found


def test_surges_of_the_last_minutes(wire: WireClient) -> None:
    """Now less before is what has traded since, and the day's volume stays the day's."""
    body = {**BODIES["ka10023"], "tm_tp": "1", "tm": "5", "sort_tp": "2"}
    minutes = wire.call("ka10023", body).json()["trde_qty_sdnin"]
    yesterday = {row["stk_cd"]: row for row in
                 wire.call("ka10023", {**body, "tm_tp": "2"}).json()["trde_qty_sdnin"]}  # fmt: skip
    for row in minutes[:20]:
        now, before = int(row["now_trde_qty"]), int(row["prev_trde_qty"])
        assert 0 < before <= now
        assert int(row["sdnin_qty"]) == now - before
        assert float(row["sdnin_rt"]) == pytest.approx((now - before) / before * 100, abs=0.01)
    rates = [float(row["sdnin_rt"]) for row in minutes]
    assert rates == sorted(rates, reverse=True)
    both = [row for row in minutes if row["stk_cd"] in yesterday]
    assert any(row["prev_trde_qty"] != yesterday[row["stk_cd"]]["prev_trde_qty"] for row in both)


def test_lists_of_orders_by_venue_and_kind(served: Served, wire: WireClient) -> None:
    lower = abs(int(wire.call("ka10001").json()["lst_pric"]))
    wire.order("kt10000", ord_qty="3", trde_tp="3")
    wire.order("kt10000", ord_qty="1", trde_tp="0", ord_uv=str(lower))
    while len(wire.call("kt00007").json()["acnt_ord_cntr_prps_dtl"]) < 2:
        pass

    def count(api: str, **changes: str) -> int:
        body = wire.call(api, {**BODIES[api], **changes}).json()
        return len(next(value for value in body.values() if isinstance(value, list)))

    def counts(api: str, field: str, *values: str) -> list[int]:
        return [count(api, **{field: value}) for value in values]

    assert counts("ka10075", "stex_tp", "0", "1", "2") == [1, 1, 0]
    assert counts("ka10075", "trde_tp", "0", "1", "2") == [1, 0, 1]
    assert count("ka10075", all_stk_tp="1", stk_cd=STOCK) == 1
    assert count("ka10075", all_stk_tp="1", stk_cd="000660") == 0
    assert count("ka10075", all_stk_tp="0", stk_cd="000660") == 1
    fills = count("ka10076")
    assert counts("ka10076", "stex_tp", "0", "1", "2") == [fills, fills, 0]
    assert counts("ka10076", "sell_tp", "0", "1", "2") == [fills, 0, fills]
    assert count("ka10076", qry_tp="1", stk_cd=STOCK) == fills
    assert count("ka10076", qry_tp="1", stk_cd="000660") == 0
    assert counts("kt00007", "dmst_stex_tp", "%", "KRX", "NXT", "SOR") == [2, 2, 0, 0]
    assert counts("kt00007", "stk_bond_tp", "0", "1", "2") == [2, 2, 0]
    assert counts("kt00007", "sell_tp", "0", "1", "2") == [2, 0, 2]
    assert counts("kt00007", "qry_tp", "1", "2", "3", "4") == [2, 2, 1, 1]
    assert counts("kt00007", "stk_cd", "", STOCK, f"A{STOCK}", "000660") == [2, 2, 2, 0]
    assert counts("kt00007", "ord_dt", "", DAY, "20261120") == [2, 2, 0]
    assert count("kt00007", fr_ord_no="9999999") == 0
    bad = wire.call("kt00007", {**BODIES["kt00007"], "fr_ord_no": "abc"}).json()
    assert "[1517:" in bad["return_msg"]


@pytest.mark.parametrize(
    ("market", "some"),
    [
        ("0", True),
        ("10", True),
        *[(code, False) for code in ("3", "8", "30", "50", "5", "4", "6", "9", "60")],
    ],
)
def test_lists_of_stocks_by_market(wire: WireClient, market: str, some: bool) -> None:
    body = wire.call("ka10099", {"mrkt_tp": market}).json()
    assert (body["return_code"], bool(body["list"])) == (0, some)
    assert {row["marketCode"] for row in body["list"]} <= {market}


def test_condition_searches(served: Served, wire: WireClient) -> None:
    request = {"trnm": "CNSRREQ", "seq": "1", "search_type": "0", "stex_tp": "K"}
    with frames(served.ws_url, wire.token) as stream:
        stream.send(request)
        assert stream.answer("CNSRREQ")["return_code"] == 1  # not before the list
        stream.send({"trnm": "CNSRLST"})
        assert stream.answer("CNSRLST") == {
            "trnm": "CNSRLST",
            "return_code": 0,
            "return_msg": "",
            "data": [["0", "거래량 급증"], ["1", "체결강도 상승"]],
        }
        stream.send(request)
        found = stream.answer("CNSRREQ")
        assert (found["seq"], found["cont_yn"], found["next_key"]) == ("1 ", "N", "")
        assert found["data"]
        market = served.exchange.market
        for row in found["data"]:
            quote = market.quote(row["9001"].removeprefix("A"))
            assert len(row["9001"]) == 7
            assert {len(row[fid]) for fid in ("10", "11", "12", "13", "16", "17", "18")} == {9}
            assert row["302"] == quote.stock_name
            assert int(row["10"]) - int(row["11"]) == quote.base_price
            assert int(row["12"]) == round(round(int(row["11"]) * 100 / quote.base_price, 2) * 1000)
            assert int(row["12"]) >= 1000
            assert row["25"] in {"1", "2"}
        stream.send({**request, "search_type": "1"})
        live = stream.answer("CNSRREQ")
        both = {row["jmcode"] for row in live["data"]} & {row["9001"] for row in found["data"]}
        assert len(both) > len(found["data"]) // 2  # a second or two later
        stream.send({**request, "seq": "4"})
        refused = stream.answer("CNSRREQ")
        assert (refused["seq"], refused["return_code"]) == ("4", 1)
        stream.send({"trnm": "CNSRCLR", "seq": "4"})
        assert stream.answer("CNSRCLR")["return_code"] == 0

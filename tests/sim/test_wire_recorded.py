"""The wire writes what the broker's server wrote: records in, recorded rows out, to the letter."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from kt.records import (
    KST,
    Bar,
    BrokerOrder,
    Deposit,
    Execution,
    Holding,
    Holdings,
    Instrument,
    Interval,
    MarketName,
    OrderNotice,
    OrderType,
    Quote,
    Ranked,
    Ranking,
    Side,
    Strength,
    Tick,
)
from kt.sim.wire import (
    account_rows,
    charts,
    deposit,
    flows,
    holdings,
    order_lists,
    rankings,
    realtime,
)
from kt.sim.wire.call import Call

DATA = Path(__file__).resolve().parents[1] / "data" / "wire"
SAMSUNG = Instrument(
    stock_code="005930", stock_name="삼성전자", market=MarketName.KOSPI, base_price=257_000,
    listed_shares=5_919_637_922,
)  # fmt: skip


def recorded(name: str) -> dict[str, Any]:
    body = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))["body"]
    body.pop("return_code", None)
    return dict(body)


def row(name: str, index: int = 0) -> dict[str, str]:
    rows = next(value for value in recorded(name).values() if isinstance(value, list))
    return dict(rows[index])


def same(made: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert {name: made[name] for name in wanted} == wanted


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=KST)


class Doors:
    """Market and account that know what the test tells them."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **options: self._answers.get(name, ())


def call(body: dict[str, str], stock: Instrument = SAMSUNG, **answers: Any) -> Call:
    doors = Doors(**answers)
    return Call(
        body={"stk_cd": stock.stock_code, **body},
        market=doors,
        broker=doors,
        gateway=doors,
        instruments={stock.stock_code: stock},
        now=at("2026-08-31T10:14:20"),
        commission_pct=0.35,
    )


def test_deposit() -> None:
    cash = Deposit(
        cash=10_000_000, orderable=10_000_000, withdrawable=10_000_000, d1_cash=10_000_000,
        d2_cash=10_000_000,
    )  # fmt: skip
    reply = deposit.deposit(call({}, deposit=cash))
    made = {**reply.fields, "return_msg": reply.message}
    same(made, recorded("kt00001"))


def test_holding_with_the_mock_servers_costs() -> None:
    held = Holding(
        stock_code="005930", stock_name="삼성전자", quantity=1, sellable=1, average_price=250_250,
        price=260_000, cost=250_250, value=260_000, profit=7_450, profit_pct=2.98,
        weight_pct=89.36, previous_close=257_000,
    )  # fmt: skip
    totals = Holdings(
        items=(held,), total_cost=250_250, total_value=260_000, total_profit=7_450,
        total_profit_pct=2.98, estimated_assets=10_000_000,
    )  # fmt: skip
    reply = holdings.holdings(call({}, holdings=totals))
    same(dict(reply.rows[0]), row("kt00018"))


@pytest.mark.parametrize(
    ("profit", "pct", "texts"),
    [
        (-196_888, -52.71, ("-00000000196888", "-00000052.71")),
        (0, 0.0, ("0" * 15, "000000000.00")),
    ],
)
def test_a_minus_counts_in_the_width(profit: int, pct: float, texts: tuple[str, str]) -> None:
    held = Holding(
        stock_code="005930", stock_name="삼성전자", quantity=3, sellable=3, average_price=124_500,
        price=59_000, cost=373_500, value=177_000, profit=profit, profit_pct=pct,
    )  # fmt: skip
    made = holdings.holding(held, call({}))
    assert (made["evltv_prft"], made["prft_rt"]) == texts


def test_fill() -> None:
    item = Execution(
        ord_no="0060327", original_ord_no="", stock_code="005930", stock_name="삼성전자",
        side=Side.BUY, order_quantity=1, order_price=250_500, quantity=1, price=250_250,
        open_quantity=0, fee=870, tax=0, at=at("2026-08-31T10:14:14"),
    )  # fmt: skip
    reply = order_lists.fills(call({"qry_tp": "0", "sell_tp": "0"}, executions=(item,)))
    assert reply.message == recorded("ka10076")["return_msg"]
    same(dict(reply.rows[0]), row("ka10076"))
    assert set(reply.rows[0]) == set(row("ka10076"))


def test_open_order_says_when_it_has_filled_in_part() -> None:
    order = BrokerOrder(
        ord_no="18", original_ord_no="", stock_code="005930", stock_name="삼성전자",
        side=Side.SELL, order_type=OrderType.LIMIT, quantity=10, price=246_000, open_quantity=4,
        filled_quantity=6, fill_price=246_500, status="FILL", at=at("2026-08-31T09:40:22"),
    )  # fmt: skip
    quote = Quote(
        stock_code="005930", stock_name="삼성전자", price=246_000, base_price=257_000,
        change=-11_000, change_pct=-4.28, volume=1,
    )  # fmt: skip
    made = order_lists.open_order(order, "1234567890", call({}, quote=quote))
    wanted = {
        "ord_no": "0000018", "stk_cd": "005930", "ord_pric": "246000", "ord_stt": "체결",
        "io_tp_nm": "-매도", "oso_qty": "4", "cntr_qty": "6", "cur_prc": "-246000",
        "orig_ord_no": "0000000", "tm": "094022",
    }  # fmt: skip
    same(made, wanted)


def test_minute_bar() -> None:
    stock = Instrument(
        stock_code="005930", stock_name="삼성전자", market=MarketName.KOSPI, base_price=286_000,
        listed_shares=1,
    )  # fmt: skip
    bars = (
        Bar(at=at("2026-08-31T15:19:00"), open=309_000, high=309_000, low=309_000, close=309_000,
            volume=31_498_027 - 2_283_317),
        Bar(at=at("2026-08-31T15:30:00"), open=309_500, high=309_500, low=309_500, close=309_500,
            volume=2_283_317),
    )  # fmt: skip
    reply = charts.minutes(call({"tic_scope": "1"}, stock, bars=bars))
    wanted = row("ka10080")
    assert wanted.pop("cntr_tm") == "20260703153000"
    same(dict(reply.rows[0]), wanted)
    assert reply.rows[0]["cntr_tm"] == "20260831153000"


def test_daily_bars() -> None:
    newer, older = row("ka10081", 0), row("ka10081", 1)

    def bar(day: str, texts: dict[str, str], value: int) -> Bar:
        return Bar(
            at=datetime.strptime(day, "%Y%m%d").replace(tzinfo=KST),
            open=int(texts["open_pric"]), high=int(texts["high_pric"]),
            low=int(texts["low_pric"]), close=int(texts["cur_prc"]),
            volume=int(texts["trde_qty"]), value=value * 1_000_000 + 999_999,
        )  # fmt: skip

    before = {**older, "cur_prc": str(286_000 + 28_500)}
    bars = (
        bar("20260701", before, 0),
        bar("20260702", older, 11_362_882),
        bar("20260703", newer, 9_454_829),
    )
    reply = charts.days(call({"base_dt": "20260703"}, bars=bars))
    same(dict(reply.rows[0]), newer)
    same(dict(reply.rows[1]), older)


def test_weekly_value_is_in_won() -> None:
    bar = Bar(at=at("2026-08-31T00:00:00"), open=1, high=1, low=1, close=1, volume=1,
              value=3_922_030_535_087)  # fmt: skip
    reply = charts.weeks(call({"base_dt": "20260831"}, bars=(bar,)))
    assert reply.rows[0]["trde_prica"] == "3922030535087"


def test_surge_ranking() -> None:
    wanted = row("ka10023")
    now, before = int(wanted["now_trde_qty"]), int(wanted["prev_trde_qty"])
    stock = Instrument(
        stock_code="252670", stock_name=wanted["stk_nm"], market=MarketName.KOSPI,
        base_price=100, listed_shares=1, kind="ETF",
    )  # fmt: skip
    item = Ranked(
        ranking=Ranking.VOLUME_SURGE, rank=1, stock_code="252670", stock_name=wanted["stk_nm"],
        price=95, change_pct=-5.0, volume=now, surge_pct=(now - before) / before * 100,
    )  # fmt: skip
    reply = rankings.surges(call({"mrkt_tp": "000", "sort_tp": "1"}, stock, ranking=(item,)))
    assert dict(reply.rows[0]) == wanted


def test_volume_saturates_at_32_bits() -> None:
    item = Ranked(ranking=Ranking.VOLUME, rank=1, stock_code="005930", stock_name="삼성전자",
                  price=75, change_pct=-10.71, volume=5_000_000_000,
                  value=1_209_973_999_999)  # fmt: skip
    made = rankings.volume(item, 0.0, call({}))
    assert (made["trde_qty"], made["trde_amt"]) == ("4294967295", "1209973")


def test_strength_rows_count_the_volume_down() -> None:
    newest, older = row("ka10046", 0), row("ka10046", 1)

    def strength(texts: dict[str, str]) -> Strength:
        return Strength(
            at=at(f"2026-08-31T{texts['cntr_tm'][:2]}:{texts['cntr_tm'][2:4]}:00"),
            price=208_500, volume=int(texts["trde_qty"]), strength=float(texts["cntr_str"]),
            strength_5m=float(texts["cntr_str_5min"]), strength_20m=float(texts["cntr_str_20min"]),
            strength_60m=float(texts["cntr_str_60min"]),
        )  # fmt: skip

    quote = Quote(
        stock_code="005930", stock_name="삼성전자", price=208_500, base_price=220_000,
        change=-11_500, change_pct=-5.23, volume=61_720_290, value=12_931_102_050_500,
    )  # fmt: skip
    reply = flows.strength(call({}, quote=quote, strength=(strength(newest), strength(older))))
    assert [dict(made) for made in reply.rows] == [newest, older]


def live(index: int) -> tuple[dict[str, str], str]:
    found = recorded("ws-0B")["data"][index]
    return dict(found["values"]), found["item"]


@pytest.mark.parametrize("index", [0, 1, 2])
def test_trade(index: int) -> None:
    values, code = live(index)

    def number(fid: str) -> int:
        return abs(int(values[fid]))

    base = number("10") - int(values["11"])
    clock = values["20"]
    tick = Tick(
        stock_code=code, price=number("10"), quantity=number("15"),
        side=Side.BUY if values["15"].startswith("+") else Side.SELL, volume=number("13"),
        change_pct=float(values["12"]),
        at=at(f"2026-07-20T{clock[:2]}:{clock[2:4]}:{clock[4:]}"), ask=number("27"),
        bid=number("28"), strength=float(values["228"]), open=number("16"), high=number("17"),
        low=number("18"),
    )  # fmt: skip
    quote = Quote(
        stock_code=code, stock_name="", price=tick.price, base_price=base,
        change=tick.price - base, change_pct=tick.change_pct, volume=tick.volume,
        value=number("14") * 1_000_000,
        listed_shares=round(number("311") * 100_000_000 / tick.price) + 1,
    )  # fmt: skip
    made = realtime.trade(tick, quote)
    assert set(made) == set(values)
    unknown = {"26", "29", "30", "851", "1030", "1031", "1032", "1071", "1072"}
    unknown |= {"31", "32", "620", "732", "852", "1890", "1891", "1892"}
    same(made, {fid: text for fid, text in values.items() if fid not in unknown})
    for fid in ("31", "32", "620", "732", "852"):
        assert float(made[fid]) == pytest.approx(float(values[fid]), rel=0.05, abs=2)
    assert realtime.row("0B", code, made)["name"] == "주식체결"


def test_order_row() -> None:
    values = recorded("ws-00")["data"][0]["values"]
    notice = OrderNotice(
        ord_no="0108634", original_ord_no="", stock_code="105560", stock_name="KB금융",
        status="FILL", side=Side.BUY, quantity=1, price=165_300, open_quantity=0,
        at=at("2026-08-26T09:15:47"), exec_no="1", fill_quantity=1, fill_price=165_300,
    )  # fmt: skip
    around = account_rows.RowContext(account="1234567890", filled=1, value=165_300)
    made = account_rows.order(notice, around)
    same(made, values)
    assert made["919"] == "0"


def test_intervals_have_the_brokers_page_sizes() -> None:
    assert charts.PAGES == {
        Interval.TICK: 900, Interval.MINUTE: 900, Interval.DAY: 600, Interval.WEEK: 300,
        Interval.MONTH: 240,
    }  # fmt: skip

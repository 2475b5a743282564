"""Every body the server really sent parses to exactly the right values."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path

import httpx
import pytest

from kt.broker.order_gateway import outcome
from kt.broker.rest.client import Http
from kt.broker.rest.rate_limit import Pacer
from kt.broker.rest.response_class import classify
from kt.broker.rest.token_server import WireTokenServer
from kt.broker.wire import account, charts, orders, rankings, stocks
from kt.clock import ManualClock
from kt.errors import AuthError, BrokerRefused, RateLimited, WireError
from kt.records import (
    KST,
    Bar,
    BrokerOrder,
    Deposit,
    Execution,
    Holding,
    Holdings,
    Interval,
    OrderType,
    OutcomeStatus,
    Ranked,
    Ranking,
    Side,
    Strength,
)
from tests.broker.wiring import KEYS, RECORDED, recorded

TODAY = date(2026, 11, 23)


def no_faults(fault: WireError) -> None:
    raise fault


def test_no_recording_is_left_out() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    unread = [path.stem for path in RECORDED.glob("*.json") if f'"{path.stem}"' not in source]
    assert not unread


def test_au10001(tmp_path: Path) -> None:
    """Its token is masked: another stands in for it. It ends on the Korean wall clock."""
    body = recorded("au10001") | {"token": "WQJCwyqInphKnR3bSRtB9NE1lv"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
    clock = ManualClock(datetime(2025, 12, 11, 5, 36, 30, tzinfo=KST))
    server = WireTokenServer(
        Http("http://broker.test", transport), Pacer(tmp_path, "k", clock, 5, 5), clock
    )
    issued = server.issue(KEYS)
    assert issued.token == "WQJCwyqInphKnR3bSRtB9NE1lv"
    assert issued.expires_at == datetime(2025, 12, 12, 5, 36, 29, tzinfo=KST)
    assert issued.token not in repr(issued)


def test_kt00018() -> None:
    held = Holding(
        stock_code="005930",
        stock_name="삼성전자",
        quantity=1,
        sellable=1,
        average_price=250_250,
        price=260_000,
        cost=250_250,
        value=260_000,
        profit=7_450,
        profit_pct=2.98,
        weight_pct=89.36,
        previous_close=257_000,
    )
    assert account.holdings([recorded("kt00018")]) == Holdings(
        items=(held,),
        total_cost=250_250,
        total_value=260_000,
        total_profit=7_450,
        total_profit_pct=2.98,
        estimated_assets=260_000,
    )


def test_kt00001() -> None:
    assert account.deposit(recorded("kt00001")) == Deposit(
        cash=10_000_000,
        orderable=10_000_000,
        withdrawable=10_000_000,
        margin=0,
        d1_cash=10_000_000,
        d2_cash=10_000_000,
    )


def test_ka10076() -> None:
    assert orders.executions(recorded("ka10076"), TODAY) == [
        Execution(
            ord_no="0060327",
            original_ord_no="",
            stock_code="005930",
            stock_name="삼성전자",
            side=Side.BUY,
            order_quantity=1,
            order_price=250_500,
            quantity=1,
            price=250_250,
            open_quantity=0,
            fee=870,
            tax=0,
            at=datetime(2026, 11, 23, 10, 14, 14, tzinfo=KST),
        )
    ]


def test_ka10075_with_the_measured_values() -> None:
    """The recording lists the 30 fields and some values; the rest are as the document shows."""
    shape = recorded("ka10075-shape")
    row = dict.fromkeys(shape["row_fields_30"], "")
    row |= {
        "ord_no": "0051403", "stk_cd": "005930", "stk_nm": "삼성전자", "ord_stt": "접수",
        "io_tp_nm": "-매도", "trde_tp": "보통", "ord_qty": "10", "oso_qty": "7",
        "ord_pric": "246000", "tm": "101500", "orig_ord_no": "0000000", "cntr_qty": "3",
        "cntr_pric": "246000", "cur_prc": "-245500",
    }  # fmt: skip
    assert orders.open_orders({"oso": [row]}, TODAY) == [
        BrokerOrder(
            ord_no="0051403",
            original_ord_no="",
            stock_code="005930",
            stock_name="삼성전자",
            side=Side.SELL,
            order_type=OrderType.LIMIT,
            quantity=10,
            price=246_000,
            open_quantity=7,
            filled_quantity=3,
            fill_price=246_000,
            status="RECEIVED",
            at=datetime(2026, 11, 23, 10, 15, tzinfo=KST),
            kind="NEW",
        )
    ]


def test_ka10023() -> None:
    assert rankings.ranked(recorded("ka10023"), Ranking.VOLUME_SURGE, no_faults) == [
        Ranked(
            ranking=Ranking.VOLUME_SURGE,
            rank=1,
            stock_code="252670",
            stock_name="KODEX 200선물인버스2X",
            price=95,
            change_pct=-5.0,
            volume=4_048_484_876,
            surge_pct=79.49,
        ),
        Ranked(
            ranking=Ranking.VOLUME_SURGE,
            rank=2,
            stock_code="480310",
            stock_name="TIGER 글로벌온디바이스AI",
            price=21_105,
            change_pct=-0.17,
            volume=47_534,
            surge_pct=171.47,
        ),
    ]


def test_ka10030_with_its_saturated_volume() -> None:
    assert rankings.ranked(recorded("ka10030"), Ranking.VOLUME, no_faults) == [
        Ranked(
            ranking=Ranking.VOLUME,
            rank=1,
            stock_code="252670",
            stock_name="KODEX 200선물인버스2X",
            price=75,
            change_pct=-10.71,
            volume=4_294_967_295,
            value=1_209_973_000_000,
        )
    ]


def test_ka10046() -> None:
    first = Strength(
        at=datetime(2026, 11, 23, 15, 59, tzinfo=KST),
        price=208_500,
        volume=53,
        strength=106.92,
        strength_5m=106.92,
        strength_20m=106.91,
        strength_60m=104.30,
    )
    second = Strength(
        at=datetime(2026, 11, 23, 15, 58, tzinfo=KST),
        price=208_500,
        volume=5,
        strength=106.92,
        strength_5m=106.92,
        strength_20m=106.86,
        strength_60m=104.19,
    )
    assert stocks.strength(recorded("ka10046"), TODAY, no_faults) == [first, second]


def test_ka10080() -> None:
    assert charts.bars(recorded("ka10080"), Interval.MINUTE, no_faults) == [
        Bar(
            at=datetime(2026, 7, 3, 15, 30, tzinfo=KST),
            open=309_500,
            high=309_500,
            low=309_500,
            close=309_500,
            volume=2_283_317,
        )
    ]


def test_ka10081() -> None:
    assert charts.bars(recorded("ka10081"), Interval.DAY, no_faults) == [
        Bar(
            at=datetime(2026, 7, 3, tzinfo=KST),
            open=288_500,
            high=313_000,
            low=283_500,
            close=309_500,
            volume=31_520_538,
            value=9_454_829_000_000,
        ),
        Bar(
            at=datetime(2026, 7, 2, tzinfo=KST),
            open=290_000,
            high=295_000,
            low=285_000,
            close=286_000,
            volume=38_905_074,
            value=11_362_882_000_000,
        ),
    ]


@pytest.mark.parametrize(
    ("name", "status", "error", "code"),
    [
        ("error-1504", 200, BrokerRefused, "1504"),
        ("error-1511", 200, BrokerRefused, "1511"),
        ("error-1700", 429, RateLimited, "1700"),
        ("error-8005", 200, AuthError, "8005"),
    ],
)
def test_errors(name: str, status: int, error: type[Exception], code: str) -> None:
    verdict = classify(status, recorded(name))
    assert verdict is not None
    assert (type(verdict.error("ka10080")), verdict.code) == (error, code)


def answered(body: dict[str, object], status: int = 200) -> object:
    """The outcome of an order that was answered with `body`."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=json.dumps(body)))
    return Http("http://broker.test", transport).post("/api/dostk/ordr", {}, {})


@pytest.mark.parametrize(
    ("name", "number"),
    [("kt10000-mock", "0121751"), ("kt10000-real", "0411161"), ("kt10001-mock", "0051403")],
)
def test_orders_that_were_taken(name: str, number: str) -> None:
    found = outcome(answered(recorded(name)))
    assert (found.status, found.ord_no) == (OutcomeStatus.ACKED, number)
    assert found.message == recorded(name)["return_msg"]


def test_kt10003() -> None:
    """The recording's own number is masked: another stands in for it."""
    body = recorded("kt10003-mock") | {"ord_no": "0186401"}
    found = outcome(answered(body), "cncl_qty")
    assert (found.status, found.ord_no, found.original_ord_no, found.quantity) == (
        OutcomeStatus.ACKED,
        "0186401",
        "0186358",
        19,
    )


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("order-reject-571557", "571557"),
        ("order-reject-RC4003", "RC4003"),
        ("order-reject-RC4025", "RC4025"),
        ("order-reject-RC4058", "RC4058"),
    ],
)
def test_refused_orders(name: str, code: str) -> None:
    found = outcome(answered(recorded(name)))
    assert (found.status, found.code, found.retryable) == (OutcomeStatus.REJECTED, code, False)
    assert found.message == recorded(name)["return_msg"]

"""What a trade costs: measured vectors, tax periods by settlement."""

from __future__ import annotations

from datetime import date

import pytest

from kt.records import Side
from kt.rules.fees import (
    MOCK_COMMISSION_PCT,
    REAL_COMMISSION_PCT,
    Costs,
    buy_cost,
    commission,
    costs,
    net_proceeds,
    sell_tax,
    sell_tax_rate,
)

TODAY = date(2026, 11, 23)
STOCK = {"market": "KOSPI", "kind": "STOCK", "trade_date": TODAY}


@pytest.mark.parametrize(("side", "tax"), [(Side.BUY, 0), (Side.SELL, 516)])
def test_a_real_fill_on_the_mock_server(side: Side, tax: int) -> None:
    found = costs(side, 258_000, commission_pct=MOCK_COMMISSION_PCT, **STOCK)  # type: ignore[arg-type]
    assert found == Costs(fee=900, tax=tax)
    assert found.total == 900 + tax


@pytest.mark.parametrize(
    ("value", "pct", "fee"),
    [
        (1_000_000, REAL_COMMISSION_PCT, 150),
        (999_999, REAL_COMMISSION_PCT, 140),
        (66_666, REAL_COMMISSION_PCT, 0),
        (66_667, REAL_COMMISSION_PCT, 10),
        (1_000_000, 0.0145, 140),
        (10_000, MOCK_COMMISSION_PCT, 30),
        (0, MOCK_COMMISSION_PCT, 0),
        (1_000_000, 0.0, 0),
    ],
)
def test_commission_is_cut_to_ten_won(value: int, pct: float, fee: int) -> None:
    assert commission(value, pct) == fee


@pytest.mark.parametrize(
    ("trade", "rate"),
    [
        (date(2019, 5, 29), 300),
        (date(2019, 5, 30), 250),
        (date(2020, 12, 28), 250),
        (date(2020, 12, 29), 230),
        (date(2022, 12, 27), 230),
        (date(2022, 12, 28), 200),
        (date(2023, 12, 26), 200),
        (date(2023, 12, 27), 180),
        (date(2024, 12, 26), 180),
        (date(2024, 12, 27), 150),
        (date(2025, 12, 26), 150),
        (date(2025, 12, 29), 200),
        (TODAY, 200),
    ],
)
@pytest.mark.parametrize("market", ["KOSPI", "KOSDAQ"])
def test_the_tax_rate_is_the_settlement_dates(trade: date, rate: int, market: str) -> None:
    assert sell_tax_rate(market, "STOCK", trade) == rate


def test_konex_and_untaxed_kinds_have_their_own_tax_rate() -> None:
    assert sell_tax(1_000_000, "KONEX", "STOCK", TODAY) == 1_000
    for kind in ("ETF", "ETN", "ELW"):
        assert sell_tax(1_000_000, "KOSPI", kind, TODAY) == 0


def test_tax_is_cut_to_one_won() -> None:
    assert sell_tax(1_999, "KOSPI", "STOCK", TODAY) == 3


def test_buy_cost_adds_and_net_proceeds_subtract_the_costs() -> None:
    assert buy_cost(1_000_000) == 1_000_150
    assert net_proceeds(1_000_000, **STOCK) == 1_000_000 - 150 - 2_000  # type: ignore[arg-type]


def test_a_round_trip_on_the_mock_server_costs_nine_tenths_of_a_percent() -> None:
    paid = buy_cost(1_000_000, MOCK_COMMISSION_PCT)
    back = net_proceeds(1_000_000, commission_pct=MOCK_COMMISSION_PCT, **STOCK)  # type: ignore[arg-type]
    assert paid - back == 9_000

"""What a trade costs: measured vectors, tax periods by settlement, break-even."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.records import Side
from kt.rules import ticks
from kt.rules.fees import (
    MOCK_COMMISSION_PCT,
    REAL_COMMISSION_PCT,
    Costs,
    break_even_price,
    buy_cost,
    commission,
    costs,
    fill_costs,
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


def test_other_markets_and_kinds() -> None:
    assert sell_tax(1_000_000, "KONEX", "STOCK", TODAY) == 1_000
    for kind in ("ETF", "ETN", "ELW"):
        assert sell_tax(1_000_000, "KOSPI", kind, TODAY) == 0


def test_tax_is_cut_to_one_won() -> None:
    assert sell_tax(1_999, "KOSPI", "STOCK", TODAY) == 3


def test_money_in_and_out() -> None:
    assert buy_cost(1_000_000) == 1_000_150
    assert net_proceeds(1_000_000, **STOCK) == 1_000_000 - 150 - 2_000  # type: ignore[arg-type]


def test_a_round_trip_on_the_mock_server_costs_nine_tenths_of_a_percent() -> None:
    paid = buy_cost(1_000_000, MOCK_COMMISSION_PCT)
    back = net_proceeds(1_000_000, commission_pct=MOCK_COMMISSION_PCT, **STOCK)  # type: ignore[arg-type]
    assert paid - back == 9_000


@given(
    st.integers(100, 1_000_000).map(ticks.round_up),
    st.integers(1, 5_000),
    st.sampled_from([REAL_COMMISSION_PCT, MOCK_COMMISSION_PCT, 0.0]),
)
def test_break_even_is_the_first_price_without_a_loss(
    price: int, quantity: int, pct: float
) -> None:
    cost = buy_cost(price * quantity, pct)
    even = break_even_price(cost, quantity, commission_pct=pct, **STOCK)  # type: ignore[arg-type]

    def back(at: int) -> int:
        return net_proceeds(at * quantity, commission_pct=pct, **STOCK)  # type: ignore[arg-type]

    assert ticks.is_on_tick(even)
    assert back(even) >= cost
    assert even >= price
    assert even == price or back(ticks.step(even, -1)) < cost


def test_break_even_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="0 shares"):
        break_even_price(1_000, 0, **STOCK)  # type: ignore[arg-type]


@given(
    st.lists(st.integers(1, 10_000_000), min_size=1, max_size=8),
    st.sampled_from(list(Side)),
    st.sampled_from([REAL_COMMISSION_PCT, MOCK_COMMISSION_PCT]),
)
def test_the_fills_costs_add_up_to_the_orders(values: list[int], side: Side, pct: float) -> None:
    found = [
        fill_costs(side, sum(values[:n]), value, commission_pct=pct, **STOCK)  # type: ignore[arg-type]
        for n, value in enumerate(values)
    ]
    whole = costs(side, sum(values), commission_pct=pct, **STOCK)  # type: ignore[arg-type]

    assert sum(part.fee for part in found) == whole.fee
    assert sum(part.tax for part in found) == whole.tax
    assert all(part.fee >= 0 <= part.tax for part in found)

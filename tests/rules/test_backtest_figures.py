"""Figures of a backtest."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

import pytest
from msgspec.structs import replace

from kt.records import KST, DayResult, Equity, RoundTrip
from kt.rules import backtest_figures as figures

TEN = datetime(2026, 1, 5, 10, 30, tzinfo=KST)
TRIP = RoundTrip(
    stock_code="005930", stock_name="삼성전자", quantity=1, buy_price=100.0, sell_price=101.0,
    bought=100, sold=101, gross=1, fee=0, tax=0, profit=1, profit_pct=1.0, opened_at=TEN,
    closed_at=TEN, held_minutes=0, open=False, origin="take_profit",
)  # fmt: skip


def trip(profit: int, origin: str = "take_profit", hours: int = 0) -> RoundTrip:
    return replace(TRIP, profit=profit, origin=origin, opened_at=TEN + timedelta(hours=hours))


def test_trades_by_reason_the_most_frequent_first() -> None:
    found = figures.exits([trip(-5, "stop_loss"), trip(3), trip(2), trip(1, "analyst")])
    assert [(row.reason, row.trades, row.wins, row.profit) for row in found] == [
        ("take_profit", 2, 2, 5),
        ("analyst", 1, 1, 1),
        ("stop_loss", 1, 0, -5),
    ]


def test_trades_by_the_hour_in_which_they_began() -> None:
    found = figures.hours([trip(4, hours=2), trip(-1), trip(2, hours=2)])
    assert [(row.hour, row.trades, row.wins, row.profit) for row in found] == [
        (10, 1, 0, -1),
        (12, 2, 2, 6),
    ]


def test_exposure_and_turnover() -> None:
    points = [
        Equity(at=TEN, cash=100, value=0, equity=100),
        Equity(at=TEN, cash=50, value=50, equity=100),
    ]
    day = DayResult(
        day=TEN.date(), realised=0, unrealised=0, fees=0, taxes=0, trades=0, wins=0, bought=150,
        sold=100, at=TEN,
    )  # fmt: skip
    assert figures.exposure_pct(points) == 25.0
    assert figures.turnover([day], points) == 2.5
    assert figures.exposure_pct([]) is None
    assert figures.turnover([day], []) is None


def test_days_compound_and_one_unknown_day_leaves_all_unknown() -> None:
    assert figures.compounded_pct([10.0, -10.0]) == -1.0
    assert figures.compounded_pct([10.0, None]) is None
    assert figures.compounded_pct([]) is None


def test_the_bootstrap_is_the_same_for_the_same_draws() -> None:
    rates = [1.0, -0.5, 2.0, 0.3, -1.2, 0.8]
    one = figures.bootstrap(rates, Random(1).randrange)
    assert one == figures.bootstrap(rates, Random(1).randrange)
    assert one is not None
    low, high, p_value = one
    assert low < sum(rates) / len(rates) < high
    assert 0 < p_value < 0.5


def test_a_mean_and_how_sure_it_is() -> None:
    rates = [1.0, 2.0, 3.0]
    found = figures.mean_return(rates, Random(1).randrange)
    assert found.mean == 2.0
    assert (found.low, found.high, found.p_value) == figures.bootstrap(rates, Random(1).randrange)
    assert figures.mean_return([0.1], Random(1).randrange) == (0.1, None, None, None)
    assert figures.mean_return([], Random(1).randrange) == (None, None, None, None)


@pytest.mark.parametrize(("rates", "p_value"), [([1.0, 2.0, 3.0], 0.0), ([-1.0, -2.0], 1.0)])
def test_what_only_won_or_only_lost_is_sure(rates: list[float], p_value: float) -> None:
    found = figures.bootstrap(rates, Random(1).randrange)
    assert found is not None and found[2] == p_value


def test_the_interval_is_the_one_of_the_normal_distribution_for_many_trades() -> None:
    draw = Random(3)
    rates = [draw.gauss(0.2, 1.0) for _ in range(400)]
    found = figures.bootstrap(rates, Random(1).randrange)
    assert found is not None
    mean = sum(rates) / len(rates)
    half = 1.96 * (sum((one - mean) ** 2 for one in rates) / 399 / 400) ** 0.5
    assert found[0] == pytest.approx(mean - half, abs=0.015)
    assert found[1] == pytest.approx(mean + half, abs=0.015)


def test_one_trade_proves_nothing() -> None:
    assert figures.bootstrap([1.0], Random(1).randrange) is None

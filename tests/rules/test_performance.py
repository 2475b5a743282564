"""Performance figures, compared with empyrical's and with values computed by hand."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from kt.records import Equity, RoundTrip
from kt.rules import performance
from tests.rules.make import T0

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "performance" / "empyrical.json").read_text()
)
FIGURES = ("total_return", "max_drawdown", "sharpe", "sortino")


def point(equity: int, *, minutes: int = 0, days: int = 0, moved: int = 0) -> Equity:
    at = T0 + timedelta(days=days, minutes=minutes)
    return Equity(at=at, cash=equity, value=0, equity=equity, moved=moved)


def trip(profit: int, minutes: int = 10) -> RoundTrip:
    return RoundTrip(
        stock_code="005930",
        stock_name="삼성전자",
        quantity=10,
        buy_price=70_000.0,
        sell_price=70_000 + profit / 10,
        bought=700_000,
        sold=700_000 + profit,
        gross=profit,
        fee=0,
        tax=0,
        profit=profit,
        profit_pct=0.0,
        opened_at=T0,
        closed_at=T0 + timedelta(minutes=minutes),
        held_minutes=minutes,
        open=False,
        origin="take_profit",
    )


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("number", range(len(VECTORS)))
def test_every_figure_equals_empyricals(figure: str, number: int) -> None:
    vector = VECTORS[number]
    found = getattr(performance, figure)(vector["returns"])
    wanted = vector[figure]
    assert found == (wanted if wanted is None else pytest.approx(wanted, rel=1e-9, abs=1e-12))


def test_every_figure_has_a_reference_value() -> None:
    assert all(any(v[figure] is not None for v in VECTORS) for figure in FIGURES)
    assert all(any(v[figure] is None for v in VECTORS) for figure in FIGURES)


def test_deposits_and_withdrawals_are_not_returns() -> None:
    points = [
        point(1_000_000),
        point(1_510_000, minutes=1, moved=500_000),
        point(1_208_000, minutes=2, moved=200_000),
    ]
    assert performance.returns(points) == [0.01, pytest.approx(-2_000 / 1_510_000)]


def test_without_equity_there_is_no_return() -> None:
    assert performance.returns([point(0), point(100, minutes=1)]) == []


def test_a_day_is_represented_by_its_last_minute() -> None:
    points = [point(100), point(90, minutes=5), point(110, days=1), point(99, days=1, minutes=1)]
    assert [p.equity for p in performance.last_of_each_day(points)] == [90, 99]


def test_the_figures_of_several_days() -> None:
    points = [point(1_000_000), point(900_000, minutes=1), point(1_020_000, minutes=2)]
    points += [point(1_010_000, days=1), point(1_030_200, days=2)]
    trips = [trip(30_000), trip(-10_000, 20), trip(0, 30)]
    found = performance.performance(date(2026, 11, 23), date(2026, 11, 25), 20_000, trips, points)
    assert (found.trades, found.wins, found.win_rate_pct) == (3, 1, 33.33)
    assert (found.profit, found.profit_factor, found.held_minutes) == (20_000, 3.0, 20)
    assert (found.return_pct, found.max_drawdown_pct) == (3.02, -10.0)
    daily = [1_010_000 / 1_020_000 - 1, 1_030_200 / 1_010_000 - 1]
    assert found.sharpe == round(performance.sharpe(daily) or 0, 2)
    assert found.sortino == round(performance.sortino(daily) or 0, 2)


def test_a_figure_that_cannot_be_computed_is_none() -> None:
    found = performance.performance(date(2026, 11, 23), date(2026, 11, 23), 0, [], [])
    figures = (found.win_rate_pct, found.profit_factor, found.held_minutes, found.return_pct)
    assert figures == (None,) * 4
    assert (found.max_drawdown_pct, found.sharpe, found.sortino) == (None,) * 3
    assert performance.profit_factor([5, 0]) is None

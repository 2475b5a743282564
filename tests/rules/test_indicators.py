"""Textbook indicators: worked examples and bounds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.records import Bar
from kt.rules.indicators import atr, ema, momentum, rsi, sma, vwap
from tests.rules.make import T0


def bar(high: int, low: int, close: int, volume: int = 10, value: int = 0, n: int = 0) -> Bar:
    at = T0 + timedelta(minutes=n)
    return Bar(at=at, open=low, high=high, low=low, close=close, volume=volume, value=value)


def test_means() -> None:
    assert sma([1, 2, 3, 4], 2) == 3.5
    assert ema([1, 2, 3, 4], 2) == pytest.approx(3.5)
    assert ema([2, 2, 2, 8], 3) == pytest.approx(5.0)


def test_one_value_is_its_own_mean() -> None:
    assert sma([3.0, 7.0], 1) == ema([3.0, 7.0], 1) == 7.0


def test_as_many_values_as_steps_are_too_few_for_changes() -> None:
    assert rsi([1, 2, 3], 3) is None
    assert momentum([1, 2, 3], 3) is None
    assert atr([bar(3, 1, 2)] * 3, 3) is None


def test_rsi_of_a_worked_example() -> None:
    # Wilder's 14-day example as it is commonly printed
    closes = [
        44.34, 44.09, 44.15, 43.61, 44.33, 44.83, 45.10, 45.42, 45.84, 46.08, 45.89, 46.03, 45.61,
        46.28, 46.28, 46.00,
    ]  # fmt: skip
    assert rsi(closes[:15]) == pytest.approx(70.46, abs=0.01)
    assert rsi(closes) == pytest.approx(66.25, abs=0.01)


def test_rsi_at_its_ends() -> None:
    assert rsi([1, 2, 3], 2) == 100
    assert rsi([3, 2, 1], 2) == 0
    assert rsi([5, 5, 5], 2) == 50


def test_atr_counts_gaps() -> None:
    bars = [bar(100, 90, 95), bar(105, 100, 102), bar(101, 99, 100), bar(110, 100, 110)]
    assert atr(bars, 2) == pytest.approx((((10 + 3) / 2) + 10) / 2)


def test_vwap_by_value_or_typical_price() -> None:
    assert vwap([bar(110, 90, 100, 10), bar(220, 180, 200, 30)]) == pytest.approx(175)
    assert vwap([bar(110, 90, 100, 10, value=990)]) == pytest.approx(99)


def test_momentum() -> None:
    assert momentum([100, 50, 110], 2) == pytest.approx(10)
    assert momentum([0, 50, 110], 2) is None


@pytest.mark.parametrize("n", [0, -1, 5])
def test_too_few_values_give_nothing(n: int) -> None:
    values = [1.0, 2.0, 3.0, 4.0]
    bars = [bar(3, 1, 2)] * 4
    assert [f(values, n) for f in (sma, ema, rsi, momentum)] == [None] * 4
    assert atr(bars, n) is None
    assert vwap([]) is None
    assert vwap([bar(1, 1, 1, volume=0)]) is None


PRICES = st.lists(st.floats(1, 1e6), min_size=3, max_size=40)


@given(PRICES, st.integers(1, 40))
def test_means_lie_among_their_values_and_rsi_in_its_bounds(prices: list[float], n: int) -> None:
    for mean in (sma(prices, n), ema(prices, n)):
        if mean is not None:
            assert min(prices) * (1 - 1e-9) <= mean <= max(prices) * (1 + 1e-9)
    strength = rsi(prices, n)
    assert strength is None or 0 <= strength <= 100

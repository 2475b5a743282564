"""Indicators: worked examples, and nothing from too little."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kt.records import Bar
from kt.rules.indicators import momentum, vwap
from tests.rules.make import T0


def bar(high: int, low: int, close: int, volume: int = 10, value: int = 0, n: int = 0) -> Bar:
    at = T0 + timedelta(minutes=n)
    return Bar(at=at, open=low, high=high, low=low, close=close, volume=volume, value=value)


def test_momentum_needs_one_value_more_than_steps() -> None:
    assert momentum([1, 2, 3], 3) is None


def test_vwap_by_value_or_typical_price() -> None:
    assert vwap([bar(110, 90, 100, 10), bar(220, 180, 200, 30)]) == pytest.approx(175)
    assert vwap([bar(110, 90, 100, 10, value=990)]) == pytest.approx(99)


def test_momentum() -> None:
    assert momentum([100, 50, 110], 2) == pytest.approx(10)
    assert momentum([0, 50, 110], 2) is None


@pytest.mark.parametrize("n", [0, -1, 5])
def test_too_few_values_give_none(n: int) -> None:
    assert momentum([1.0, 2.0, 3.0, 4.0], n) is None


def test_vwap_without_volume_is_none() -> None:
    assert vwap([]) is None
    assert vwap([bar(1, 1, 1, volume=0)]) is None

"""Indicators: TA-Lib's values, worked examples, and nothing from too little."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kt.records import Bar
from kt.rules.indicators import atr, bollinger, macd, momentum, rsi, sma, vwap
from tests.rules.make import T0

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "indicators" / "vectors.json").read_text()
)
"""What TA-Lib says, and `ta` of the VWAP: tests/tools/make_indicator_vectors.py."""
FLAT = len(VECTORS) - 1


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


def computed(rows: list[list[int]]) -> dict[str, float | None]:
    bars = [
        Bar(at=T0 + timedelta(days=n), open=o, high=h, low=low, close=c, volume=v)
        for n, (o, h, low, c, v) in enumerate(rows)
    ]
    closes = [bar.close for bar in bars]
    bands, lines = bollinger(closes), macd(closes)
    return {
        "sma_5": sma(closes, 5),
        "sma_20": sma(closes, 20),
        "sma_60": sma(closes, 60),
        "rsi": rsi(closes),
        "macd": lines and lines.line,
        "macd_signal": lines and lines.signal,
        "macd_histogram": lines and lines.histogram,
        "bollinger_lower": bands and bands[0],
        "bollinger_upper": bands and bands[1],
        "atr": atr(bars),
        "vwap": vwap(bars),
    }


@pytest.mark.parametrize("number", range(len(VECTORS)))
def test_every_indicator_equals_the_libraries(number: int) -> None:
    wanted = VECTORS[number]
    for name, value in computed(wanted["bars"]).items():
        if name == "rsi" and number == FLAT:
            assert value == 50.0, "TA-Lib says 0, as of the deepest fall"
        elif wanted[name] is None:
            assert value is None, name
        else:
            assert value == pytest.approx(wanted[name], rel=1e-9, abs=1e-6), name


def test_every_indicator_has_reference_values_and_lengths_that_are_too_short() -> None:
    for name in computed(VECTORS[0]["bars"]):
        assert any(vector[name] is not None for vector in VECTORS)
        assert name == "vwap" or any(vector[name] is None for vector in VECTORS)


def test_an_rsi_between_its_ends() -> None:
    assert rsi([float(n) for n in range(20)]) == 100
    assert rsi([float(-n) for n in range(20)]) == 0

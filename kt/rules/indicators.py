"""Indicators over prices and bars, oldest first; None when there are too few values."""

from __future__ import annotations

from collections.abc import Sequence

from kt.records import Bar


def vwap(bars: Sequence[Bar]) -> float | None:
    """The volume-weighted average price; a bar without a value counts at its typical price."""
    volume = sum(bar.volume for bar in bars)
    value = sum(bar.value or (bar.high + bar.low + bar.close) * bar.volume / 3 for bar in bars)
    return value / volume if volume > 0 else None


def momentum(values: Sequence[float], n: int) -> float | None:
    """The change over the newest `n` steps in percent."""
    if not 0 < n < len(values) or not values[-1 - n]:
        return None
    return (values[-1] / values[-1 - n] - 1) * 100

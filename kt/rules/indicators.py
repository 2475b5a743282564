"""Textbook indicators over prices and bars, oldest first; None when there are too few."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from kt.records import Bar


def sma(values: Sequence[float], n: int) -> float | None:
    """The mean of the newest `n` values."""
    return sum(values[-n:]) / n if 0 < n <= len(values) else None


def ema(values: Sequence[float], n: int) -> float | None:
    """The exponential mean with the weight 2/(n+1), begun with the mean of the first `n`."""
    if not 0 < n <= len(values):
        return None
    mean = sum(values[:n]) / n
    for value in values[n:]:
        mean += (value - mean) * 2 / (n + 1)
    return mean


def rsi(values: Sequence[float], n: int = 14) -> float | None:
    """Wilder's relative strength, 0..100; 50 when nothing moved. Needs n + 1 values."""
    if not 0 < n < len(values):
        return None
    moves = [later - earlier for earlier, later in pairwise(values)]
    up = sum(max(0.0, move) for move in moves[:n]) / n
    down = sum(max(0.0, -move) for move in moves[:n]) / n
    for move in moves[n:]:
        up += (max(0.0, move) - up) / n
        down += (max(0.0, -move) - down) / n
    return 100 * up / (up + down) if up + down else 50.0


def atr(bars: Sequence[Bar], n: int = 14) -> float | None:
    """Wilder's average true range in won. Needs n + 1 bars."""
    if not 0 < n < len(bars):
        return None
    ranges = [
        max(bar.high, before.close) - min(bar.low, before.close) for before, bar in pairwise(bars)
    ]
    mean = sum(ranges[:n]) / n
    for true_range in ranges[n:]:
        mean += (true_range - mean) / n
    return mean


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

"""Indicators over prices and bars, oldest first; None when there are too few values.

RSI, MACD, Bollinger bands and ATR are defined as in TA-Lib, with its starting values
(tests/data/indicators).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

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


def sma(values: Sequence[float], n: int) -> float | None:
    """The mean of the newest `n` values."""
    return sum(values[-n:]) / n if 0 < n <= len(values) else None


def rsi(closes: Sequence[float], n: int = 14) -> float | None:
    """Wilder's relative strength index, 0..100: 50 when nothing moved."""
    if len(closes) <= n:
        return None
    changes = [later - earlier for earlier, later in pairwise(closes)]
    up = _smoothed([max(0.0, change) for change in changes], n, 1 / n)[-1]
    down = _smoothed([max(0.0, -change) for change in changes], n, 1 / n)[-1]
    return 100 * up / (up + down) if up + down else 50.0


@dataclass(frozen=True, slots=True)
class Macd:
    """MACD line, its signal line and the difference, in the unit of the prices."""

    line: float
    signal: float

    @property
    def histogram(self) -> float:
        return self.line - self.signal


def macd(closes: Sequence[float], fast: int = 12, slow: int = 26, signal: int = 9) -> Macd | None:
    """The fast less the slow exponential average, and the exponential average of that. Both
    averages begin at the same bar, as TA-Lib's do."""
    if len(closes) < slow + signal - 1:
        return None
    quick = _smoothed(closes[slow - fast :], fast, 2 / (fast + 1))
    slowly = _smoothed(closes, slow, 2 / (slow + 1))
    line = [q - s for q, s in zip(quick, slowly, strict=True)]
    return Macd(line[-1], _smoothed(line, signal, 2 / (signal + 1))[-1])


def bollinger(
    closes: Sequence[float], n: int = 20, width: float = 2.0
) -> tuple[float, float] | None:
    """Lower and upper band: the mean of `n` closes and `width` population standard deviations."""
    middle = sma(closes, n)
    if middle is None:
        return None
    spread = width * (sum((close - middle) ** 2 for close in closes[-n:]) / n) ** 0.5
    return middle - spread, middle + spread


def atr(bars: Sequence[Bar], n: int = 14) -> float | None:
    """Wilder's average true range, in the unit of the prices."""
    if len(bars) <= n:
        return None
    ranges = [
        max(bar.high, before.close) - min(bar.low, before.close) for before, bar in pairwise(bars)
    ]
    return _smoothed([float(size) for size in ranges], n, 1 / n)[-1]


def _smoothed(values: Sequence[float], n: int, weight: float) -> list[float]:
    """The exponential average from the n-th value on, which is the mean of the first n."""
    found = [sum(values[:n]) / n]
    for value in values[n:]:
        found.append(found[-1] + weight * (value - found[-1]))
    return found

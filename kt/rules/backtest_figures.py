"""Figures of a backtest that a live report does not have: exits and hours, exposure, turnover, and
how sure the mean profit is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from kt.records import DayResult, Equity, ExitResult, HourResult, RoundTrip

ROUNDS = 2_000
"""Resamples of the bootstrap."""
INSIDE = 0.95
"""The part of the resampled means inside the interval."""

Choose = Callable[[int], int]
"""A random whole number below the given one."""


def exits(trips: Iterable[RoundTrip]) -> tuple[ExitResult, ...]:
    """By the reason of the last sale, the most frequent first."""
    found: dict[str, list[RoundTrip]] = {}
    for trip in trips:
        found.setdefault(trip.origin, []).append(trip)
    rows = [
        ExitResult(
            reason=reason,
            trades=len(those),
            wins=sum(trip.won for trip in those),
            profit=sum(trip.profit for trip in those),
        )
        for reason, those in found.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.trades, row.reason)))


def hours(trips: Iterable[RoundTrip]) -> tuple[HourResult, ...]:
    """By the hour in which the position was opened."""
    found: dict[int, list[RoundTrip]] = {}
    for trip in trips:
        found.setdefault(trip.opened_at.hour, []).append(trip)
    return tuple(
        HourResult(
            hour=hour,
            trades=len(those),
            wins=sum(trip.won for trip in those),
            profit=sum(trip.profit for trip in those),
        )
        for hour, those in sorted(found.items())
    )


def exposure_pct(points: Sequence[Equity]) -> float | None:
    """The mean invested part of the equity, in percent."""
    parts = [point.value / point.equity for point in points if point.equity > 0]
    return round(100 * math.fsum(parts) / len(parts), 2) if parts else None


def turnover(days: Iterable[DayResult], points: Sequence[Equity]) -> float | None:
    """Bought and sold as a multiple of the mean equity."""
    if not points:
        return None
    mean = sum(point.equity for point in points) / len(points)
    moved = sum(day.bought + day.sold for day in days)
    return round(moved / mean, 2) if mean > 0 else None


def compounded_pct(rates: Sequence[float | None]) -> float | None:
    """Daily percentages as one; None when one of them is not known."""
    known = [rate for rate in rates if rate is not None]
    if not known or len(known) < len(rates):
        return None
    return round(100 * (math.prod(1 + rate / 100 for rate in known) - 1), 2)


class MeanReturn(NamedTuple):
    """A mean in percent, its 95% interval, and the part of the resamples that are not above 0; None
    where too few values are known."""

    mean: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None


def mean_return(rates: Sequence[float], choose: Choose) -> MeanReturn:
    """The mean of percentages and how sure it is."""
    if not rates:
        return MeanReturn()
    mean = round(math.fsum(rates) / len(rates), 3)
    return MeanReturn(mean, *(bootstrap(rates, choose) or ()))


def bootstrap(
    rates: Sequence[float], choose: Choose, rounds: int = ROUNDS
) -> tuple[float, float, float] | None:
    """(low, high, p): the percentile interval of the mean, and the part of the resampled means
    that are not above 0. None for fewer than two values."""
    count = len(rates)
    if count < 2:
        return None
    means = sorted(
        math.fsum(rates[choose(count)] for _ in range(count)) / count for _ in range(rounds)
    )
    outside = int(rounds * (1 - INSIDE) / 2)
    p_value = sum(mean <= 0 for mean in means) / rounds
    return round(means[outside], 3), round(means[-1 - outside], 3), round(p_value, 4)

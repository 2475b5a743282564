"""How well trading went, by the definitions of empyrical-reloaded 0.7.1 (tests/data/performance
holds figures made with it): drawdown, Sharpe and Sortino ratio; and of trades their win rate,
profit factor and holding time.

A figure that needs more than there is (one day, no loss to divide by) is None, never 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise

from kt.records import KST, Equity, Performance, RoundTrip
from kt.rules.round_trips import percent_of

DAYS_A_YEAR = 252
"""Trading days, as empyrical counts them."""


def performance(
    since: date, until: date, profit: int, trips: Sequence[RoundTrip], points: Sequence[Equity]
) -> Performance:
    """The figures of these days: `profit` in won that all sales brought, the trades that ended,
    and the equity minute by minute, oldest first, from the last minute before these days on."""
    daily = returns(last_of_each_day(points))
    minutes = returns(points)
    return Performance(
        since=since,
        until=until,
        profit=profit,
        trades=len(trips),
        wins=sum(trip.won for trip in trips),
        win_rate_pct=percent_of(sum(trip.won for trip in trips), len(trips)),
        profit_factor=_rounded(profit_factor([trip.profit for trip in trips])),
        held_minutes=sum(t.held_minutes for t in trips) // len(trips) if trips else None,
        return_pct=_percent(total_return(minutes)),
        max_drawdown_pct=_percent(max_drawdown(minutes)),
        sharpe=_rounded(sharpe(daily)),
        sortino=_rounded(sortino(daily)),
    )


def last_of_each_day(points: Iterable[Equity]) -> list[Equity]:
    """Each day's last minute; `points` oldest first."""
    return list({point.at.astimezone(KST).date(): point for point in points}.values())


def returns(points: Sequence[Equity]) -> list[float]:
    """From each point to the next, as a part of the equity before (0.01 is one percent). What
    came or went without a trade in between is no gain; nothing is gained on nothing."""
    found = []
    for before, after in pairwise(points):
        gained = after.equity - before.equity - (after.moved - before.moved)
        if before.equity > 0:
            found.append(gained / before.equity)
    return found


def total_return(found: Sequence[float]) -> float | None:
    """Returns after one another, as one; empyrical's `cum_returns_final`."""
    return math.prod(1 + one for one in found) - 1 if found else None


def max_drawdown(found: Sequence[float]) -> float | None:
    """The deepest fall from the highest value so far, 0 or below; empyrical's `max_drawdown`."""
    if not found:
        return None
    value = highest = 1.0
    worst = 0.0
    for one in found:
        value *= 1 + one
        highest = max(highest, value)
        worst = min(worst, value / highest - 1)
    return worst


def sharpe(daily: Sequence[float]) -> float | None:
    """Mean over deviation (of a sample) of daily returns, a year's; empyrical's `sharpe_ratio`."""
    if len(daily) < 2:
        return None
    mean = math.fsum(daily) / len(daily)
    deviation = math.sqrt(math.fsum((one - mean) ** 2 for one in daily) / (len(daily) - 1))
    return mean / deviation * math.sqrt(DAYS_A_YEAR) if deviation > 0 else None


def sortino(daily: Sequence[float]) -> float | None:
    """The mean over the root of the mean square of the losses alone; empyrical's
    `sortino_ratio`."""
    if len(daily) < 2:
        return None
    mean = math.fsum(daily) / len(daily)
    downside = math.sqrt(math.fsum(min(one, 0.0) ** 2 for one in daily) / len(daily))
    return mean * math.sqrt(DAYS_A_YEAR) / downside if downside > 0 else None


def profit_factor(profits: Iterable[int]) -> float | None:
    """What the winning trades won for each won that the others lost; None when nothing was lost."""
    profits = list(profits)
    lost = -sum(one for one in profits if one < 0)
    return sum(one for one in profits if one > 0) / lost if lost else None


def _percent(rate: float | None) -> float | None:
    return None if rate is None else round(rate * 100, 2)


def _rounded(ratio: float | None) -> float | None:
    return None if ratio is None else round(ratio, 2)

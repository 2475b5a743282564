"""Performance figures: drawdown, Sharpe and Sortino ratio as empyrical-reloaded 0.7.1 defines them
(tests/data/performance has reference values computed with it), and the win rate, profit factor and
holding time of trades.

A figure that cannot be computed (a single day, no loss to divide by) is None, never 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise

from kt.records import KST, Equity, Performance, RoundTrip
from kt.rules.round_trips import percent_of

DAYS_A_YEAR = 252
"""Trading days a year, as in empyrical."""


def performance(
    since: date, until: date, profit: int, trips: Sequence[RoundTrip], points: Sequence[Equity]
) -> Performance:
    """The figures from `since` to `until`: `profit` is the profit of all sales in won, `trips` are
    the completed trades, `points` the equity by minute, oldest first, beginning with the last
    record before `since`."""
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
    """The last record of each day; `points` are oldest first."""
    return list({point.at.astimezone(KST).date(): point for point in points}.values())


def returns(points: Sequence[Equity]) -> list[float]:
    """The return from each point to the next, as a fraction of the equity before (0.01 is one
    percent). Deposits and withdrawals are excluded, and so are points with no equity before."""
    rates = []
    for before, after in pairwise(points):
        gained = after.equity - before.equity - (after.moved - before.moved)
        if before.equity > 0:
            rates.append(gained / before.equity)
    return rates


def total_return(rates: Sequence[float]) -> float | None:
    """The compounded return; empyrical's `cum_returns_final`."""
    return math.prod(1 + one for one in rates) - 1 if rates else None


def max_drawdown(rates: Sequence[float]) -> float | None:
    """The largest decline from a previous peak, 0 or below; empyrical's `max_drawdown`."""
    return min(drawdowns(rates), default=0.0) if rates else None


def drawdowns(rates: Iterable[float]) -> list[float]:
    """The decline from the previous peak after each return, 0 or below, as a fraction."""
    value = highest = 1.0
    found = []
    for one in rates:
        value *= 1 + one
        highest = max(highest, value)
        found.append(value / highest - 1)
    return found


def sharpe(daily: Sequence[float]) -> float | None:
    """`sharpe_of_one` of daily returns, annualised; empyrical's `sharpe_ratio`."""
    ratio = sharpe_of_one(daily)
    return None if ratio is None else ratio * math.sqrt(DAYS_A_YEAR)


def sharpe_of_one(rates: Sequence[float]) -> float | None:
    """The mean return of one period over its sample standard deviation; None without variation."""
    if len(rates) < 2:
        return None
    mean = math.fsum(rates) / len(rates)
    deviation = math.sqrt(math.fsum((one - mean) ** 2 for one in rates) / (len(rates) - 1))
    return mean / deviation if deviation > 0 else None


def sortino(daily: Sequence[float]) -> float | None:
    """Mean daily return over its downside deviation, annualised; empyrical's `sortino_ratio`."""
    if len(daily) < 2:
        return None
    mean = math.fsum(daily) / len(daily)
    downside = math.sqrt(math.fsum(min(one, 0.0) ** 2 for one in daily) / len(daily))
    return mean * math.sqrt(DAYS_A_YEAR) / downside if downside > 0 else None


def profit_factor(profits: Iterable[int]) -> float | None:
    """Gross profit divided by gross loss of the trades; None without a loss."""
    profits = list(profits)
    lost = -sum(one for one in profits if one < 0)
    return sum(one for one in profits if one > 0) / lost if lost else None


def _percent(rate: float | None) -> float | None:
    return None if rate is None else round(rate * 100, 2)


def _rounded(ratio: float | None) -> float | None:
    return None if ratio is None else round(ratio, 2)

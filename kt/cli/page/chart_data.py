"""What the page's script draws, as plain values: times are seconds of Korean time since 1970."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from kt.records import DayResult, Equity, Fill, MinutePrice
from kt.rules.performance import drawdowns, returns
from kt.steps.portfolio.period_report import PeriodReport, TradeCourse
from kt.translation import tr

MAX_POINTS = 1_000
"""Points of one line: more would not be seen, and make the page large."""
KST_SECONDS = 9 * 3600


def chart_data(report: PeriodReport) -> dict[str, Any]:
    """All charts of the page: equity, days, and one chart for each trade."""
    return {
        "equity": equity_points(report.equity),
        "days": _days(report.days) if len(report.days) > 1 else [],
        "trades": [course_chart(course) for course in report.courses],
        "words": {name: tr(name) for name in ("stop", "target", "BUY", "SELL")},
    }


def seconds(at: datetime) -> int:
    """The library draws times as if they were UTC."""
    return int(at.timestamp()) + KST_SECONDS


def equity_points(course: Sequence[Equity]) -> list[tuple[int, int, float]]:
    """Time, equity in won and decline from the highest in percent, of each stretch of time the
    last one and the lowest one."""
    if len(course) < 2:
        return []
    declines = [0.0, *drawdowns(returns(course))]
    if len(declines) != len(course):  # a point without equity before it has no return
        declines = [0.0] * len(course)
    points = [
        (seconds(one.at), one.equity, round(decline * 100, 3))
        for one, decline in zip(course, declines, strict=True)
    ]
    step = -(-2 * len(points) // MAX_POINTS)
    if step < 2:
        return points
    kept = {points[0]}
    for start in range(0, len(points), step):
        some = points[start : start + step]
        kept |= {some[-1], min(some, key=lambda point: point[2])}
    return sorted(kept)


def _days(days: Iterable[DayResult]) -> list[tuple[str, int]]:
    """Day and profit realised that day, in won."""
    return [(day.day.isoformat(), day.realised) for day in days]


def course_chart(course: TradeCourse) -> dict[str, Any]:
    """One trade: prices, marks at its fills, stop and target as they were set and moved."""
    marks = _marks(course.fills)
    prices = {seconds(one.at): one.price for one in _thinned(course.prices)}
    for mark in marks:
        prices.setdefault(mark["time"], mark["price"])
    end = _minute(course.ended) if course.ended else max(prices, default=0)
    return {
        "prices": sorted(prices.items()),
        "marks": marks,
        "stop": _levels(course, "stop_price", end),
        "target": _levels(course, "target_price", end),
    }


def _minute(at: datetime) -> int:
    return seconds(at.replace(second=0, microsecond=0))


def _thinned(prices: Sequence[MinutePrice]) -> Sequence[MinutePrice]:
    step = -(-len(prices) // MAX_POINTS) or 1
    return prices[::-step][::-1]


def _marks(fills: Iterable[Fill]) -> list[dict[str, Any]]:
    """The fills of one side in one minute are one mark, at their average price."""
    groups: dict[tuple[int, str], list[Fill]] = {}
    for fill in fills:
        groups.setdefault((_minute(fill.at), fill.side.value), []).append(fill)
    found = []
    for (time, side), same in sorted(groups.items()):
        quantity = sum(fill.quantity for fill in same)
        value = sum(fill.quantity * fill.price for fill in same)
        price = round(value / quantity)
        found.append({"time": time, "side": side, "quantity": quantity, "price": price})
    return found


def _levels(course: TradeCourse, name: str, end: int) -> list[tuple[int, int]]:
    """Time and price in won of each change, the last one again at the end."""
    found: dict[int, int] = {}
    for one in course.exits:
        if getattr(one, name):
            found[_minute(one.at)] = getattr(one, name)
    if found:
        found.setdefault(max(end, *found), list(found.values())[-1])
    return sorted(found.items())

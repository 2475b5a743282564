"""Day, week and month bars, requested once a trading day for each stock: finished bars do not
change during a day. The running ones come from the quote (`rules/chart_periods.py`)."""

from __future__ import annotations

from datetime import date
from threading import Lock
from weakref import WeakKeyDictionary

from kt.ports import Market
from kt.records import KST, Bar, Interval
from kt.rules import chart_periods
from kt.steps.context import Context

COUNTS = {Interval.DAY: 120, Interval.WEEK: 12, Interval.MONTH: 12}
"""Bars to request: for days as many as the longest indicator needs, and as much again for its
averages to settle."""

_Kept = tuple[date, dict[tuple[str, Interval], tuple[Bar, ...]]]
_lock = Lock()
_kept: WeakKeyDictionary[Market, _Kept] = WeakKeyDictionary()


def finished_bars(ctx: Context, stock_code: str, interval: Interval) -> tuple[Bar, ...]:
    """The finished bars, oldest first, at most `COUNTS` of them. Raises the market's errors; an
    empty answer is not kept."""
    today = ctx.clock.now().astimezone(KST).date()
    with _lock:
        if ctx.market not in _kept or _kept[ctx.market][0] != today:
            _kept[ctx.market] = (today, {})
        kept = _kept[ctx.market][1]
    key = (stock_code, interval)
    if key not in kept:
        bars = ctx.market.bars(stock_code, interval, COUNTS[interval])
        found = chart_periods.finished(bars, interval, today)
        if not found:
            return ()
        kept[key] = found
    return kept[key]

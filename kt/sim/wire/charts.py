"""Formats chart bars (ka10079 to ka10083), newest first, in pages of the broker's sizes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from kt import api_catalog
from kt.errors import UnknownStock
from kt.records import Bar, Interval
from kt.sim.wire import error_bodies
from kt.sim.wire.call import Call, CallReply, Row
from kt.sim.wire.values import counter, day, direction, millions, price, rate, signed, stamp

PAGES = {
    Interval.TICK: 900,
    Interval.MINUTE: 900,
    Interval.DAY: 600,
    Interval.WEEK: 300,
    Interval.MONTH: 240,
}
SCOPES = {Interval.TICK: (1, 3, 5, 10, 30), Interval.MINUTE: (1, 3, 5, 10, 15, 30, 45, 60)}
"""The allowed numbers of trades or minutes in a bar."""
MOST_BARS = 9_000
"""The most bars that can be read by paging."""
SPARE_BARS = 50
"""Extra bars to read: some may have begun since the first page."""
MINUTES_OF_A_DAY = 400
"""Extra minute bars to read: each row shows the day's volume so far, which needs the bars since
the day's first."""

RowMaker = Callable[["BarSeries", int], Row]
ValueMaker = Callable[[int], str]


def ticks(call: Call) -> CallReply:
    """ka10079: unsigned prices, as in the document."""
    reply = _window(call, Interval.TICK, "ka10079", _tick)
    return CallReply(
        {"stk_cd": call.text("stk_cd"), "last_tic_cnt": ""},
        reply.rows_name,
        reply.rows,
        window=True,
        more=reply.more,
        anchor=reply.anchor,
    )


def minutes(call: Call) -> CallReply:
    """ka10080: signed prices (recorded), the bar's start, and the day's volume up to its end."""
    return _window(call, Interval.MINUTE, "ka10080", _minute)


def days(call: Call) -> CallReply:
    return _window(call, Interval.DAY, "ka10081", _day)


def weeks(call: Call) -> CallReply:
    return _window(call, Interval.WEEK, "ka10082", _long)


def months(call: Call) -> CallReply:
    return _window(call, Interval.MONTH, "ka10083", _long)


class BarSeries:
    """All bars up to the requested one, oldest first, with the reference price of each."""

    def __init__(self, bars: Sequence[Bar], call: Call, interval: Interval) -> None:
        self.bars = bars
        self.call = call
        self.shares = 0
        stock = call.instruments.get(call.code())
        if stock is not None:
            self.shares = stock.listed_shares
        self.volumes = _day_volumes(bars) if interval is Interval.MINUTE else []
        self.closes = _last_closes(bars) if interval in (Interval.TICK, Interval.MINUTE) else {}
        self.base = call.base(call.code())

    def before(self, index: int) -> int:
        """The close of the day before; for bars of a day or longer, the close of the bar before."""
        bar = self.bars[index]
        if self.closes:
            today = bar.at.date() == self.call.now.date()
            return self.base if today else self.closes.get(bar.at.date(), bar.open)
        return self.bars[index - 1].close if index else bar.open


def _day_volumes(bars: Sequence[Bar]) -> list[int]:
    """The day's volume up to and including each bar."""
    volumes: list[int] = []
    for index, bar in enumerate(bars):
        same = index and bars[index - 1].at.date() == bar.at.date()
        volumes.append(bar.volume + (volumes[-1] if same else 0))
    return volumes


def _last_closes(bars: Sequence[Bar]) -> dict[date, int]:
    """The close of the previous day, for each day except the oldest."""
    closes: dict[date, int] = {}
    for earlier, later in pairwise(bars):
        if earlier.at.date() != later.at.date():
            closes[later.at.date()] = earlier.close
    return closes


def _window(call: Call, interval: Interval, api_id: str, row: RowMaker) -> CallReply:
    """One page of bars. Later pages count from the first page's newest bar, so a bar that begins
    between two requests does not shift them."""
    bars = _bars(call, interval)
    newest = len(bars) - call.seek
    oldest = max(0, newest - PAGES[interval])
    series = BarSeries(bars, call, interval)
    rows = [row(series, index) for index in range(newest - 1, oldest - 1, -1)]
    anchor = call.anchor or (bars[-1].at.isoformat() if bars else "")
    fields = {"stk_cd": call.text("stk_cd")}
    rows_name = api_catalog.api(api_id).row_list
    return CallReply(fields, rows_name, rows, window=True, more=oldest > 0, anchor=anchor)


def _bars(call: Call, interval: Interval) -> tuple[Bar, ...]:
    """Bars up to the page's end, oldest first, with at least one older than the page if there is
    one."""
    size = call.whole("tic_scope") if interval in SCOPES else 1
    if size not in SCOPES.get(interval, (1,)):
        raise error_bodies.bad_field("tic_scope", "지원하지 않는 범위입니다")
    if not call.anchor:
        return _read(call, interval, size, PAGES[interval] + 1)
    key = (call.code(), interval.value, size, call.anchor)
    # Later pages come from one read of everything that can be paged: reading each separately
    # would go through all the pages before it again.
    read = functools.partial(_read, call, interval, size, MOST_BARS)
    return call.recent.get(key, lambda: read()[-MOST_BARS:])


def _read(call: Call, interval: Interval, size: int, needed: int) -> tuple[Bar, ...]:
    until = _until(call)
    count = needed + SPARE_BARS + (MINUTES_OF_A_DAY if interval is Interval.MINUTE else 0)
    while True:
        try:
            found = call.market.bars(call.code(), interval, count, size=size)
        except UnknownStock:
            return ()
        bars = tuple(bar for bar in found if bar.at < until)
        if len(bars) >= needed or len(found) < count:
            return bars
        count *= 4


def _until(call: Call) -> datetime:
    """Bars that begin at or after this time are left out: the paging's anchor, or `base_dt`."""
    if call.anchor:
        return datetime.fromisoformat(call.anchor) + timedelta(microseconds=1)
    if not call.text("base_dt"):
        return call.now + timedelta(days=1)
    return datetime.combine(call.date("base_dt"), time(), call.now.tzinfo) + timedelta(days=1)


def _tick(series: BarSeries, index: int) -> Row:
    bar, before = series.bars[index], series.before(index)
    return {
        "cur_prc": str(bar.close),
        "trde_qty": counter(bar.volume),
        "cntr_tm": stamp(bar.at),
        "open_pric": str(bar.open),
        "high_pric": str(bar.high),
        "low_pric": str(bar.low),
        "pred_pre": signed(bar.close - before),
        "pred_pre_sig": direction(bar.close, before),
    }


def _minute(series: BarSeries, index: int) -> Row:
    bar, before = series.bars[index], series.before(index)
    return {
        "cur_prc": price(bar.close, before),
        "trde_qty": counter(bar.volume),
        "cntr_tm": stamp(bar.at),
        "open_pric": price(bar.open, before),
        "high_pric": price(bar.high, before),
        "low_pric": price(bar.low, before),
        "acc_trde_qty": counter(series.volumes[index]),
        "pred_pre": signed(bar.close - before),
        "pred_pre_sig": direction(bar.close, before),
    }


def _day(series: BarSeries, index: int) -> Row:
    """Unsigned prices (recorded), traded value in millions of won."""
    return _bar(series, index, millions)


def _long(series: BarSeries, index: int) -> Row:
    """Weeks and months: traded value in won."""
    return _bar(series, index, str)


def _bar(series: BarSeries, index: int, value: ValueMaker) -> Row:
    bar, before = series.bars[index], series.before(index)
    turnover = bar.volume / series.shares * 100 if series.shares else 0.0
    return {
        "cur_prc": str(bar.close),
        "trde_qty": counter(bar.volume),
        "trde_prica": value(bar.value or bar.volume * bar.close),
        "dt": day(bar.at),
        "open_pric": str(bar.open),
        "high_pric": str(bar.high),
        "low_pric": str(bar.low),
        "pred_pre": signed(bar.close - before),
        "pred_pre_sig": direction(bar.close, before),
        "trde_tern_rt": rate(turnover),
    }

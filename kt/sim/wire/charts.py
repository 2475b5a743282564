"""Bars on the wire, newest first: ka10079 to ka10083, in pages of the broker's sizes."""

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
"""Trades or minutes in a bar."""
MOST_BARS = 9_000
"""So far back a chart can be paged."""
SPARE = 50
"""Bars asked for beyond a page: what may have begun since the first page was cut."""
A_DAY = 400
"""Of minutes so many more: each tells its day's volume up to its end, from the day's first on."""

RowMaker = Callable[["Run", int], Row]
ValueMaker = Callable[[int], str]


def ticks(call: Call) -> CallReply:
    """ka10079: prices unsigned, as the document shows them."""
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
    """ka10080: signed prices (recorded), the bar's start, the day's volume up to its end."""
    return _window(call, Interval.MINUTE, "ka10080", _minute)


def days(call: Call) -> CallReply:
    return _window(call, Interval.DAY, "ka10081", _day)


def weeks(call: Call) -> CallReply:
    return _window(call, Interval.WEEK, "ka10082", _long)


def months(call: Call) -> CallReply:
    return _window(call, Interval.MONTH, "ka10083", _long)


class Run:
    """All bars up to the one asked for, oldest first, with what each is compared with."""

    def __init__(self, bars: Sequence[Bar], call: Call, interval: Interval) -> None:
        self.bars = bars
        self.call = call
        self.shares = 0
        stock = call.instruments.get(call.code())
        if stock is not None:
            self.shares = stock.listed_shares
        self.volumes = _by_day(bars) if interval is Interval.MINUTE else []
        self.closes = _last_closes(bars) if interval in (Interval.TICK, Interval.MINUTE) else {}
        self.base = call.base(call.code())

    def before(self, index: int) -> int:
        """The close before this bar's day, or before this bar when it is a day or longer."""
        bar = self.bars[index]
        if self.closes:
            today = bar.at.date() == self.call.now.date()
            return self.base if today else self.closes.get(bar.at.date(), bar.open)
        return self.bars[index - 1].close if index else bar.open


def _by_day(bars: Sequence[Bar]) -> list[int]:
    """The day's volume up to and with each bar."""
    volumes: list[int] = []
    for index, bar in enumerate(bars):
        same = index and bars[index - 1].at.date() == bar.at.date()
        volumes.append(bar.volume + (volumes[-1] if same else 0))
    return volumes


def _last_closes(bars: Sequence[Bar]) -> dict[date, int]:
    """For each day but the oldest: the close of the day before it."""
    closes: dict[date, int] = {}
    for earlier, later in pairwise(bars):
        if earlier.at.date() != later.at.date():
            closes[later.at.date()] = earlier.close
    return closes


def _window(call: Call, interval: Interval, api_id: str, row: RowMaker) -> CallReply:
    """One page of bars. Later pages are cut against the first page's newest bar, so a bar that
    begins between two pages moves nothing."""
    bars = _bars(call, interval)
    newest = len(bars) - call.seek
    oldest = max(0, newest - PAGES[interval])
    run = Run(bars, call, interval)
    rows = [row(run, index) for index in range(newest - 1, oldest - 1, -1)]
    anchor = call.anchor or (bars[-1].at.isoformat() if bars else "")
    fields = {"stk_cd": call.text("stk_cd")}
    rows_name = api_catalog.api(api_id).row_list
    return CallReply(fields, rows_name, rows, window=True, more=oldest > 0, anchor=anchor)


def _bars(call: Call, interval: Interval) -> tuple[Bar, ...]:
    """Oldest first, up to the page's end; with at least one bar beyond the page when there is."""
    size = call.whole("tic_scope") if interval in SCOPES else 1
    if size not in SCOPES.get(interval, (1,)):
        raise error_bodies.bad_field("tic_scope", "지원하지 않는 범위입니다")
    if not call.anchor:
        return _asked(call, interval, size, PAGES[interval] + 1)
    key = (call.code(), interval.value, size, call.anchor)
    # Later pages come from one reading of all that is offered: each on its own would have to go
    # back to where it begins, through all the pages before it.
    read = functools.partial(_asked, call, interval, size, MOST_BARS)
    return call.recent.get(key, lambda: read()[-MOST_BARS:])


def _asked(call: Call, interval: Interval, size: int, needed: int) -> tuple[Bar, ...]:
    until = _until(call)
    count = needed + SPARE + (A_DAY if interval is Interval.MINUTE else 0)
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
    """Bars that begin at or after this are left out: the anchor of the paging, or `base_dt`."""
    if call.anchor:
        return datetime.fromisoformat(call.anchor) + timedelta(microseconds=1)
    if not call.text("base_dt"):
        return call.now + timedelta(days=1)
    return datetime.combine(call.date("base_dt"), time(), call.now.tzinfo) + timedelta(days=1)


def _tick(run: Run, index: int) -> Row:
    bar, before = run.bars[index], run.before(index)
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


def _minute(run: Run, index: int) -> Row:
    bar, before = run.bars[index], run.before(index)
    return {
        "cur_prc": price(bar.close, before),
        "trde_qty": counter(bar.volume),
        "cntr_tm": stamp(bar.at),
        "open_pric": price(bar.open, before),
        "high_pric": price(bar.high, before),
        "low_pric": price(bar.low, before),
        "acc_trde_qty": counter(run.volumes[index]),
        "pred_pre": signed(bar.close - before),
        "pred_pre_sig": direction(bar.close, before),
    }


def _day(run: Run, index: int) -> Row:
    """Unsigned prices (recorded), the value in millions."""
    return _bar(run, index, millions)


def _long(run: Run, index: int) -> Row:
    """Weeks and months give the value in won."""
    return _bar(run, index, str)


def _bar(run: Run, index: int, value: ValueMaker) -> Row:
    bar, before = run.bars[index], run.before(index)
    turnover = bar.volume / run.shares * 100 if run.shares else 0.0
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

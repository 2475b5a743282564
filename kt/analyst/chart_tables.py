"""The charts of a brief as tables: one column for each time, which all stocks share, prices as
percentages. `*` marks a column that can still change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from kt.analyst.compact import above, age, decimal, rough, table
from kt.records import KST, AnalystRequest, Bar, Interval, StockContext
from kt.rules import chart_periods

SLOT = timedelta(minutes=5)
SLOTS, DAYS, WEEKS, MONTHS = 12, 10, 6, 6
PARTIAL = "*"


def chart_tables(brief: AnalystRequest) -> Iterable[str]:
    """Ticks, five minutes, days, and weeks with months."""
    yield _ticks(brief)
    yield _table("5min", brief, [_columns(brief, _five_minutes, SLOTS, _slot, _level_and_volume)])
    days = _columns(brief, _bars_of(Interval.DAY), DAYS, _period(Interval.DAY), _move_and_volume)
    yield _table("day", brief, [days])
    weeks = _columns(brief, _bars_of(Interval.WEEK), WEEKS, _period(Interval.WEEK), _move)
    months = _columns(brief, _bars_of(Interval.MONTH), MONTHS, _period(Interval.MONTH), _move)
    yield _table("week,month", brief, [weeks, months])


@dataclass(frozen=True, slots=True)
class _Columns:
    """Columns that the stocks share, and each stock's cells; a stock without a bar has none."""

    headings: list[str]
    cells: dict[str, list[str]]


def _table(name: str, brief: AnalystRequest, groups: Sequence[_Columns]) -> str:
    rows = []
    for stock in brief.stocks:
        code = stock.stock_code
        if any(code in group.cells for group in groups):
            blank = (["-"] * len(group.headings) for group in groups)
            found = (group.cells.get(code, b) for group, b in zip(groups, blank, strict=True))
            rows.append([code, *(cell for cells in found for cell in cells)])
    return table(name, ["code", *(h for group in groups for h in group.headings)], rows)


def _columns(
    brief: AnalystRequest,
    bars_of: Callable[[StockContext], Sequence[Bar]],
    most: int,
    heading: Callable[[datetime, datetime | None, datetime], str],
    cell: Callable[[StockContext, Sequence[Bar], int], str],
) -> _Columns:
    """The newest `most` times that any stock has a bar of; `-` where a stock has none."""
    charts = {stock.stock_code: bars_of(stock) for stock in brief.stocks}
    times = sorted({bar.at for bars in charts.values() for bar in bars})[-most:]
    cells = {}
    for stock in brief.stocks:
        bars = charts[stock.stock_code]
        places = {bar.at: place for place, bar in enumerate(bars)}
        if bars:
            found = [cell(stock, bars, places[at]) if at in places else "-" for at in times]
            cells[stock.stock_code] = found
    before = [None, *times]
    headings = [heading(at, last, brief.asof) for at, last in zip(times, before, strict=False)]
    return _Columns(headings, cells)


def _five_minutes(stock: StockContext) -> list[Bar]:
    return chart_periods.joined_by(stock.minutes, lambda bar: _slot_of(bar.at))


def _slot_of(at: datetime) -> datetime:
    local = at.astimezone(KST)
    return local.replace(minute=local.minute // 5 * 5, second=0, microsecond=0)


def _slot(at: datetime, before: datetime | None, asof: datetime) -> str:
    """The date only where it changes."""
    dated = before is None or before.date() != at.date()
    return f"{at:{'%m-%d ' if dated else ''}%H:%M}{PARTIAL if at + SLOT > asof else ''}"


def _bars_of(interval: Interval) -> Callable[[StockContext], Sequence[Bar]]:
    """The bars, each at the beginning of its day, week or month, so that those of two stocks that
    began to trade on different days of it stand in one column."""

    def begins(bar: Bar) -> datetime:
        day = bar.at.astimezone(KST).replace(hour=0, minute=0, second=0, microsecond=0)
        if interval is Interval.WEEK:
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if interval is Interval.MONTH else day

    def bars(stock: StockContext) -> Sequence[Bar]:
        found = {Interval.DAY: stock.days, Interval.WEEK: stock.weeks}.get(interval, stock.months)
        return chart_periods.joined_by(found, begins)

    return bars


def _period(interval: Interval) -> Callable[[datetime, datetime | None, datetime], str]:
    form = "%y-%m" if interval is Interval.MONTH else "%m-%d"

    def name(at: datetime, before: datetime | None, now: datetime) -> str:
        return f"{at:{form}}{star(at.date(), interval, now)}"

    return name


def star(day: date, interval: Interval, asof: datetime) -> str:
    return PARTIAL if chart_periods.is_partial(day, interval, asof) else ""


def _level_and_volume(stock: StockContext, bars: Sequence[Bar], place: int) -> str:
    """Close in percent above yesterday's close, and volume with 10 as the mean of these bars."""
    shown = bars[-SLOTS:]
    mean = sum(bar.volume for bar in shown) / len(shown)
    bar = bars[place]
    level = decimal(above(bar.close, stock.quote.base_price))
    return f"{level}/{_tenths(bar.volume, mean)}"


def _move_and_volume(stock: StockContext, bars: Sequence[Bar], place: int) -> str:
    """The change of the day in percent, and its volume with 10 as the mean of these days."""
    shown = bars[-DAYS:]
    mean = sum(bar.volume for bar in shown) / len(shown)
    return f"{_move(stock, bars, place)}/{_tenths(bars[place].volume, mean)}"


def _tenths(volume: int, mean: float) -> str:
    return decimal(10 * volume / mean if mean else None, 0)


def _move(stock: StockContext, bars: Sequence[Bar], place: int) -> str:
    """The change since the bar before; of the first bar, since its open."""
    bar = bars[place]
    return rough(above(bar.close, bars[place - 1].close if place else bar.open))


def _ticks(brief: AnalystRequest) -> str:
    rows = [
        [
            stock.stock_code,
            age(stock.ticks[0].at, brief.asof),
            age(stock.ticks[-1].at, brief.asof),
            " ".join(decimal(above(b.close, stock.quote.base_price)) for b in stock.ticks),
        ]
        for stock in brief.stocks
        if stock.ticks
    ]
    return table("tick", ["code", "first_age_s", "last_age_s", "closes%"], rows)

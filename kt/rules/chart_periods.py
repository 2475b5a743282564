"""Day, week and month bars: the finished ones do not change during a day, the running ones are
made from today's quote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time

import msgspec

from kt.records import KST, Bar, Interval, Quote
from kt.rules import calendar


def period(day: date, interval: Interval) -> tuple[int, ...]:
    """What a day's bar of this interval is named by: two days of one week or month have the same
    name."""
    if interval is Interval.WEEK:
        return day.isocalendar()[:2]
    if interval is Interval.MONTH:
        return (day.year, day.month)
    return (day.toordinal(),)


def finished(bars: Sequence[Bar], interval: Interval, today: date) -> tuple[Bar, ...]:
    """The bars of earlier days, weeks or months than today's."""
    return tuple(bar for bar in bars if period(_day(bar), interval) < period(today, interval))


def bar_of_today(quote: Quote, now: datetime) -> Bar | None:
    """Today's day bar as far as it has come; None when the stock has not traded today."""
    today = now.astimezone(KST).date()
    hours = calendar.hours(today)
    if hours is None or now < hours.open or not quote.volume or not quote.open:
        return None
    if quote.at is not None and quote.at.astimezone(KST).date() != today:
        return None
    return Bar(
        at=datetime.combine(today, time(), KST),
        open=quote.open,
        high=quote.high,
        low=quote.low,
        close=quote.price,
        volume=quote.volume,
        value=quote.value,
    )


def with_running(
    longer: Sequence[Bar], days: Sequence[Bar], interval: Interval, today: date
) -> tuple[Bar, ...]:
    """Finished weeks or months, and the running one made of its days; `days` includes today's."""
    current = [bar for bar in days if period(_day(bar), interval) == period(today, interval)]
    done = finished(longer, interval, today)
    return (*done, joined(current)) if current else done


def is_partial(day: date, interval: Interval, now: datetime) -> bool:
    """Whether a bar (or a row of figures by day) can still change: the market has not closed on
    the last trading day of its day, week or month."""
    now = now.astimezone(KST)
    today = now.date()
    if period(day, interval) != period(today, interval):
        return False
    following = calendar.next_trading_day(today)
    if interval is not Interval.DAY and period(following, interval) == period(today, interval):
        return True
    hours = calendar.hours(today)
    return hours is not None and now < hours.close


def joined_by(bars: Sequence[Bar], begins: Callable[[Bar], datetime]) -> list[Bar]:
    """Bars that begin at the same time by `begins` as one bar, at that time."""
    groups: dict[datetime, list[Bar]] = {}
    for bar in bars:
        groups.setdefault(begins(bar), []).append(bar)
    return [msgspec.structs.replace(joined(group), at=at) for at, group in groups.items()]


def joined_in(bars: Sequence[Bar], size: int) -> tuple[Bar, ...]:
    """Each `size` neighbours as one bar, counted back from the newest; what is left over at the
    old end is dropped."""
    first = len(bars) % size
    return tuple(joined(bars[at : at + size]) for at in range(first, len(bars), size))


def joined(bars: Sequence[Bar]) -> Bar:
    """Bars that follow one another as one, at the time of the first."""
    return msgspec.structs.replace(
        bars[0],
        high=max(bar.high for bar in bars),
        low=min(bar.low for bar in bars),
        close=bars[-1].close,
        volume=sum(bar.volume for bar in bars),
        value=sum(bar.value for bar in bars),
    )


def _day(bar: Bar) -> date:
    return bar.at.astimezone(KST).date()

"""The exchange's calendar: trading days, opening and closing times, settlement days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from kt.records import KST

_CLOSED = {
    2025: "0101 0127 0128 0129 0130 0303 0501 0505 0506 0603 0606 0815 1003 1006 1007 1008 1009"
    " 1225 1231",
    2026: "0101 0216 0217 0218 0302 0501 0505 0525 0603 0717 0817 0924 0925 1005 1009 1225 1231",
    2027: "0101 0208 0209 0301 0503 0505 0513 0719 0816 0914 0915 0916 1004 1011 1227 1231",
}
"""Closed weekdays as MMDD (docs/market-rules.md#calendar). 2025 and 2026 to July are checked
against real trading; 2027 is computed from the law: the exchange publishes its own list for it in
December 2026."""

_EXAM_DAYS = frozenset(
    date.fromisoformat(day)
    for day in (
        "2019-11-14",
        "2020-12-03",
        "2021-11-18",
        "2022-11-17",
        "2023-11-16",
        "2024-11-14",
        "2025-11-13",
        "2026-11-19",
        "2027-11-18",  # expected, not yet announced
    )
)
"""University entrance examination (CSAT): the whole session is one hour later."""

_LONGEST_CLOSURE = 30
"""Days to look for a trading day before giving up: no closure has ever been this long."""


@dataclass(frozen=True, slots=True)
class Hours:
    """One trading day of the regular market, in Korean time.

    `orders_from`..`open` is the opening auction, `closing_auction`..`close` the closing one,
    continuous trading in between. `note` says what is special: `first session`, `exam day`.
    """

    orders_from: datetime
    open: datetime
    closing_auction: datetime
    close: datetime
    note: str = ""


def is_trading_day(day: date) -> bool:
    return day.weekday() < 5 and day not in _closed_days(day.year)


def next_trading_day(day: date) -> date:
    """The first trading day after `day`."""
    return _seek(day, 1)


def previous_trading_day(day: date) -> date:
    """The last trading day before `day`."""
    return _seek(day, -1)


def trading_days(first: date, count: int) -> tuple[date, ...]:
    """So many trading days, from the first one that is not before `first`."""
    day = first if is_trading_day(first) else next_trading_day(first)
    found = [day]
    while len(found) < count:
        found.append(next_trading_day(found[-1]))
    return tuple(found)


def trading_days_between(first: date, last: date) -> tuple[date, ...]:
    """The trading days from `first` to `last`, both included; may be none."""
    found = []
    day = first if is_trading_day(first) else next_trading_day(first)
    while day <= last:
        found.append(day)
        day = next_trading_day(day)
    return tuple(found)


def trading_days_after(day: date, n: int) -> date:
    """The n-th trading day after `day` (before it for a negative `n`); `day` itself for 0."""
    for _ in range(abs(n)):
        day = _seek(day, 1 if n > 0 else -1)
    return day


def settlement_day(day: date) -> date:
    """When a trade of `day` settles: two trading days later
    (docs/market-rules.md#settlement)."""
    return trading_days_after(day, 2)


def hours(day: date) -> Hours | None:
    """When the regular market opens and closes on a day; None when it is closed
    (docs/market-rules.md#calendar).

    Late openings known in advance are the year's first session (10:00) and the exam day (everything
    an hour later); any other is known from the broker's session messages only.
    """
    if not is_trading_day(day):
        return None
    if day in _EXAM_DAYS:
        return _hours(day, time(9, 30), time(10), time(16, 20), time(16, 30), "exam day")
    if previous_trading_day(day).year < day.year:
        return _hours(day, time(9), time(10), time(15, 20), time(15, 30), "first session")
    return _hours(day, time(8, 30), time(9), time(15, 20), time(15, 30), "")


def _hours(day: date, orders: time, start: time, auction: time, end: time, note: str) -> Hours:
    return Hours(
        orders_from=datetime.combine(day, orders, KST),
        open=datetime.combine(day, start, KST),
        closing_auction=datetime.combine(day, auction, KST),
        close=datetime.combine(day, end, KST),
        note=note,
    )


def _seek(day: date, direction: int) -> date:
    for distance in range(1, _LONGEST_CLOSURE + 1):
        found = day + timedelta(days=direction * distance)
        if is_trading_day(found):
            return found
    raise ValueError(f"no trading day within {_LONGEST_CLOSURE} days of {day}")


@lru_cache(maxsize=64)
def _closed_days(year: int) -> frozenset[date]:
    if year in _CLOSED:
        return frozenset(date(year, int(md[:2]), int(md[2:])) for md in _CLOSED[year].split())
    from holidays import financial_holidays  # only for years without data here: 0.1 s

    return frozenset(financial_holidays("XKRX", years=year))

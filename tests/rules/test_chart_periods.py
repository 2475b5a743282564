"""Finished bars, the running ones made of the quote, and which can still change."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from kt.records import KST, Bar, Interval
from kt.rules.chart_periods import (
    bar_of_today,
    finished,
    is_partial,
    joined_by,
    joined_in,
    with_running,
)
from kt.rules.stock_indicators import indicators_of, volume_ratio
from tests.analyst.make import bars, quote
from tests.rules.make import T0

MONDAY = date(2026, 11, 23)


def day_bar(day: date, close: int = 100, volume: int = 10) -> Bar:
    at = datetime(day.year, day.month, day.day, tzinfo=KST)
    return Bar(at=at, open=close - 5, high=close + 9, low=close - 9, close=close, volume=volume)


def at(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=KST)


def test_bars_of_todays_period_are_not_finished() -> None:
    daily = [day_bar(MONDAY - timedelta(days=n)) for n in (4, 3, 0)]
    assert finished(daily, Interval.DAY, MONDAY) == tuple(daily[:2])
    weekly = [day_bar(date(2026, 11, 9)), day_bar(date(2026, 11, 16)), day_bar(MONDAY)]
    assert finished(weekly, Interval.WEEK, MONDAY) == tuple(weekly[:2])
    monthly = [day_bar(date(2026, 10, 1)), day_bar(date(2026, 11, 2))]
    assert finished(monthly, Interval.MONTH, MONDAY) == tuple(monthly[:1])


def test_todays_bar_is_the_quotes() -> None:
    bar = bar_of_today(quote(value=5_000), T0)
    assert bar is not None
    assert bar.at == at(23, 0)
    assert (bar.open, bar.high, bar.low, bar.close) == (69_500, 71_200, 69_300, 71_000)
    assert (bar.volume, bar.value) == (1_000_000, 5_000)


@pytest.mark.parametrize(
    ("changes", "now"),
    [
        ({"volume": 0}, T0),
        ({"open": 0}, T0),
        ({"at": T0 - timedelta(days=3)}, T0),
        ({"at": None}, at(23, 8, 59)),
        ({"at": None}, at(22, 12)),
    ],
    ids=["not traded", "no open", "of Friday", "before the open", "on a Sunday"],
)
def test_without_a_trade_today_there_is_no_bar_of_today(
    changes: dict[str, object], now: datetime
) -> None:
    assert bar_of_today(quote(**changes), now) is None


def test_the_running_week_and_month_are_made_of_their_days() -> None:
    days = [day_bar(date(2026, 11, 18) + timedelta(days=n), 100 + n, 10) for n in range(5)]
    weeks = [day_bar(date(2026, 11, 9)), day_bar(date(2026, 11, 16), 1)]
    *done, running = with_running(weeks, days, Interval.WEEK, date(2026, 11, 20))
    assert done == weeks[:1]
    assert running.at.date() == date(2026, 11, 18)
    assert (running.open, running.high, running.low, running.close, running.volume) == (
        95, 113, 91, 104, 50,
    )  # fmt: skip
    assert with_running(weeks, [], Interval.WEEK, MONDAY) == tuple(weeks)
    assert len(with_running(weeks[:1], days, Interval.MONTH, MONDAY)) == 1


@pytest.mark.parametrize(
    ("day", "interval", "now", "partial"),
    [
        (MONDAY, Interval.DAY, at(23, 15, 29), True),
        (MONDAY, Interval.DAY, at(23, 15, 30), False),
        (date(2026, 11, 20), Interval.DAY, at(23, 10), False),
        (MONDAY, Interval.WEEK, at(23, 15, 30), True),
        (MONDAY, Interval.WEEK, at(27, 15, 29), True),
        (MONDAY, Interval.WEEK, at(27, 15, 30), False),
        (date(2026, 11, 16), Interval.WEEK, at(23, 10), False),
        (date(2026, 11, 2), Interval.MONTH, at(27, 15, 30), True),
        (date(2026, 11, 2), Interval.MONTH, at(30, 15, 30), False),
    ],
)
def test_what_can_still_change(day: date, interval: Interval, now: datetime, partial: bool) -> None:
    assert is_partial(day, interval, now) is partial


def test_bars_joined_by_their_beginning() -> None:
    minutes = bars([5, 9, 1, 4], [1, 2, 3, 4])
    (joined,) = joined_by(minutes, lambda bar: T0)
    assert (joined.at, joined.open, joined.high, joined.low, joined.close, joined.volume) == (
        T0, 5, 9, 1, 4, 10,
    )  # fmt: skip


def test_neighbours_are_joined_from_the_newest_back() -> None:
    joined = joined_in(bars([1, 2, 3, 4, 5]), 2)
    assert [(bar.open, bar.close, bar.volume) for bar in joined] == [(2, 3, 2_000), (4, 5, 2_000)]
    assert joined_in((), 2) == ()


def test_the_volume_ratio_is_against_the_usual_volume_by_now() -> None:
    """At 10:00 one hour of 6.5 is over."""
    days = [day_bar(MONDAY - timedelta(days=n), volume=1_300) for n in range(25, 0, -1)]
    today = day_bar(MONDAY, volume=400)
    assert volume_ratio([*days, today], 400, T0) == pytest.approx(2)
    assert volume_ratio(days, 2_600, at(23, 16)) == pytest.approx(2)
    assert volume_ratio(days, 400, at(22, 12)) is None, "a Sunday"
    assert volume_ratio(days[:19], 400, T0) is None


def test_the_indicators_of_a_stock() -> None:
    days = [day_bar(MONDAY - timedelta(days=n), 1_000 + n) for n in range(60, 0, -1)]
    found = indicators_of(days, quote(value=70_000_000_000), T0)
    assert found.sma_5 == 1_003
    assert found.sma_60 == 1_030.5
    assert found.vwap == 70_000
    assert found.bollinger_lower is not None and found.bollinger_upper is not None
    assert found.bollinger_lower < 1_001 < found.bollinger_upper
    assert None not in (found.rsi_14, found.macd, found.macd_signal, found.atr_14)
    unknown = indicators_of(days[:3], quote(value=0), T0)
    assert all(getattr(unknown, name) is None for name in unknown.__struct_fields__)

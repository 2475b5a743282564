"""The exchange's calendar: closings, late openings, settlement."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.rules.calendar import (
    hours,
    is_trading_day,
    next_trading_day,
    previous_trading_day,
    settlement_day,
    trading_days_after,
)

DATA = Path(__file__).parents[1] / "data"
DAYS = st.dates(date(2019, 1, 1), date(2031, 12, 31))
KNOWN = st.dates(date(2025, 1, 1), date(2027, 12, 31))


@pytest.mark.parametrize(
    "day",
    [
        date(2025, 1, 27),
        date(2025, 6, 3),
        date(2026, 2, 18),
        date(2026, 6, 3),
        date(2026, 7, 17),
        date(2026, 9, 25),
        date(2026, 12, 31),
        date(2027, 5, 3),
        date(2027, 7, 19),
        date(2027, 12, 27),
    ],
)
def test_holidays_on_weekdays_are_no_trading_days(day: date) -> None:
    assert day.weekday() < 5
    assert not is_trading_day(day)


def test_the_years_have_as_many_sessions_as_the_exchange_held_or_plans() -> None:
    count = {
        year: sum(is_trading_day(date(year, 1, 1) + timedelta(days=n)) for n in range(365))
        for year in (2025, 2026, 2027)
    }
    assert count == {2025: 261 - 19, 2026: 261 - 17, 2027: 261 - 16}


def test_the_last_session_of_2026() -> None:
    assert previous_trading_day(date(2027, 1, 1)) == date(2026, 12, 30)
    assert next_trading_day(date(2026, 12, 30)) == date(2027, 1, 4)


@pytest.mark.parametrize("year", [2019, 2022, 2023, 2024, 2028, 2029, 2030, 2034])
def test_years_without_data_here_close_at_new_year_and_on_the_last_weekday(year: int) -> None:
    last = date(year, 12, 31)
    while last.weekday() >= 5:
        last -= timedelta(days=1)
    assert not is_trading_day(last)
    assert not is_trading_day(date(year, 1, 1))
    assert sum(is_trading_day(date(year, 1, 1) + timedelta(days=n)) for n in range(365)) >= 235


@pytest.mark.parametrize("year", [2025, 2026, 2027])
def test_the_holiday_data_agrees_with_the_holidays_package(year: int) -> None:
    from holidays import financial_holidays

    closed = {day for day in financial_holidays("XKRX", years=year) if day.weekday() < 5}
    here = (date(year, 1, 1) + timedelta(days=n) for n in range(365))
    assert {day for day in here if day.weekday() < 5 and not is_trading_day(day)} == closed


@pytest.mark.parametrize(
    ("day", "opens", "closes", "note"),
    [
        (date(2026, 11, 23), "09:00", "15:30", ""),
        (date(2026, 11, 19), "10:00", "16:30", "exam day"),
        (date(2025, 11, 13), "10:00", "16:30", "exam day"),
        (date(2024, 1, 2), "10:00", "15:30", "first session"),
        (date(2025, 1, 2), "10:00", "15:30", "first session"),
        (date(2026, 1, 2), "10:00", "15:30", "first session"),
        (date(2027, 1, 4), "10:00", "15:30", "first session"),
        (date(2027, 1, 5), "09:00", "15:30", ""),
    ],
)
def test_each_trading_day_has_its_opening_and_closing_times(
    day: date, opens: str, closes: str, note: str
) -> None:
    found = hours(day)

    assert found is not None
    assert (f"{found.open:%H:%M}", f"{found.close:%H:%M}", found.note) == (opens, closes, note)
    assert found.close - found.closing_auction == timedelta(minutes=10)


def test_the_calendar_agrees_with_the_exchanges_facts() -> None:
    """Every day of 2025 to 2027: closed, late, or ordinary (tests/data/krx/calendar.json)."""
    facts = json.loads((DATA / "krx" / "calendar.json").read_text(encoding="utf-8"))
    closed = {day for year in facts["closed_days"].values() for day in year}
    for number in range((date(2027, 12, 31) - date(2025, 1, 1)).days + 1):
        day = date(2025, 1, 1) + timedelta(days=number)
        found = hours(day)
        if day.weekday() >= 5 or str(day) in closed:
            assert found is None, day
            continue
        assert found is not None, day
        times = "10:00-16:30" if str(day) in facts["exam_days"] else "09:00-15:30"
        times = "10:00-15:30" if str(day) in facts["first_sessions"] else times
        assert f"{found.open:%H:%M}-{found.close:%H:%M}" == times, day


def test_the_opening_auction_accepts_orders_from_half_an_hour_before_the_open() -> None:
    found = {
        day: f"{hours(day).orders_from:%H:%M}"  # type: ignore[union-attr]
        for day in (date(2026, 11, 23), date(2026, 11, 19), date(2026, 1, 2))
    }
    assert list(found.values()) == ["08:30", "09:30", "09:00"]


def test_a_closed_day_has_no_hours() -> None:
    assert hours(date(2026, 11, 22)) is None
    assert hours(date(2026, 12, 25)) is None


@pytest.mark.parametrize(
    ("trade", "settles"),
    [
        (date(2026, 11, 23), date(2026, 11, 25)),
        (date(2026, 11, 19), date(2026, 11, 23)),
        (date(2024, 12, 27), date(2025, 1, 2)),
        (date(2025, 12, 29), date(2026, 1, 2)),
        (date(2026, 12, 30), date(2027, 1, 5)),
        (date(2019, 5, 30), date(2019, 6, 3)),
    ],
)
def test_a_trade_settles_two_trading_days_later(trade: date, settles: date) -> None:
    assert settlement_day(trade) == settles


@given(DAYS)
def test_next_and_previous_trading_day_skip_closed_days(day: date) -> None:
    after, before = next_trading_day(day), previous_trading_day(day)

    assert before < day < after
    assert is_trading_day(after)
    assert is_trading_day(before)
    between = (before + timedelta(days=n) for n in range(1, (after - before).days))
    assert {d for d in between if is_trading_day(d)} == ({day} if is_trading_day(day) else set())


@given(KNOWN, st.integers(-30, 30))
def test_trading_days_after_counts_forwards_and_backwards(day: date, n: int) -> None:
    start = next_trading_day(day)
    assert trading_days_after(trading_days_after(start, n), -n) == start
    assert trading_days_after(start, 0) == start

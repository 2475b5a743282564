"""Nothing later than now passes the door."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.errors import WireError
from kt.records import MarketIndex
from kt.rules.cutoff import ALLOWANCE, latest, passed
from tests.analyst.make import bars, book, flow
from tests.rules.make import T0


def test_rows_of_later_times_and_days_are_left_out() -> None:
    minutes = bars([100, 101, 102, 103])
    assert passed(minutes, T0 - timedelta(minutes=2)) == minutes[:3]
    today = flow(10)
    assert passed(today, T0) == today
    assert passed(today, T0 - timedelta(days=1)) == ()


def test_one_record_of_a_later_time_is_an_error() -> None:
    assert passed(book(), T0) == book()
    with pytest.raises(WireError, match="2026-11-23 10:00:00") as raised:
        passed(book(), T0 - timedelta(seconds=1))
    assert raised.value.hint is not None and "clock" in raised.value.hint


def test_what_has_no_time_passes() -> None:
    index = MarketIndex(value=2_500.0, change=1.0, change_pct=0.1)
    assert passed(index, T0) == index
    assert passed(None, T0) is None


def test_a_clock_known_to_be_behind_lets_the_brokers_present_pass() -> None:
    """Ahead (above 0) it gains nothing."""
    assert latest(T0) == latest(T0, 5.0) == T0 + ALLOWANCE
    assert latest(T0, -30.0) == T0 + ALLOWANCE + timedelta(seconds=30)


@given(st.integers(-90, 90), st.lists(st.integers(1, 90), max_size=9))
def test_nothing_that_passes_is_later_than_the_limit(moved: int, closes: list[int]) -> None:
    limit = T0 + timedelta(minutes=moved)
    kept = passed(bars(closes), limit)
    assert all(bar.at <= limit for bar in kept)
    assert [bar for bar in bars(closes) if bar.at <= limit] == list(kept)

"""A stock's figures are as old as the newest of them."""

from __future__ import annotations

from datetime import timedelta

from kt.rules.freshness import newest
from tests.analyst.make import T0, bars, quote, rising


def test_the_newest_time_of_any_figure_counts() -> None:
    old = quote(at=T0.replace(hour=9))
    stale = rising(quote=old, book=None, strength=(), minutes=bars([71_000] * 3)[:1])
    assert newest([stale], T0) == stale.minutes[-1].at
    assert newest([stale, rising()], T0) == T0


def test_newest_is_capped_at_asof_and_is_asof_without_times() -> None:
    ahead = rising(quote=quote(at=T0 + timedelta(seconds=9)))
    assert newest([ahead], T0) == T0
    assert newest([rising(quote=quote(at=None), book=None, strength=(), minutes=())], T0) == T0
    assert newest([], T0) == T0

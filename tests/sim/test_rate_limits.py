"""Rates on the exchange's own clock: by API id and app key, orders together, tokens strict."""

from __future__ import annotations

from datetime import datetime

import pytest

from kt.clock import ManualClock
from kt.records import KST
from kt.sim.server.rate_limits import RateLimits


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 23, 10, 0, tzinfo=KST))


def allowed(limits: RateLimits, clock: ManualClock, seconds: int, bucket: str = "ka10001") -> int:
    """How many of 50 requests a second are taken."""
    taken = 0
    for _ in range(seconds * 50):
        taken += limits.allow("key", bucket)
        clock.advance(0.02)
    return taken


def test_the_rate_holds_over_time(clock: ManualClock) -> None:
    assert allowed(RateLimits(clock, 5), clock, 20) == pytest.approx(100, abs=7)


def test_heavy_apis_get_one_in_two_seconds(clock: ManualClock) -> None:
    limits = RateLimits(clock, 5)
    assert limits.rate("ka10099") == 0.5
    assert allowed(limits, clock, 20, "ka10099") == pytest.approx(10, abs=1)


def test_buckets_and_keys_do_not_touch(clock: ManualClock) -> None:
    limits = RateLimits(clock, 1)
    assert limits.allow("one", "ka10001")
    assert not limits.allow("one", "ka10001")
    assert limits.allow("one", "order")
    assert limits.allow("two", "ka10001")


def test_a_client_that_paces_itself_exactly_is_never_refused(clock: ManualClock) -> None:
    """Five at once, then one each 0.2 s, every other one late by a network's delay."""
    limits = RateLimits(clock, 5)
    assert all(limits.allow("key", "x") for _ in range(5))
    for step in range(100):
        clock.advance(0.2 + (0.08 if step % 2 else -0.08))
        assert limits.allow("key", "x")


def test_at_speed_a_burst_is_the_scheduler_s_fault(clock: ManualClock) -> None:
    limits = RateLimits(clock, 5, speed=60)
    burst = sum(limits.allow("key", "x") for _ in range(200))
    assert burst == 80
    clock.advance(1)
    assert sum(limits.allow("key", "x") for _ in range(200)) == 5


def test_tokens_are_stricter_and_zero_is_no_limit(clock: ManualClock) -> None:
    limits = RateLimits(clock, 5)
    assert [limits.allow_token("key") for _ in range(4)] == [True, True, True, False]
    free = RateLimits(clock, 0)
    assert all(free.allow("key", "x") and free.allow_token("key") for _ in range(100))

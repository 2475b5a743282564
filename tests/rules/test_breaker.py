"""The circuit breaker pauses requests for growing times, tries again, and notifies once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kt.records import AnalystCall
from kt.rules.breaker import is_open, opens_now, paused_until, streak
from tests.rules.make import T0


def call(error: str, second: float = 0, analyst: str = "gemini", model: str = "m") -> AnalystCall:
    return AnalystCall(
        asked_at=T0 + timedelta(seconds=second),
        purpose="decide",
        analyst=analyst,
        model=f"{model}-001",
        asked_model=model,
        tokens_in=1,
        tokens_out=1,
        cost_usd=0.0,
        error=error,
    )


FAULT = "unavailable: 503"
LASTS = "model: 404 no such model"


def test_the_streak_is_the_failures_since_the_last_success() -> None:
    calls = [
        call(FAULT, 1),
        call("", 2),
        call(FAULT, 3),
        call("paused: until 10:05", 4),
        call("budget: spent", 5),
        call(FAULT, 6, analyst="openai"),
        call("", 7, model="other"),
        call(LASTS, 8),
    ]
    assert [one.asked_at.second for one in streak(calls, "gemini", "m")] == [3, 8]
    assert streak([*calls, call("", 9)], "gemini", "m") == ()


@pytest.mark.parametrize(
    ("errors", "opened", "now"),
    [
        ([], False, False),
        ([FAULT], False, False),
        ([FAULT] * 2, False, False),
        ([FAULT] * 3, True, True),
        ([FAULT] * 4, True, False),
        ([LASTS], True, True),
        ([LASTS] * 2, True, False),
        ([FAULT, LASTS], True, True),
        ([FAULT, LASTS, FAULT], True, False),
        ([FAULT, FAULT, FAULT, LASTS], True, False),
        ([LASTS, FAULT, FAULT], True, False),
    ],
)
def test_it_opens_after_three_failures_or_one_lasting_failure(
    errors: list[str], opened: bool, now: bool
) -> None:
    failed = [call(error) for error in errors]
    assert (is_open(failed), opens_now(failed)) == (opened, now)


@pytest.mark.parametrize(
    ("failures", "minutes"), [(3, 1), (4, 2), (5, 4), (6, 8), (7, 16), (8, 30), (500, 30)]
)
def test_the_pause_doubles_up_to_its_limit_and_ends(failures: int, minutes: int) -> None:
    failed = [call(FAULT)] * failures
    until = T0 + timedelta(minutes=minutes)
    assert paused_until(failed, T0) == until
    assert paused_until(failed, until - timedelta(seconds=1)) == until
    assert paused_until(failed, until) is None


def test_a_closed_breaker_has_no_pause() -> None:
    assert paused_until([call(FAULT)] * 2, T0) is None
    assert paused_until([], T0) is None
    assert paused_until([call(LASTS)], T0) == T0 + timedelta(minutes=1)

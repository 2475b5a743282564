"""The day's phases: an ordinary day, special days, and the broker's word against the calendar."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.config.model import SessionHours
from kt.records import KST, SessionNotice
from kt.rules.trading_phases import (
    MarketPhase,
    Phase,
    day_plan,
    market_phase,
    may_buy,
    may_order,
    phase,
)

MONDAY = date(2026, 11, 23)
EXAM = date(2026, 11, 19)
FIRST = date(2027, 1, 4)
SUNDAY = date(2026, 11, 22)


def at(clock: str, day: date = MONDAY) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=KST)


def said(code: str, clock: str, day: date = MONDAY, left: int = 0) -> SessionNotice:
    return SessionNotice(code=code, at=at(clock, day), left_seconds=left)


@pytest.mark.parametrize(
    ("clock", "expected", "market", "order", "buy"),
    [
        ("00:00", Phase.BEFORE, MarketPhase.CLOSED, False, False),
        ("07:59:59", Phase.BEFORE, MarketPhase.CLOSED, False, False),
        ("08:00", Phase.START, MarketPhase.CLOSED, False, False),
        ("08:30", Phase.PREPARE, MarketPhase.OPENING_AUCTION, False, False),
        ("08:59:59.999", Phase.PREPARE, MarketPhase.OPENING_AUCTION, False, False),
        ("09:00", Phase.OPEN, MarketPhase.CONTINUOUS, True, True),
        ("15:19:59.999", Phase.OPEN, MarketPhase.CONTINUOUS, True, True),
        ("15:20", Phase.CLOSING, MarketPhase.CLOSING_AUCTION, True, False),
        ("15:29:59", Phase.CLOSING, MarketPhase.CLOSING_AUCTION, True, False),
        ("15:30", Phase.SETTLE, MarketPhase.CLOSED, False, False),
        ("16:00", Phase.IDLE, MarketPhase.CLOSED, False, False),
        ("23:59", Phase.IDLE, MarketPhase.CLOSED, False, False),
    ],
)
def test_an_ordinary_day_has_the_configured_phases(
    clock: str, expected: Phase, market: MarketPhase, order: bool, buy: bool
) -> None:
    now = at(clock)
    assert phase(now) is expected
    assert market_phase(now) is market
    assert may_order(now) is order
    assert may_buy(now) is buy


@pytest.mark.parametrize(
    ("day", "clock", "expected", "market"),
    [
        (EXAM, "08:00", Phase.START, MarketPhase.CLOSED),
        (EXAM, "09:10", Phase.START, MarketPhase.CLOSED),
        (EXAM, "09:30", Phase.PREPARE, MarketPhase.OPENING_AUCTION),
        (EXAM, "10:00", Phase.OPEN, MarketPhase.CONTINUOUS),
        (EXAM, "15:30", Phase.OPEN, MarketPhase.CONTINUOUS),
        (EXAM, "16:20", Phase.CLOSING, MarketPhase.CLOSING_AUCTION),
        (EXAM, "16:30", Phase.SETTLE, MarketPhase.CLOSED),
        (EXAM, "17:00", Phase.IDLE, MarketPhase.CLOSED),
        (FIRST, "08:59", Phase.START, MarketPhase.CLOSED),
        (FIRST, "09:10", Phase.START, MarketPhase.OPENING_AUCTION),
        (FIRST, "09:30", Phase.PREPARE, MarketPhase.OPENING_AUCTION),
        (FIRST, "10:00", Phase.OPEN, MarketPhase.CONTINUOUS),
        (FIRST, "15:20", Phase.CLOSING, MarketPhase.CLOSING_AUCTION),
        (FIRST, "15:30", Phase.SETTLE, MarketPhase.CLOSED),
        (SUNDAY, "10:00", Phase.IDLE, MarketPhase.CLOSED),
        (date(2026, 12, 31), "10:00", Phase.IDLE, MarketPhase.CLOSED),
    ],
)
def test_special_days_move_the_phases(
    day: date, clock: str, expected: Phase, market: MarketPhase
) -> None:
    assert phase(at(clock, day)) is expected
    assert market_phase(at(clock, day)) is market


def test_configured_times_move_with_the_market_but_never_beyond_it() -> None:
    eager = SessionHours(prepare="07:00", open="08:00", last_buy="15:00", close="18:00")

    plan = day_plan(MONDAY, eager)
    exam = day_plan(EXAM, eager)

    assert plan is not None
    assert exam is not None
    assert (plan.open, plan.last_buy, plan.close) == (at("09:00"), at("15:00"), at("15:30"))
    assert exam.last_buy == at("16:00", EXAM)
    assert exam.close == at("16:30", EXAM)
    assert phase(at("15:10"), eager) is Phase.CLOSING
    assert market_phase(at("15:10")) is MarketPhase.CONTINUOUS


@pytest.mark.parametrize(
    ("now", "notice", "expected"),
    [
        # the open comes early or late
        ("08:59:58", said("3", "08:59:58"), Phase.OPEN),
        ("09:00:20", said("0", "08:59:30", left=90), Phase.PREPARE),
        ("09:25", said("0", "09:24:30"), Phase.PREPARE),
        ("09:25", said("0", "08:59:00", left=3_600), Phase.PREPARE),
        # a countdown that has stopped does not keep the market shut
        ("09:05", said("0", "08:59:00"), Phase.OPEN),
        # the closing auction, the close, and an early end
        ("15:19:58", said("2", "15:19:57"), Phase.CLOSING),
        ("15:25", said("3", "09:00:00"), Phase.CLOSING),
        ("14:00", said("8", "13:40:00"), Phase.SETTLE),
        ("15:31", said("3", "09:00:00"), Phase.SETTLE),
        ("15:29:59", said("4", "15:29:58"), Phase.SETTLE),
        # the market is still open although the calendar says it is over
        ("15:40", said("3", "15:35:00"), Phase.OPEN),
        ("15:40", said("2", "15:35:00"), Phase.CLOSING),
        ("16:05", said("3", "16:01:00"), Phase.IDLE),
        # words that say nothing about the regular session
        ("10:00", said("T", "09:30:00"), Phase.OPEN),
        ("10:00", said("c", "09:30:00"), Phase.OPEN),
        ("08:10", said("3", "08:05:00"), Phase.START),
        # yesterday's word
        ("10:00", said("8", "15:30:00", date(2026, 11, 20)), Phase.OPEN),
    ],
)
def test_a_session_message_overrides_the_calendar(
    now: str, notice: SessionNotice, expected: Phase
) -> None:
    assert phase(at(now), None, notice) is expected
    assert may_order(at(now), None, notice) is (expected in (Phase.OPEN, Phase.CLOSING))


def test_an_opening_on_a_day_listed_as_late_is_believed() -> None:
    """The exam was moved, and the calendar does not know it yet."""
    word = said("3", "09:00:01", EXAM)
    assert phase(at("09:00:02", EXAM), None, word) is Phase.OPEN
    assert market_phase(at("09:00:02", EXAM), word) is MarketPhase.CONTINUOUS
    assert may_buy(at("09:40", EXAM), None, word)
    assert phase(at("15:20:01", EXAM), None, said("2", "15:20:00", EXAM)) is Phase.CLOSING
    assert phase(at("15:30:01", EXAM), None, said("4", "15:30:00", EXAM)) is Phase.SETTLE
    early = said("3", "08:00:00", EXAM)
    assert phase(at("09:05", EXAM), None, early) is Phase.START, "of another venue"


def test_a_session_message_never_extends_the_configured_end_of_buying() -> None:
    session = SessionHours(last_buy="15:00")
    again = said("3", "15:05:00")

    assert may_order(at("15:06"), session, again)
    assert not may_buy(at("15:06"), session, again)
    assert not may_buy(at("15:40"), None, said("3", "15:35:00"))


def test_the_market_phase_follows_the_session_message() -> None:
    assert market_phase(at("14:00"), said("8", "13:40:00")) is MarketPhase.CLOSED
    assert market_phase(at("09:25"), said("0", "09:24:30")) is MarketPhase.OPENING_AUCTION
    assert market_phase(at("08:59:58"), said("3", "08:59:58")) is MarketPhase.CONTINUOUS


CLOCK = st.integers(0, 24 * 60 - 1).map(lambda m: f"{m // 60:02}:{m % 60:02}")


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 30)),
    st.tuples(CLOCK, CLOCK, CLOCK, CLOCK, CLOCK, CLOCK),
)
def test_any_configuration_gives_phases_in_order(naive: datetime, clocks: tuple[str, ...]) -> None:
    now = naive.replace(tzinfo=KST)
    names = ("start", "prepare", "open", "last_buy", "close", "idle")
    session = SessionHours(**dict(zip(names, clocks, strict=True)))  # type: ignore[arg-type]
    plan = day_plan(now.date(), session)

    if plan is not None:
        times = [when for _, when in plan.boundaries()]
        assert times == sorted(times)
        for when in times:
            assert (
                phase(when, session) is [p for p, begins in plan.boundaries() if begins == when][-1]
            )
        assert plan.hours.open <= plan.open
        assert plan.close <= max(plan.hours.close, plan.open)
        assert not may_order(plan.hours.close, session)
    assert may_order(now, session) or not may_buy(now, session)

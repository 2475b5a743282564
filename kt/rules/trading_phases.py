"""Trading day phases: kt's own, the market's, and whether orders are allowed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache

from kt.config.model import SessionHours
from kt.records import KST, SessionNotice
from kt.rules import calendar


class Phase(StrEnum):
    """The phases of kt's day. Each lasts until the next begins."""

    BEFORE = "before"
    """A trading day before kt's start."""
    START = "start"
    """08:00: settings, token, account, reconcile."""
    PREPARE = "prepare"
    """08:30: expected prices, watch list, plan."""
    OPEN = "open"
    """09:00: cycles."""
    CLOSING = "closing"
    """15:20: no new buys, open positions decided."""
    SETTLE = "settle"
    """15:30: settlement, returns, report."""
    IDLE = "idle"
    """16:00, and all of a non-trading day."""


class MarketPhase(StrEnum):
    """What the regular market does with an order that arrives now
    (docs/market-rules.md#sessions)."""

    CLOSED = "closed"
    OPENING_AUCTION = "opening auction"
    CONTINUOUS = "continuous"
    CLOSING_AUCTION = "closing auction"


TRADING = frozenset({Phase.OPEN, Phase.CLOSING})
"""The phases in which orders may be sent."""

_SAID = {
    "0": Phase.PREPARE,
    "3": Phase.OPEN,
    "2": Phase.CLOSING,
    "4": Phase.SETTLE,
    "8": Phase.SETTLE,
    "9": Phase.SETTLE,
    "a": Phase.SETTLE,
    "b": Phase.SETTLE,
}
"""FID 215 of the session feed (0s). Other codes belong to other sessions and are ignored."""

_OPEN = time(8, 59)
"""No regular session opens before: an opening reported earlier is another venue's. One reported
later counts even where the calendar expects a late opening, as on an exam day that was moved."""
_COUNTDOWN = timedelta(minutes=2)
"""The code `0` is repeated every minute until the open: without a repeat for this long it is
stale."""


@dataclass(frozen=True, slots=True)
class DayPlan:
    """When each phase of one trading day begins, in Korean time."""

    start: datetime
    prepare: datetime
    open: datetime
    last_buy: datetime
    close: datetime
    idle: datetime
    hours: calendar.Hours

    def phase(self, now: datetime) -> Phase:
        """The phase by the clock alone."""
        begun = Phase.BEFORE
        for phase, at in self.boundaries():
            if now >= at:
                begun = phase
        return begun

    def boundaries(self) -> tuple[tuple[Phase, datetime], ...]:
        """Each phase and its beginning, in order."""
        return (
            (Phase.START, self.start),
            (Phase.PREPARE, self.prepare),
            (Phase.OPEN, self.open),
            (Phase.CLOSING, self.last_buy),
            (Phase.SETTLE, self.close),
            (Phase.IDLE, self.idle),
        )


@lru_cache(maxsize=64)
def day_plan(day: date, session: SessionHours | None = None) -> DayPlan | None:
    """The plan of a day; None when the market is closed on it.

    On days with other hours the configured times move with the market: the preparation and the
    opening with its open, the rest with its close. `start` does not move: it is kt's own. Trading
    never begins before the market opens and never lasts beyond its close, whatever is configured.
    """
    session = session or SessionHours()
    hours = calendar.hours(day)
    if hours is None:
        return None
    opening = hours.open - datetime.combine(day, time(9), KST)
    closing = hours.close - datetime.combine(day, time(15, 30), KST)
    close = min(_at(day, session.close) + closing, hours.close)
    last_buy = min(_at(day, session.last_buy) + closing, close)
    opens = max(_at(day, session.open) + opening, hours.open)
    prepare = min(_at(day, session.prepare) + opening, opens)
    return DayPlan(
        start=min(_at(day, session.start), prepare),
        prepare=prepare,
        open=opens,
        last_buy=max(last_buy, opens),
        close=max(close, opens),
        idle=max(_at(day, session.idle) + closing, close, opens),
        hours=hours,
    )


def phase(
    now: datetime, session: SessionHours | None = None, notice: SessionNotice | None = None
) -> Phase:
    """The phase now. `notice` is the newest session message; it overrides the calendar.

    It does so until the plan's next boundary after it (a lost message must not keep the market open
    for ever). Two exceptions: a close reported by the broker lasts for the rest of the day, and an
    announced opening (`0`) delays the open as long as it is repeated.
    """
    now = now.astimezone(KST)
    plan = day_plan(now.date(), session)
    if plan is None:
        return Phase.IDLE
    planned = plan.phase(now)
    if notice is None or notice.at.astimezone(KST).date() != now.date():
        return planned
    return _with_notice(now, plan, planned, notice)


def market_phase(now: datetime, notice: SessionNotice | None = None) -> MarketPhase:
    """The regular market's phase, by the calendar or by the broker's message."""
    now = now.astimezone(KST)
    hours = calendar.hours(now.date())
    if hours is None:
        return MarketPhase.CLOSED
    now_phase = phase(now, None, notice)
    if now_phase is Phase.OPEN:
        return MarketPhase.CONTINUOUS
    if now < hours.orders_from:
        return MarketPhase.CLOSED
    if now_phase is Phase.CLOSING:
        return MarketPhase.CLOSING_AUCTION
    before = now_phase in (Phase.START, Phase.PREPARE)
    return MarketPhase.OPENING_AUCTION if before else MarketPhase.CLOSED


def may_order(
    now: datetime, session: SessionHours | None = None, notice: SessionNotice | None = None
) -> bool:
    """Whether orders may be sent now: 09:00 to 15:30 on an ordinary day."""
    return phase(now, session, notice) in TRADING


def may_buy(
    now: datetime, session: SessionHours | None = None, notice: SessionNotice | None = None
) -> bool:
    """Whether new buys may be sent now: until 15:20 on an ordinary day.

    The broker's messages can only make this stricter than the plan: a repeated `3` does not move
    the configured end of buying.
    """
    if phase(now, session, notice) is not Phase.OPEN:
        return False
    plan = day_plan(now.astimezone(KST).date(), session)
    return plan is not None and now < plan.last_buy


def next_opening(
    now: datetime, session: SessionHours | None = None, *, buys: bool = False
) -> datetime | None:
    """When orders (or buys) may be sent next by the calendar; None when by the calendar they may
    be sent now, so that only the broker's messages forbid it."""
    now = now.astimezone(KST)
    plan = day_plan(now.date(), session)
    if plan is not None and now < plan.open:
        return plan.open
    if plan is not None and now < (plan.last_buy if buys else plan.close):
        return None
    return next_day_opening(now, session)


def next_day_opening(now: datetime, session: SessionHours | None = None) -> datetime | None:
    """When orders may be sent on the trading day after today."""
    plan = day_plan(calendar.next_trading_day(now.astimezone(KST).date()), session)
    return plan.open if plan else None


def moment_words(moment: datetime, now: datetime) -> str:
    """A time as one says it today: `09:00`, `09:00 tomorrow`, `09:00 on Monday 2026-11-30`."""
    days = (moment.astimezone(KST).date() - now.astimezone(KST).date()).days
    clock = f"{moment:%H:%M}" if not moment.second else f"{moment:%H:%M:%S}"
    if days == 0:
        return clock
    return f"{clock} tomorrow" if days == 1 else f"{clock} on {moment:%A %Y-%m-%d}"


def _with_notice(now: datetime, plan: DayPlan, planned: Phase, notice: SessionNotice) -> Phase:
    said = _SAID.get(notice.code)
    since = plan.phase(notice.at.astimezone(KST))
    if said is Phase.SETTLE:
        return said if planned in TRADING and since in TRADING else planned
    if said is Phase.PREPARE:
        left = max(_COUNTDOWN, timedelta(seconds=notice.left_seconds))
        return said if planned in TRADING and now < notice.at + left else planned
    if said is Phase.OPEN and planned is Phase.PREPARE:
        return said
    if said is Phase.OPEN and planned is Phase.START and notice.at.astimezone(KST).time() >= _OPEN:
        return said
    if said is Phase.CLOSING and planned is Phase.OPEN:
        return said
    stands = planned is since and planned in (Phase.CLOSING, Phase.SETTLE)
    return said if said is not None and stands else planned


def _at(day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), KST)

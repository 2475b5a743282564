"""Everything that the report page shows of one day or of several, from the journal alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from kt.records import (
    AnalystScore,
    AnalystUse,
    CallCount,
    Check,
    DailyReport,
    DayResult,
    Decision,
    DecisionOutcome,
    DenialCount,
    Doubt,
    Equity,
    ErrorCount,
    ExitLevels,
    Fill,
    KeptNotice,
    MinutePrice,
    Order,
    Performance,
    Position,
    RoundTrip,
    StockResult,
    Stop,
    SymbolLock,
)
from kt.rules.analyst_scores import scores
from kt.steps.context import Context
from kt.steps.portfolio import daily_pnl, daily_report, equity

MAX_CHARTS = 40
"""Trades that are drawn: those with the largest gain or loss."""
MAX_DECISIONS = 400
"""Decisions that are listed of each sort, the newest."""
AROUND = timedelta(minutes=30)
"""How much of the price is drawn before a trade and after it."""
CALIBRATION_DAYS = 30
"""Days up to the last one whose decisions the calibration is made of, at least."""


@dataclass(frozen=True, slots=True)
class TradeCourse:
    """A trade with what is drawn of it: its fills, the stock's price around it, its exits."""

    trade: RoundTrip | Position
    """A position when nothing of it was sold."""
    ended: datetime | None
    """None: some of it is held."""
    fills: tuple[Fill, ...]
    prices: tuple[MinutePrice, ...]
    exits: tuple[ExitLevels, ...]


@dataclass(frozen=True, slots=True)
class DecisionEnd:
    """A decision and what became of it; `outcome` None: not judged."""

    decision: Decision
    checks: tuple[Check, ...]
    orders: tuple[Order, ...]
    outcome: DecisionOutcome | None


@dataclass(frozen=True, slots=True)
class PeriodReport:
    """The days from `since` to `until` as of `at`. `positions`, `locks` and `doubts` are those of
    now, and empty when the days are over; money in won, after all costs."""

    profile: str
    since: date
    until: date
    at: datetime
    days: tuple[DayResult, ...]
    performance: Performance
    equity: tuple[Equity, ...]
    stocks: tuple[StockResult, ...]
    trades: tuple[RoundTrip, ...]
    courses: tuple[TradeCourse, ...]
    positions: tuple[Position, ...]
    decided: dict[str, int]
    traded: tuple[DecisionEnd, ...]
    """Decisions to buy or sell, oldest first."""
    passed_over: tuple[DecisionEnd, ...]
    """The others: HOLD and ABSTAIN, oldest first."""
    scores: tuple[AnalystScore, ...]
    scores_since: date
    denials: tuple[DenialCount, ...]
    stops: tuple[Stop, ...]
    warnings: tuple[KeptNotice, ...]
    locks: tuple[SymbolLock, ...]
    doubts: tuple[Doubt, ...]
    errors: tuple[ErrorCount, ...]
    calls: tuple[CallCount, ...]
    analysts: tuple[AnalystUse, ...]
    last: DailyReport | None
    """The last day's report, with its plan and lesson."""


def period_report(ctx: Context, since: date, until: date) -> PeriodReport:
    """The report of these days. Raises UsageError for days of which the journal has no result."""
    today = daily_report.past(ctx, since)
    until = min(until, today)
    journal, running = ctx.journal, until == today
    held = journal.positions() if running else ()
    trades = tuple(daily_pnl.by_trade(ctx, since, until))
    points = equity.course(ctx, since, until)
    decisions = journal.decisions_of(since, until)
    judged_since = min(since, until - timedelta(days=CALIBRATION_DAYS))
    outcomes = journal.outcomes(since=judged_since)
    judged = {one.decision_id: one for one in outcomes}
    return PeriodReport(
        profile=ctx.profile,
        since=since,
        until=until,
        at=ctx.clock.now(),
        days=_days(ctx, since, until),
        performance=daily_pnl.performance_of(ctx, since, until, trades, points),
        equity=points,
        stocks=tuple(daily_pnl.by_stock(ctx, since, held, until)),
        trades=trades,
        courses=_courses(ctx, trades, held),
        positions=held,
        decided=dict(Counter(one.action.value for one in decisions)),
        traded=_ends(ctx, [one for one in decisions if one.action.trades], judged),
        passed_over=_ends(ctx, [one for one in decisions if not one.action.trades], judged),
        scores=scores([one for one in outcomes if one.decided_at.date() <= until]),
        scores_since=judged_since,
        denials=journal.denials_of(since, until),
        stops=journal.stops_of(since, until),
        warnings=journal.warnings_of(since, until),
        locks=journal.locks() if running else (),
        doubts=journal.doubts() if running else (),
        errors=journal.errors_of(since, until),
        calls=journal.calls_of(since, until),
        analysts=journal.analysts_of(since, until),
        last=journal.report(until),
    )


def _days(ctx: Context, since: date, until: date) -> tuple[DayResult, ...]:
    """The results as they were settled; today's as it is now."""
    today = ctx.clock.now().date()
    found = [day for day in ctx.journal.days(since=since, until=until) if day.day < today]
    if until == today:
        found.append(daily_pnl.figures(ctx, ctx.journal.positions()))
    if not found:
        raise daily_report.unknown(since if since == until else f"{since} to {until}")
    return tuple(found)


def _courses(
    ctx: Context, trades: tuple[RoundTrip, ...], held: tuple[Position, ...]
) -> tuple[TradeCourse, ...]:
    """The trades that are drawn, and the positions of which nothing was sold, in order of time."""
    begun = {(trip.stock_code, trip.opened_at) for trip in trades}
    every: list[RoundTrip | Position] = [*trades]
    every += [one for one in held if (one.stock_code, one.opened_at) not in begun]
    largest = sorted(every, key=lambda one: -abs(one.profit))[:MAX_CHARTS]
    largest.sort(key=lambda one: (one.opened_at, one.stock_code))
    return tuple(_course(ctx, one) for one in largest)


def _course(ctx: Context, trade: RoundTrip | Position) -> TradeCourse:
    code, begun = trade.stock_code, trade.opened_at
    ended = trade.closed_at if isinstance(trade, RoundTrip) and not trade.open else None
    end = ended or ctx.clock.now()
    fills = ctx.journal.fills(stock_code=code, since=begun.date())
    return TradeCourse(
        trade=trade,
        ended=ended,
        fills=tuple(fill for fill in fills if begun <= fill.at <= end),
        prices=ctx.journal.prices(code, begun - AROUND, end + AROUND),
        exits=ctx.journal.exit_levels(code, begun, end),
    )


def _ends(
    ctx: Context, decisions: list[Decision], judged: Mapping[str, DecisionOutcome]
) -> tuple[DecisionEnd, ...]:
    newest = decisions[-MAX_DECISIONS:]
    return tuple(_end(ctx, one, judged.get(one.decision_id)) for one in newest)


def _end(ctx: Context, decision: Decision, outcome: DecisionOutcome | None) -> DecisionEnd:
    journal, name = ctx.journal, decision.decision_id
    if not decision.action.trades:
        return DecisionEnd(decision, (), (), outcome)
    return DecisionEnd(decision, journal.checks_of(name), journal.orders_of(name), outcome)

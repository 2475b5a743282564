"""The work of the jobs as plain functions: each runs on a worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kt.errors import Denied, KtError
from kt.records import (
    Action,
    Advice,
    Book,
    Candidate,
    Check,
    DailyReport,
    DayResult,
    Decision,
    Order,
    OrderState,
    Origin,
    Quote,
    SessionNotice,
)
from kt.rules import trading_phases
from kt.rules.risk.denials import Code
from kt.rules.trading_phases import MarketPhase
from kt.steps import analyst_outages
from kt.steps.context import Context
from kt.steps.decide import analyze as analysis
from kt.steps.decide import collect, day_questions, order_question, position_questions, scan
from kt.steps.decide import decision_scoring as learning
from kt.steps.fan_out import note_error
from kt.steps.instruments import known_list
from kt.steps.notices import notify
from kt.steps.orders import exits, place, unfilled
from kt.steps.orders.exits import Left
from kt.steps.portfolio import daily_pnl, daily_report, day_plan
from kt.steps.reconcile import cash_reconciliation, order_recovery, order_tracking, startup
from kt.steps.results import Difference, Exit, Reconciliation
from kt.steps.risk import account_snapshot, check
from kt.steps.risk.account_snapshot import AccountSnapshot


def begin(ctx: Context) -> Reconciliation:
    """08:00: reconcile, notify the owner of the account's return (ka10085) if the broker answers,
    and fetch the list of stocks ahead of its first use."""
    found = startup.reconcile(ctx)
    try:
        notify(ctx, "info", "account at the start", daily_pnl.account_text(ctx.broker.returns()))
    except KtError as failure:
        note_error(ctx, "begin.returns", failure)
    known_list(ctx)
    return found


@dataclass(frozen=True, slots=True)
class Judged:
    """The stocks that the analyst chose, its decisions, and the account as it is after them."""

    shortlist: tuple[Candidate, ...]
    decisions: tuple[Decision, ...]
    account: AccountSnapshot
    said: str = ""
    """A summary of shortlist and decisions."""


def judge(ctx: Context, candidates: Sequence[Candidate], notice: SessionNotice | None) -> Judged:
    """Shortlist and decisions of the analyst, then a fresh account snapshot."""
    time = analyst_outages.asking_time(ctx)
    chosen = scan.shortlist(ctx, candidates, time)
    request = collect.collect(ctx, chosen.candidates, notice=notice)
    decisions = analysis.analyze(ctx, request, time)
    said = [chosen.text()] if chosen.failure else []
    said.append(analyst_outages.summary(decisions, ctx.analyst.name))
    return replace(weigh(ctx, chosen.candidates, decisions, notice), said="; ".join(said))


def weigh(
    ctx: Context,
    chosen: tuple[Candidate, ...],
    decisions: tuple[Decision, ...],
    notice: SessionNotice | None,
) -> Judged:
    """The decisions with the account as it is now."""
    wanted = [d.stock_code for d in decisions if d.action.trades]
    buying = {d.stock_code: d.price for d in decisions if d.action is Action.BUY}
    account = (
        account_snapshot.snapshot(ctx, wanted, notice=notice, buying=buying)
        if wanted
        else AccountSnapshot(notice=notice)
    )
    return Judged(chosen, decisions, account)


def recover(ctx: Context) -> tuple[Order, ...]:
    """Look for orders, amends and cancels whose answer was lost; returns those that are resolved
    now."""
    resolved, _ = order_recovery.resolve_intents(ctx)
    caught_up = order_tracking.catch_up(ctx)
    return (*resolved, *caught_up, *order_recovery.resolve_changes(ctx, order_recovery.PATIENCE))


@dataclass(frozen=True, slots=True)
class Placed:
    """The result of one checked order. `again` is a decision that must be checked again, because
    another process has ordered since."""

    order: Order | None = None
    again: Decision | None = None


def check_all(ctx: Context, judged: Judged, notice: SessionNotice | None) -> tuple[Check, ...]:
    return check.check(ctx, judged.decisions, account=judged.account, notice=notice)


def place_one(ctx: Context, checked: Check) -> Placed:
    """Place a checked order. Placing checks again: market hours and stops may have changed."""
    try:
        return Placed(place.place(ctx, checked))
    except Denied as denied:
        note_error(ctx, f"place.{checked.stock_code}", denied)
        return Placed(again=checked.decision if denied.code == Code.STALE_INPUT else None)


def leave(ctx: Context, due: Exit, notice: SessionNotice | None) -> Left:
    """Sell a position whose exit is due, unless a sell that it must not disturb is under way."""
    if exits.held_back(ctx, due):
        return Left(due, None, exits.FIRST_WAIT)
    return exits.leave(ctx, due, notice)


@dataclass(frozen=True, slots=True)
class ProfitAnswer:
    """The analyst's answer about a profit; None when a sell of the stock is under way already."""

    due: Exit
    advice: Advice | None


def ask_profit(ctx: Context, due: Exit) -> ProfitAnswer:
    """Ask the analyst whether to take a profit."""
    if exits.held_back(ctx, due):
        return ProfitAnswer(due, None)
    return ProfitAnswer(due, position_questions.profit(ctx, due))


def ask_closing(ctx: Context) -> dict[str, Advice]:
    """Ask the analyst about each position and each order that is left before the close."""
    return position_questions.closing(ctx, unfilled.leftovers(ctx))


def cancel_open(ctx: Context, order_id: str) -> Order | None:
    """Cancel an open order; None when it is not open any more."""
    order = ctx.journal.order(order_id)
    if order is None or order.state not in _OPEN:
        return None
    try:
        return place.cancel(ctx, order).order
    except Denied as denied:
        note_error(ctx, f"cancel.{order.stock_code}", denied)
        return None


_OPEN = (OrderState.ACKED, OrderState.PARTIAL)


def ask_unfilled(ctx: Context, order: Order, book: Book | None) -> tuple[Order, Advice]:
    """Ask the analyst about an order that stays open."""
    return order, order_question.unfilled(ctx, order, book)


def chase(
    ctx: Context, order_id: str, book: Book | None, advice: Advice | None = None
) -> Order | None:
    """Amend or cancel an order if it is still overdue."""
    late = (order for order in unfilled.overdue(ctx) if order.order_id == order_id)
    order = next(late, None)
    return None if order is None else unfilled.chase(ctx, order, book, advice)


@dataclass(frozen=True, slots=True)
class Plan:
    """Before the open: what the auction would print for what is held and for what yesterday's
    report planned to watch, and what the market shows by now."""

    held: tuple[Quote, ...]
    planned: tuple[Quote, ...]
    candidates: tuple[Candidate, ...]
    answered: str = ""
    """The plan that the analyst made of it, or yesterday's."""

    def text(self) -> str:
        best = ", ".join(found.stock_name for found in self.candidates[:5])
        said = f"{self.answered}; " if self.answered else ""
        return said + (
            f"held, at expected prices: {_expected(self.held) or 'nothing'}; "
            f"planned, at expected prices: {_expected(self.planned) or 'nothing'}; "
            f"watch list: {best or 'the market shows none yet'}"
        )


def _expected(quotes: Sequence[Quote]) -> str:
    return ", ".join(f"{one.stock_name} {one.expected_price or one.price:,}" for one in quotes)


def plan(ctx: Context) -> Plan:
    """Make the plan (08:30): expected prices and the watch list, then the analyst's plan for them.
    An empty ranking before the open is no error."""
    held = [position.stock_code for position in ctx.journal.positions()]
    before = ctx.journal.report_before(ctx.clock.now().date())
    planned = [stock.stock_code for stock in before.plan] if before else []
    codes = list(dict.fromkeys([*held, *planned]))
    quotes = ctx.market.quotes(codes) if codes else ()
    made = Plan(
        tuple(one for one in quotes if one.stock_code in held),
        tuple(one for one in quotes if one.stock_code not in held),
        scan.fast(ctx).candidates,
    )
    if ctx.config.questions.plan.ask:
        day_questions.plan(ctx, quotes, made.candidates[: ctx.config.scan.ai_keep])
    made = replace(made, answered=day_plan.in_force(ctx))
    notify(ctx, "info", "plan for the day", made.text())
    return made


@dataclass(frozen=True, slots=True)
class Settled:
    """The settled day."""

    result: DayResult
    ended: tuple[Order, ...]
    """Orders that were still open, in their final state."""
    differences: tuple[Difference, ...]

    report: DailyReport

    def text(self) -> str:
        lines = [
            daily_report.summary(self.report),
            *(f"{o.state.lower()}: {o.side} {o.stock_code}" for o in self.ended),
            *(difference.text() for difference in self.differences),
        ]
        return "\n".join(lines)


def settle_day(ctx: Context, notice: SessionNotice | None = None) -> Settled:
    """Settle the day (15:30): last fills, end of the open orders, the day's result, the comparison
    with the broker's figures, and the scores of the decisions."""
    order_tracking.catch_up(ctx)
    closed = trading_phases.market_phase(ctx.clock.now(), notice) is MarketPhase.CLOSED
    ended = tuple(
        startup.expire(ctx, order, "the market closed") if closed else _take_back(ctx, order)
        for order in order_tracking.still_open(ctx)
        if order.origin is not Origin.EXTERNAL
    )
    result = daily_pnl.against_index(ctx, daily_pnl.close_day(ctx))
    try:
        differences = (*daily_pnl.compare(ctx), *cash_reconciliation.compare(ctx))
        learning.learn(ctx)
    except KtError as failure:
        note_error(ctx, "settle.compare", failure)
        differences = ()
    return Settled(result, ended, differences, _report(ctx, result))


def _report(ctx: Context, result: DayResult) -> DailyReport:
    """The day's report with the analyst's lesson and plan. It is written before the question too:
    a run that ends meanwhile leaves one."""
    written = daily_report.write(ctx, daily_report.made(ctx, result))
    if not ctx.config.questions.lesson.ask:
        return written
    return daily_report.write(ctx, day_questions.lesson(ctx, written))


def _take_back(ctx: Context, order: Order) -> Order:
    """Cancel an open order. kt's day may be configured to end before the market's, where orders do
    not expire by themselves."""
    try:
        return place.cancel(ctx, order).order
    except Denied as denied:
        note_error(ctx, f"cancel.{order.stock_code}", denied)
        return order

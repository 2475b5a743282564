"""The slow work of the jobs as plain functions: each runs on a worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kt.engine.state import Judged
from kt.errors import Denied, KtError
from kt.records import (
    Action,
    Book,
    Candidate,
    Check,
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
from kt.steps import silence
from kt.steps.context import Context
from kt.steps.decide import analyze as analysis
from kt.steps.decide import collect, scan
from kt.steps.decide import decision_scoring as learning
from kt.steps.fan_out import note_error
from kt.steps.instruments import known_list
from kt.steps.orders import exits, place, unfilled
from kt.steps.orders.exits import Left
from kt.steps.portfolio import daily_pnl
from kt.steps.reconcile import cash_reconciliation, order_recovery, order_tracking, startup
from kt.steps.results import Difference, Exit, Reconciliation
from kt.steps.risk import account_snapshot, check


def begin(ctx: Context) -> Reconciliation:
    """Starting is recovering; and the list of stocks is fetched before anybody needs it."""
    found = startup.reconcile(ctx)
    known_list(ctx)
    return found


def judge(ctx: Context, candidates: Sequence[Candidate], notice: SessionNotice | None) -> Judged:
    """The analyst's choice, its decisions, and the account as it is after all that time."""
    time = silence.asking_time(ctx)
    chosen = scan.shortlist(ctx, candidates, time)
    brief = collect.collect(ctx, chosen.candidates)
    decisions = analysis.analyze(ctx, brief, time)
    said = [chosen.text()] if chosen.failure else []
    said.append(silence.summary(decisions, ctx.analyst.name))
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
        else account_snapshot.AccountSnapshot(notice=notice)
    )
    return Judged(chosen, decisions, account)


def recover(ctx: Context) -> tuple[Order, ...]:
    """Look for orders, amends and cancels whose answer was lost; those that were settled."""
    resolved, _ = order_recovery.resolve_intents(ctx)
    caught_up = order_tracking.catch_up(ctx)
    return (*resolved, *caught_up, *order_recovery.resolve_changes(ctx, order_recovery.PATIENCE))


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of one checked order. `again` is a decision that must be weighed anew, because
    another process has ordered since."""

    order: Order | None = None
    again: Decision | None = None


def check_all(ctx: Context, judged: Judged, notice: SessionNotice | None) -> tuple[Check, ...]:
    return check.check(ctx, judged.decisions, account=judged.account, notice=notice)


def place_one(ctx: Context, checked: Check) -> Placed:
    """The market's hours and the stops may have changed since the check: placing looks again."""
    try:
        return Placed(place.place(ctx, checked))
    except Denied as denied:
        note_error(ctx, f"place.{checked.stock_code}", denied)
        return Placed(again=checked.decision if denied.code == Code.STALE_INPUT else None)


def leave(ctx: Context, due: Exit, notice: SessionNotice | None) -> Left:
    """An exit whose price was reached, unless a sell that it must not disturb is under way."""
    if exits.held_back(ctx, due):
        return Left(due, None, exits.FIRST_WAIT)
    return exits.leave(ctx, due, notice)


def ask_profit(ctx: Context, due: Exit) -> tuple[Exit, bool]:
    """Whether the analyst wants that profit taken."""
    return due, exits.confirm_profit(ctx, due)


def take_back(ctx: Context, order_id: str) -> Order | None:
    """Cancel an open order; None when there is nothing to cancel any more."""
    order = ctx.journal.order(order_id)
    if order is None or order.state not in _STANDING:
        return None
    try:
        return place.cancel(ctx, order).order
    except Denied as denied:
        note_error(ctx, f"cancel.{order.stock_code}", denied)
        return None


_STANDING = (OrderState.ACKED, OrderState.PARTIAL)


def chase(ctx: Context, order_id: str, book: Book | None) -> Order | None:
    """An order that was overdue a moment ago, if it still is."""
    late = (order for order in unfilled.overdue(ctx) if order.order_id == order_id)
    order = next(late, None)
    return None if order is None else unfilled.chase(ctx, order, book)


@dataclass(frozen=True, slots=True)
class Plan:
    """Before the open: what the auction would print for what is held, and what to watch."""

    expected: tuple[Quote, ...]
    candidates: tuple[Candidate, ...]

    def text(self) -> str:
        held = ", ".join(
            f"{quote.stock_name} {quote.expected_price or quote.price:,}" for quote in self.expected
        )
        best = ", ".join(found.stock_name for found in self.candidates[:5])
        return (
            f"held, at expected prices: {held or 'nothing'}; "
            f"watch list: {best or 'the market shows none yet'}"
        )


def plan(ctx: Context) -> Plan:
    """08:30. A market that ranks nothing before it opens is no error."""
    codes = [position.stock_code for position in ctx.journal.positions()]
    made = Plan(ctx.market.quotes(codes) if codes else (), scan.fast(ctx))
    ctx.journal.notice(ctx.run, "info", "plan for the day", made.text(), ctx.clock.now())
    return made


@dataclass(frozen=True, slots=True)
class Settled:
    """The day at its end."""

    result: DayResult
    ended: tuple[Order, ...]
    """What was still open, as it stood then."""
    differences: tuple[Difference, ...]

    def text(self) -> str:
        day = self.result
        lines = [
            f"{day.day}: realised {day.realised:+,} won, unrealised {day.unrealised:+,} won, "
            f"{day.trades} trades ({day.wins} won), fees {day.fees:,}, taxes {day.taxes:,}, "
            f"bought {day.bought:,}, sold {day.sold:,}",
            *(f"{o.state.lower()}: {o.side} {o.stock_code}" for o in self.ended),
            *(difference.text() for difference in self.differences),
        ]
        return "\n".join(lines)


def settle_day(ctx: Context, notice: SessionNotice | None = None) -> Settled:
    """15:30: the last fills, the end of what is open, the result, the broker's figures beside
    it, and what the decisions were worth."""
    order_tracking.catch_up(ctx)
    closed = trading_phases.market_phase(ctx.clock.now(), notice) is MarketPhase.CLOSED
    ended = tuple(
        startup.expire(ctx, order, "the market closed") if closed else _take_back(ctx, order)
        for order in order_tracking.still_open(ctx)
        if order.origin is not Origin.EXTERNAL
    )
    result = daily_pnl.close_day(ctx)
    try:
        differences = (*daily_pnl.compare(ctx), *cash_reconciliation.compare(ctx))
        learning.learn(ctx)
    except KtError as failure:
        note_error(ctx, "settle.compare", failure)
        differences = ()
    return Settled(result, ended, differences)


def _take_back(ctx: Context, order: Order) -> Order:
    """kt's day may be configured to end before the market's: nothing expires by itself then."""
    try:
        return place.cancel(ctx, order).order
    except Denied as denied:
        note_error(ctx, f"cancel.{order.stock_code}", denied)
        return order

"""Slow work of the day as plain functions: each runs on a worker, and its answer is an event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kt.engine.state import Judged
from kt.errors import Denied, KtError
from kt.records import (
    Action,
    Candidate,
    DayResult,
    Decision,
    Order,
    Origin,
    Quote,
    SessionNotice,
)
from kt.rules import session
from kt.rules.session import MarketPhase
from kt.steps import analyze as analysis
from kt.steps import (
    cash,
    changes,
    collect,
    facts,
    follow,
    place,
    reconcile,
    recovery,
    scan,
    settle,
)
from kt.steps import learn as learning
from kt.steps.context import Context
from kt.steps.gather import note_error
from kt.steps.reports import Difference, Reconciliation
from kt.steps.stocks import known_list


def begin(ctx: Context) -> Reconciliation:
    """Starting is recovering; and the list of stocks is fetched before anybody needs it."""
    found = reconcile.reconcile(ctx)
    known_list(ctx)
    return found


def judge(ctx: Context, candidates: Sequence[Candidate], notice: SessionNotice | None) -> Judged:
    """The analyst's choice, its decisions, and the account as it is after all that time."""
    chosen = scan.shortlist(ctx, candidates)
    brief = collect.collect(ctx, chosen)
    return weigh(ctx, chosen, analysis.analyze(ctx, brief), notice)


def weigh(
    ctx: Context,
    chosen: tuple[Candidate, ...],
    decisions: tuple[Decision, ...],
    notice: SessionNotice | None,
) -> Judged:
    """The decisions with the account as it is now."""
    wanted = [d.stock_code for d in decisions if d.action is not Action.HOLD]
    buying = {d.stock_code: d.price for d in decisions if d.action is Action.BUY}
    account = (
        facts.look(ctx, wanted, notice=notice, buying=buying)
        if wanted
        else facts.Account(notice=notice)
    )
    return Judged(chosen, decisions, account)


def recover(ctx: Context) -> tuple[Order, ...]:
    """Look for orders, amends and cancels whose answer was lost; those that were settled."""
    resolved, _ = recovery.settle_intents(ctx)
    follow.catch_up(ctx)
    return (*resolved, *changes.settle_changes(ctx, recovery.PATIENCE))


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
    judged: int

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
    follow.catch_up(ctx)
    closed = session.market_phase(ctx.clock.now(), notice) is MarketPhase.CLOSED
    ended = tuple(
        reconcile.expire(ctx, order, "the market closed") if closed else _take_back(ctx, order)
        for order in follow.still_open(ctx)
        if order.origin is not Origin.EXTERNAL
    )
    result = settle.settle(ctx)
    try:
        differences = (*settle.compare(ctx), *cash.compare(ctx))
        judged = len(learning.learn(ctx).outcomes)
    except KtError as failure:
        note_error(ctx, "settle.compare", failure)
        differences, judged = (), 0
    return Settled(result, ended, differences, judged)


def _take_back(ctx: Context, order: Order) -> Order:
    """kt's day may be configured to end before the market's: nothing expires by itself then."""
    try:
        return place.cancel(ctx, order).order
    except Denied as denied:
        note_error(ctx, f"cancel.{order.stock_code}", denied)
        return order

"""Step 9: judge past decisions at their horizon, and tell the analyst its own record in the next
request (docs/decision-scores.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kt.errors import KtError
from kt.records import (
    UNRESOLVED_STATES,
    Action,
    Bar,
    Decision,
    DecisionOutcome,
    EntryStatus,
    Interval,
    OrderState,
    Provenance,
)
from kt.rules import analyst_scores, decision_validation
from kt.rules.decision_verdict import (
    TradeCosts,
    choice_pct,
    cost_rates,
    horizon_end,
    verdict,
)
from kt.steps.context import Context
from kt.steps.fan_out import note_error
from kt.steps.instruments import known_list
from kt.steps.results import Learned

MAX_SCORED = 1_000
"""Decisions scored in one call."""
_BARS = 400
"""Minute bars: a whole session (390) and a margin."""
RECENT = timedelta(days=30)
"""What the analyst is told its record of."""
_MAX_AGE = timedelta(days=7)


@dataclass(slots=True)
class _Known:
    """What was fetched for one call: bars by stock and whether they are today's, and the rules
    analyst's decisions by question and stock."""

    bars: dict[tuple[str, bool], tuple[Bar, ...]] = field(default_factory=dict)
    rules: dict[str, dict[str, Decision]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Entry:
    status: EntryStatus
    price: float


def learn(ctx: Context) -> Learned:
    """Judge the decisions whose horizon has passed; each is judged once."""
    outcomes: list[DecisionOutcome] = []
    missing: list[str] = []
    known = _Known()
    for decision, end in _due(ctx)[:MAX_SCORED]:
        later = _price_at(ctx, decision, end, known)
        entry = _entry(ctx, decision, end)
        if later is None or entry is None:
            missing.append(f"{decision.stock_code} {decision.decision_id}")
            continue
        outcome = _outcome(ctx, decision, (later, end), entry, known)
        ctx.journal.put_outcome(outcome)
        outcomes.append(outcome)
    return Learned(tuple(outcomes), tuple(missing))


def _due(ctx: Context) -> list[tuple[Decision, datetime]]:
    """Decisions of the last week that are not judged yet, with the ends of their horizons, which
    have passed. Those that no price can judge are left out (`horizon_end`)."""
    now = ctx.clock.now()
    found = []
    for decision in ctx.journal.open_decisions(now, since=now - _MAX_AGE):
        if decision.decided_at is None or not decision.reference_price:
            continue
        end = horizon_end(decision.decided_at, ctx.config.analyst.horizon_minutes)
        if end is not None and end < now:
            found.append((decision, end))
    return found


def _price_at(ctx: Context, decision: Decision, end: datetime, known: _Known) -> int | None:
    """The price in won at the end of the horizon, by minute bars; of an earlier day, that day's
    close. None when there is no bar."""
    today = end.date() == ctx.clock.now().date()
    key = (decision.stock_code, today)
    if key not in known.bars:
        known.bars[key] = _bars(ctx, decision.stock_code, today)
    fits = [bar for bar in known.bars[key] if bar.at <= end and bar.at.date() == end.date()]
    return fits[-1].close if fits else None


def _bars(ctx: Context, code: str, today: bool) -> tuple[Bar, ...]:
    try:
        if today:
            return ctx.market.bars(code, Interval.MINUTE, _BARS)
        return ctx.market.bars(code, Interval.DAY, 30)
    except KtError as failure:
        note_error(ctx, "learn.bars", failure)
        return ()


def _entry(ctx: Context, decision: Decision, end: datetime) -> _Entry | None:
    """What became of the decision's order until the end of the horizon; None while that is not
    known."""
    price = float(decision.reference_price)
    if not decision.action.trades or decision.provenance is Provenance.SHADOW:
        return _Entry(EntryStatus.NONE, price)
    orders = ctx.journal.orders_of(decision.decision_id)
    fills = [
        fill
        for order in orders
        for fill in ctx.journal.fills(order_id=order.order_id)
        if fill.at <= end
    ]
    quantity = sum(fill.quantity for fill in fills)
    if quantity:
        value = sum(fill.quantity * fill.price for fill in fills)
        return _Entry(EntryStatus.FILLED, value / quantity)
    states = {order.state for order in orders}
    if states & UNRESOLVED_STATES:
        return None
    if states - {OrderState.DENIED, OrderState.REJECTED}:
        return _Entry(EntryStatus.UNFILLED, price)
    denied = states or any(
        not check.passed for check in ctx.journal.checks_of(decision.decision_id)
    )
    return _Entry(EntryStatus.DENIED if denied else EntryStatus.NOT_ORDERED, price)


def _outcome(
    ctx: Context, decision: Decision, later: tuple[int, datetime], entry: _Entry, known: _Known
) -> DecisionOutcome:
    """The outcome at a horizon's end: `later` is the price in won there, and its time."""
    price_later, end = later
    assert decision.decided_at is not None
    costs = _costs(ctx, decision, end)
    held = decision.held > 0 or decision.action is Action.SELL
    then = decision.reference_price
    found = verdict(decision.action, held, entry.price, price_later, costs)
    rules = _rules_decision(ctx, decision, known)
    theirs = verdict(rules.action, held, then, price_later, costs) if rules else None
    return DecisionOutcome(
        decision_id=decision.decision_id,
        stock_code=decision.stock_code,
        action=decision.action,
        confidence=decision.confidence,
        analyst=decision.analyst,
        model=decision.model,
        decided_at=decision.decided_at,
        horizon_minutes=ctx.config.analyst.horizon_minutes,
        price_then=then,
        price_later=price_later,
        return_pct=round(found.return_pct, 4),
        hit=found.hit,
        horizon_at=end,
        edge_pct=round(found.edge_pct, 4),
        buy_hold_pct=round(choice_pct(True, held, then, price_later, costs), 4),
        prompt_version=decision.prompt_version,
        provenance=decision.provenance,
        held=decision.held,
        entry=entry.status,
        entry_price=entry.price,
        rules_action=rules.action.value if rules else "",
        rules_pct=round(theirs.return_pct, 4) if theirs else None,
        rules_hit=theirs.hit if theirs else None,
    )


def _costs(ctx: Context, decision: Decision, day: datetime) -> TradeCosts:
    stock = (known_list(ctx) or {}).get(decision.stock_code)
    market, kind = (stock.market, stock.kind) if stock else ("KOSPI", "STOCK")
    return cost_rates(ctx.config.server.commission_pct, market, kind, day)


def _rules_decision(ctx: Context, decision: Decision, known: _Known) -> Decision | None:
    """What the rules analyst decides about the stock on the data that the analyst was given; None
    when the journal does not have them, or the rules do not answer."""
    key = decision.question_key
    if key not in known.rules:
        question = ctx.journal.question_of(key)
        known.rules[key] = {}
        if question is not None:
            answer = ctx.baseline.decide(question.request)
            judged = decision_validation.judge(
                answer.objects, question.request, kinds=question.kinds
            )
            known.rules[key] = {one.stock_code: one for one in judged.decisions}
    return known.rules[key].get(decision.stock_code)


def lessons(ctx: Context) -> str:
    """The record of the analyst that is about to be asked, over the last 30 days, as text for its
    next request; empty when there is none. Other analysts' decisions are not in it."""
    since = ctx.clock.now().date() - RECENT
    own = [
        one
        for one in ctx.journal.outcomes(since=since)
        if one.analyst == ctx.analyst.name and not one.by_shadow
    ]
    counted = [one for one in own if one.counts]
    if not counted:
        return ""
    newest = max(counted, key=lambda one: one.decided_at)
    key = analyst_scores.key_of_score(newest)
    rows = analyst_scores.scores([o for o in own if analyst_scores.key_of_score(o) == key])
    return analyst_scores.digest(rows)

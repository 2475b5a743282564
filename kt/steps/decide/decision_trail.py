"""One decision's whole trail: what led to it, what was ordered, and what came of it."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from kt.records import (
    Action,
    AnalystCall,
    AnalystReply,
    AnalystRequest,
    Candidate,
    Decision,
    DecisionTrail,
    ExitLevels,
    Fill,
    Order,
    Position,
    RoundTrip,
)
from kt.rules.round_trips import round_trips
from kt.steps.context import Context

PRUNED = (
    "not in the journal: kt log prune has removed it, or another version of kt wrote it in a form "
    "that this one cannot read"
)


def trail(ctx: Context, decision: Decision, run: str) -> DecisionTrail:
    """The trail of a decision of the journal; a part that should be there and is not is named in
    `missing`."""
    journal = ctx.journal
    brief, answer = _brief(ctx, decision), journal.answer_of(decision.answer_key)
    prompt, reply = (answer.prompt, _reply(answer)) if answer else ("", "")
    orders = journal.orders_of(decision.decision_id)
    fills = tuple(f for order in orders for f in journal.fills(order_id=order.order_id))
    position, trade = _holding(ctx, decision.stock_code, fills)
    absent = [("brief", brief), ("prompt and reply", answer)]
    missing = tuple(f"{name}: {PRUNED}" for name, part in absent if part is None)
    return DecisionTrail(
        decision=decision,
        run=run,
        candidate=_candidate(ctx, decision, run, brief),
        brief=brief,
        prompt=prompt,
        reply=reply,
        reply_objects=_about(reply, decision.stock_code),
        prompt_characters=len(prompt),
        reply_characters=len(reply),
        call=_call(answer) if answer else None,
        checks=journal.checks_of(decision.decision_id),
        orders=orders,
        fills=fills,
        exits=_exits(ctx, position, trade),
        position=position,
        trade=trade,
        profit=_profit(decision, orders, trade),
        verdict=journal.outcome(decision.decision_id),
        missing=missing,
    )


def _brief(ctx: Context, decision: Decision) -> AnalystRequest | None:
    """What the analyst was told, limited to the decision's stock."""
    question = ctx.journal.question_of(decision.question_key)
    if question is None:
        return None
    stocks = tuple(s for s in question.request.stocks if s.stock_code == decision.stock_code)
    return replace(question.request, stocks=stocks)


def _candidate(
    ctx: Context, decision: Decision, run: str, brief: AnalystRequest | None
) -> Candidate | None:
    """The candidate as it was piped to the analysis, otherwise as the run's last scan found it."""
    told = [stock.candidate for stock in brief.stocks if stock.candidate] if brief else []
    if told or decision.decided_at is None:
        return told[0] if told else None
    return ctx.journal.candidate_before(run, decision.stock_code, decision.decided_at)


def _reply(answer: AnalystReply) -> str:
    return answer.raw or msgspec.json.encode(answer.objects).decode()


def _about(reply: str, stock_code: str) -> tuple[dict[str, Any], ...]:
    """The reply's objects about a stock; none when the reply is not plain JSON."""
    try:
        found = msgspec.json.decode(reply)
    except (msgspec.DecodeError, RecursionError):
        return ()
    objects = found if isinstance(found, list) else [found]
    return tuple(o for o in objects if isinstance(o, dict) and o.get("stock_code") == stock_code)


def _call(answer: AnalystReply) -> AnalystCall:
    return AnalystCall(**{name: getattr(answer, name) for name in AnalystCall.__struct_fields__})


def _holding(
    ctx: Context, stock_code: str, fills: tuple[Fill, ...]
) -> tuple[Position | None, RoundTrip | None]:
    """What is still held of the position that the fills belong to, and its sales so far."""
    if not fills:
        return None, None
    first = min(fill.at for fill in fills)
    positions = [held for held in ctx.journal.positions() if held.stock_code == stock_code]
    sales = [sale for sale in ctx.journal.trades() if sale.stock_code == stock_code]
    held = next((position for position in positions if position.opened_at <= first), None)
    trips = [
        trip
        for trip in round_trips(sales, positions)
        if (trip.open if held else trip.opened_at <= first <= trip.closed_at)
    ]
    return held, max(trips, key=lambda trip: trip.opened_at, default=None)


def _exits(
    ctx: Context, position: Position | None, trade: RoundTrip | None
) -> tuple[ExitLevels, ...]:
    """Stops and targets from the first share to the last one, or to now."""
    if position is not None:
        now = ctx.clock.now()
        return ctx.journal.exit_levels(position.stock_code, position.opened_at, now)
    if trade is not None:
        return ctx.journal.exit_levels(trade.stock_code, trade.opened_at, trade.closed_at)
    return ()


def _profit(decision: Decision, orders: tuple[Order, ...], trade: RoundTrip | None) -> int | None:
    """In won: of a SELL its own sales, otherwise all sales of the round trip; None for nothing
    sold."""
    if trade is None or decision.action is not Action.SELL:
        return trade.profit if trade else None
    ours = {order.order_id for order in orders}
    return sum(part.profit for part in trade.parts if part.order_id in ours)

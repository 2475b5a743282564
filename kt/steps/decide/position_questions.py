"""The questions about positions: at the target sell or hold on, and before the close hold or sell.

`docs/architecture.md#questions` lists all questions. Each waits for the analyst, so they run on
workers, and a stop-loss never waits for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from kt.ports.patience import AskingTime
from kt.records import (
    Advice,
    AdviceChoice,
    AdviceRequest,
    Order,
    Position,
    Subject,
    Topic,
)
from kt.rules.standing_answer import still_stands
from kt.steps.context import Context
from kt.steps.decide.ask_advice import advise
from kt.steps.decide.subject_data import stock_context
from kt.steps.decide.under_way import open_order, under_way
from kt.steps.instruments import instrument
from kt.steps.portfolio import day_plan
from kt.steps.results import Exit

_SOLD_OR_NOT = (AdviceChoice.SELL, AdviceChoice.HOLD)
_KEPT_OR_NOT = (AdviceChoice.KEEP, AdviceChoice.CANCEL)


def profit(ctx: Context, due: Exit) -> Advice:
    """Ask whether to take a profit now: SELL or HOLD; without an answer what
    `questions.profit.silence` says. While the last answer stands, that one."""
    question, position = ctx.config.questions.profit, due.position
    earlier = ctx.journal.advice_since(position.opened_at, Topic.PROFIT, position.stock_code)
    if earlier and still_stands(earlier[-1], position, due.price, ctx.clock.now(), question):
        return earlier[-1]
    time = AskingTime(question.timeout)
    subject = _held(ctx, position, time, due.price, due.reason)
    silence = AdviceChoice.SELL if question.silence == "sell" else AdviceChoice.HOLD
    request = _request(ctx, Topic.PROFIT, (subject,))
    return advise(ctx, request, {subject.ref: silence}, time)[subject.ref]


def closing(ctx: Context, leftovers: Iterable[Order]) -> dict[str, Advice]:
    """Ask what to do before the close with each position (HOLD or SELL), by stock code, and with
    each of the open orders (KEEP or CANCEL), by order number. Without an answer, what
    `questions.closing.silence` says. Each is asked about once a day.

    Left out: positions younger than `exits.min_holding_minutes`, which the analyst may not sell,
    and shares that kt leaves alone (`exits.external`).
    """
    question = ctx.config.questions.closing
    time = AskingTime(question.timeout)
    known = {one.ref: one for one in day_plan.newest(ctx, Topic.CLOSING, ctx.clock.now().date())}
    held = [
        _held(ctx, position, time, position.price)
        for position in ctx.journal.positions()
        if position.stock_code not in known and _may_be_sold(ctx, position)
    ]
    left = [_left(order) for order in leftovers if order.ord_no and order.ord_no not in known]
    choice = AdviceChoice.SELL if question.silence == "sell" else AdviceChoice.HOLD
    silence = {one.ref: choice for one in held} | {one.ref: AdviceChoice.KEEP for one in left}
    request = _request(ctx, Topic.CLOSING, (*held, *left))
    return known | advise(ctx, request, silence, time)


def _may_be_sold(ctx: Context, position: Position) -> bool:
    exits = ctx.config.exits
    youngest = timedelta(minutes=exits.min_holding_minutes)
    ours = position.source != "external" or exits.external == "protect"
    return ours and ctx.clock.now() - position.opened_at >= youngest


def _request(ctx: Context, topic: Topic, subjects: tuple[Subject, ...]) -> AdviceRequest:
    return AdviceRequest(
        topic=topic,
        asof=ctx.clock.now(),
        subjects=subjects,
        under_way=under_way(ctx),
        plan=day_plan.in_force(ctx),
    )


def _held(
    ctx: Context, position: Position, time: AskingTime, price: int, note: str = ""
) -> Subject:
    stock = stock_context(ctx, position.stock_code, time, position=position)
    known = instrument(ctx, position.stock_code)
    return Subject(
        ref=position.stock_code,
        choices=_SOLD_OR_NOT,
        stock_code=position.stock_code,
        stock_name=position.stock_name,
        kind=known.kind if known else "STOCK",
        price=price if note or stock is None else stock.quote.price,
        base_price=stock.quote.base_price if stock else 0,
        position=position,
        stock=stock,
        note=note,
    )


def _left(order: Order) -> Subject:
    return Subject(
        ref=order.ord_no,
        choices=_KEPT_OR_NOT,
        stock_code=order.stock_code,
        stock_name=order.stock_name,
        price=order.price,
        order=open_order(order),
        note=order.reason,
    )

"""The question about an order that stays open: amend it to which price, or cancel it."""

from __future__ import annotations

from datetime import timedelta

from kt.ports.patience import AskingTime
from kt.records import Advice, AdviceChoice, AdviceRequest, Book, Order, Subject, Topic
from kt.steps.context import Context
from kt.steps.decide.ask_advice import advise
from kt.steps.decide.subject_data import stock_context
from kt.steps.decide.under_way import open_order, under_way
from kt.steps.instruments import instrument
from kt.steps.portfolio import day_plan


def answered(ctx: Context, order: Order) -> Advice | None:
    """The answer about this order that still stands: an order that could not be changed is not
    asked about again before `orders.unfilled_after` has passed once more."""
    since = ctx.clock.now() - timedelta(seconds=ctx.config.orders.unfilled_after)
    found = ctx.journal.advice_since(since, Topic.UNFILLED, order.ord_no)
    return found[-1] if found else None


def unfilled(ctx: Context, order: Order, book: Book | None = None) -> Advice:
    """Ask about an order; AMEND has the new price in won. `book` is the newest order book if the
    stream has one. Without an answer RULE or CANCEL, as `questions.unfilled.silence` says."""
    before = answered(ctx, order)
    if before is not None:
        return before
    time = AskingTime(ctx.config.questions.unfilled.timeout)
    stock = stock_context(ctx, order.stock_code, time, book=book)
    known = instrument(ctx, order.stock_code)
    subject = Subject(
        ref=order.ord_no,
        choices=(AdviceChoice.AMEND, AdviceChoice.CANCEL),
        stock_code=order.stock_code,
        stock_name=order.stock_name,
        kind=known.kind if known else "STOCK",
        price=stock.quote.price if stock else 0,
        base_price=stock.quote.base_price if stock else 0,
        order=open_order(order),
        stock=stock,
        note=order.reason,
    )
    request = AdviceRequest(
        topic=Topic.UNFILLED,
        asof=ctx.clock.now(),
        subjects=(subject,),
        under_way=under_way(ctx),
        plan=day_plan.in_force(ctx),
    )
    rule = ctx.config.questions.unfilled.silence == "rule"
    silence = AdviceChoice.RULE if rule else AdviceChoice.CANCEL
    return advise(ctx, request, {subject.ref: silence}, time)[subject.ref]

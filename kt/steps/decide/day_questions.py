"""The questions of the morning and of the evening: the plan of the day at 08:30, what the day
taught and the next day's plan at 15:30."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from kt.ports.patience import AskingTime
from kt.records import (
    LESSON,
    TODAY,
    TOMORROW,
    Advice,
    AdviceChoice,
    AdviceRequest,
    Candidate,
    DailyReport,
    PlannedStock,
    Position,
    Quote,
    Subject,
    Topic,
)
from kt.steps.context import Context
from kt.steps.decide.ask_advice import advise
from kt.steps.decide.under_way import under_way
from kt.steps.instruments import instrument
from kt.steps.portfolio import day_plan

MAX_TRADES = 20
"""The last trades of the day that the lesson is asked about."""
_STANCES = (AdviceChoice.TRADE, AdviceChoice.CAREFUL, AdviceChoice.AVOID)
_KEPT = (AdviceChoice.HOLD, AdviceChoice.SELL)
_WATCHED = (AdviceChoice.WATCH, AdviceChoice.SKIP)


def plan(
    ctx: Context, quotes: Sequence[Quote], candidates: Sequence[Candidate]
) -> dict[str, Advice]:
    """Ask for the plan of the day: its strategy, and for each of the stocks whether it is watched
    (what is held: whether it is kept). `quotes` have the expected prices.

    Without an answer, what `questions.plan.silence` says: yesterday's watch list, or none. It is
    asked once a day.
    """
    question, today = ctx.config.questions.plan, ctx.clock.now().date()
    known = {one.ref: one for one in day_plan.newest(ctx, Topic.PLAN, today)}
    if known:
        return known
    before = day_plan.before(ctx, today)
    held = {position.stock_code: position for position in ctx.journal.positions()}
    notes = {stock.stock_code: stock.reason for stock in before.plan} if before else {}
    reasons = {one.stock_code: ", ".join(one.reasons or one.rankings) for one in candidates}
    stocks = [_of_quote(ctx, quote, held, reasons | notes) for quote in quotes]
    stocks += [
        _stock(one, price=one.price, note=reasons[one.stock_code])
        for one in candidates
        if one.stock_code not in {quote.stock_code for quote in quotes}
    ]
    watched = notes if question.silence == "yesterday" else {}
    silence = {TODAY: AdviceChoice.TRADE} | _silence(stocks, watched)
    request = AdviceRequest(
        topic=Topic.PLAN,
        asof=ctx.clock.now(),
        subjects=(Subject(ref=TODAY, choices=_STANCES), *stocks),
        under_way=under_way(ctx),
        plan=day_plan.left_by(before),
    )
    return advise(ctx, request, silence, AskingTime(question.timeout))


def lesson(ctx: Context, report: DailyReport) -> DailyReport:
    """The report with what the day taught and the next day's plan, as the analyst answers. Without
    an answer the plan is that of the last scan, or empty (`questions.lesson.silence`). It is asked
    once a day."""
    question = ctx.config.questions.lesson
    known = {one.ref: one for one in day_plan.newest(ctx, Topic.LESSON, report.day)}
    if known:
        return _with_lesson(report, known)
    held = {position.stock_code: position for position in ctx.journal.positions()}
    stocks = [
        _stock(one, price=one.price, position=held.get(one.stock_code), note=one.reason)
        for one in report.plan
    ]
    watched = [one.stock_code for one in report.plan] if question.silence == "scan" else []
    silence = {LESSON: AdviceChoice.NOTED, TOMORROW: AdviceChoice.TRADE}
    request = AdviceRequest(
        topic=Topic.LESSON,
        asof=ctx.clock.now(),
        subjects=(
            Subject(ref=LESSON, choices=(AdviceChoice.NOTED,)),
            Subject(ref=TOMORROW, choices=_STANCES),
            *stocks,
        ),
        under_way=under_way(ctx),
        plan=report.day_plan,
        result=report.result,
        trades=report.trades[-MAX_TRADES:],
    )
    time = AskingTime(question.timeout)
    answers = advise(ctx, request, silence | _silence(stocks, watched), time)
    return _with_lesson(report, answers)


def _with_lesson(report: DailyReport, answers: Mapping[str, Advice]) -> DailyReport:
    taught, tomorrow = answers[LESSON], answers[TOMORROW]
    return replace(
        report,
        lesson="" if taught.silent else taught.reason,
        stance=tomorrow.choice.value,
        strategy="" if tomorrow.silent else tomorrow.reason,
        plan=tuple(
            _with_reason(stock, answers.get(stock.stock_code))
            for stock in report.plan
            if not _skipped(answers.get(stock.stock_code))
        ),
    )


def _skipped(answer: Advice | None) -> bool:
    return answer is not None and answer.choice is AdviceChoice.SKIP


def _with_reason(stock: PlannedStock, answer: Advice | None) -> PlannedStock:
    """The stock with the analyst's reason; its own without an answer."""
    if answer is None or answer.silent:
        return stock
    price = f" up to {answer.price:,}" if answer.price else ""
    return replace(stock, reason=f"{answer.choice}{price}: {answer.reason}")


def _silence(stocks: Iterable[Subject], watched: Iterable[str]) -> dict[str, AdviceChoice]:
    """What holds for each stock without an answer: what is held is kept."""
    codes = set(watched)
    return {
        one.ref: AdviceChoice.HOLD
        if one.position is not None
        else AdviceChoice.WATCH
        if one.ref in codes
        else AdviceChoice.SKIP
        for one in stocks
    }


def _of_quote(
    ctx: Context, quote: Quote, held: Mapping[str, Position], notes: Mapping[str, str]
) -> Subject:
    known = instrument(ctx, quote.stock_code)
    subject = _stock(
        quote,
        price=quote.expected_price or quote.price,
        position=held.get(quote.stock_code),
        note=notes.get(quote.stock_code, ""),
    )
    return replace(subject, base_price=quote.base_price, kind=known.kind if known else "STOCK")


def _stock(
    one: Quote | Candidate | PlannedStock,
    *,
    price: int,
    position: Position | None = None,
    note: str = "",
) -> Subject:
    return Subject(
        ref=one.stock_code,
        choices=_WATCHED if position is None else _KEPT,
        stock_code=one.stock_code,
        stock_name=one.stock_name,
        price=price,
        position=position,
        note=note,
    )

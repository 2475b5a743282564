"""The plan of a trading day as text: what the analyst answered at 08:30, or else the plan that the
trading day before left."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time

from kt.records import KST, TODAY, Advice, AdviceChoice, DailyReport, PlannedStock, Topic
from kt.steps.context import Context


def in_force(ctx: Context, day: date | None = None) -> str:
    """The plan of a day, today's without one. Empty where there is none."""
    day = day or ctx.clock.now().date()
    answers = newest(ctx, Topic.PLAN, day)
    own = [one for one in answers if not one.silent and one.choice is not AdviceChoice.SKIP]
    if own:
        return described(own)
    if answers and ctx.config.questions.plan.silence == "none":
        return ""
    return left_by(before(ctx, day))


def newest(ctx: Context, topic: Topic, day: date) -> tuple[Advice, ...]:
    """The last answers of a day on a topic, one for each subject."""
    midnight = datetime.combine(day, time(), KST)
    rows = ctx.journal.advice_since(midnight, topic)
    found = {one.ref: one for one in rows if one.at.astimezone(KST).date() == day}
    return tuple(found.values())


def before(ctx: Context, day: date) -> DailyReport | None:
    """The report whose plan is for this day; None when the last one was for another day."""
    found = ctx.journal.report_before(day)
    return found if found is not None and found.next_day == day else None


def left_by(report: DailyReport | None) -> str:
    """The plan that a report leaves for the day after; empty without one."""
    if report is None:
        return ""
    strategy = f"{report.stance}: {report.strategy}" if report.strategy else ""
    return "; ".join(part for part in (strategy, planned(report.plan)) if part)


def planned(stocks: Iterable[PlannedStock]) -> str:
    """`hold 삼성전자 x10 (stop 66,500, target 77,000); watch SK하이닉스`."""
    stocks = tuple(stocks)
    hold = ", ".join(
        f"{stock.stock_name} x{stock.quantity:,} (stop {stock.stop_price:,}, target "
        f"{stock.target_price:,})"
        for stock in stocks
        if stock.quantity
    )
    watch = ", ".join(stock.stock_name for stock in stocks if not stock.quantity)
    return f"hold {hold or 'nothing'}; watch {watch or 'nothing yet'}"


def described(answers: Iterable[Advice]) -> str:
    """Answers as one line: `CAREFUL: …; HOLD 삼성전자: …; WATCH 카카오 up to 45,000: …`."""
    return "; ".join(_described(one) for one in answers)


def _described(one: Advice) -> str:
    subject = "" if one.ref == TODAY else f" {one.stock_name or one.ref}"
    price = f" up to {one.price:,}" if one.price else ""
    return f"{one.choice}{subject}{price}: {one.reason}"

"""The report of a trading day, from the journal alone, and the plan for the day after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

from kt.errors import UsageError
from kt.records import Candidate, DailyReport, DayResult, PlannedStock, Position
from kt.rules import calendar
from kt.steps.context import Context
from kt.steps.portfolio import daily_pnl, day_plan

MAX_WATCHED = 5


def report(ctx: Context, day: date) -> DailyReport:
    """The report written at settlement; before that, one made from the journal as it is now. Raises
    UsageError for a day that is not in the journal."""
    written = ctx.journal.report(day)
    if written is not None:
        return written
    if day == past(ctx, day):
        return made(ctx, daily_pnl.figures(ctx, ctx.journal.positions()))
    results = ctx.journal.days(since=day, until=day)
    if not results:
        raise unknown(day)
    return made(ctx, results[0])


def past(ctx: Context, day: date) -> date:
    """Today. Raises UsageError for a day after it."""
    today = ctx.clock.now().date()
    if day > today:
        raise UsageError(f"{day} lies in the future: today is {today}")
    return today


def unknown(day: date | str) -> UsageError:
    """That the journal has no result of a day, or of a stretch of days."""
    return UsageError(
        f"the journal has no result of {day}", hint="`kt pnl` lists the days that it has."
    )


def write(ctx: Context, found: DailyReport) -> DailyReport:
    """Write a report to the journal, for `kt report` and the next day's plan; returns it."""
    ctx.journal.put_report(found)
    return found


def made(ctx: Context, result: DayResult) -> DailyReport:
    """The report of the result's day; nothing is written. Only today's report includes held stocks:
    the journal has no positions of earlier days."""
    journal, day = ctx.journal, result.day
    held = journal.positions() if day == ctx.clock.now().date() else ()
    decisions = journal.decisions_of(day)
    return DailyReport(
        day=day,
        at=ctx.clock.now(),
        result=result,
        stocks=tuple(daily_pnl.by_stock(ctx, day, held, until=day)),
        trades=tuple(daily_pnl.by_trade(ctx, day, until=day)),
        decided=dict(Counter(decision.action.value for decision in decisions)),
        decisions=tuple(decision for decision in decisions if decision.action.trades),
        denials=journal.denials_of(day),
        errors=journal.errors_of(day),
        calls=journal.calls_of(day),
        analysts=journal.analysts_of(day),
        next_day=calendar.next_trading_day(day),
        plan=plan(held, journal.watched_on(day)),
        day_plan=day_plan.in_force(ctx, day),
    )


def plan(held: Sequence[Position], watched: Sequence[Candidate]) -> tuple[PlannedStock, ...]:
    """The next day's plan: positions are held until their exits, and the best candidates of the
    day's last scan are watched."""
    held_stocks = [
        PlannedStock(
            stock_code=position.stock_code,
            stock_name=position.stock_name,
            quantity=position.quantity,
            price=position.price,
            stop_price=position.stop_price,
            target_price=position.target_price,
        )
        for position in held
    ]
    codes = {stock.stock_code for stock in held_stocks}
    others = [candidate for candidate in watched if candidate.stock_code not in codes]
    return (
        *held_stocks,
        *(
            PlannedStock(
                stock_code=candidate.stock_code,
                stock_name=candidate.stock_name,
                quantity=0,
                price=candidate.price,
                reason=", ".join(candidate.reasons or candidate.rankings),
            )
            for candidate in others[:MAX_WATCHED]
        ),
    )


def summary(found: DailyReport) -> str:
    """The report as a notice: the day's figures, one line per stock, and the plan."""
    lines = [_day_line(found.result)]
    lines += [f"{row.stock_name}: {row.total:+,} won" for row in found.stocks]
    lines.append(
        f"{sum(found.decided.values())} decisions, {len(found.decisions)} of them to trade; "
        f"{sum(row.count for row in found.denials)} denials; "
        f"{sum(row.count for row in found.errors)} errors; "
        f"{sum(row.calls for row in found.calls):,} calls"
    )
    lines += [f"the day taught: {found.lesson}"] if found.lesson else []
    lines.append(f"plan for {found.next_day}: {day_plan.left_by(found)}")
    return "\n".join(lines)


def _day_line(day: DayResult) -> str:
    rates = [
        f"{rate:+.2f} % {of}"
        for rate, of in ((day.invested_pct, "of the invested"), (day.equity_pct, "of the equity"))
        if rate is not None
    ]
    earned = f"{day.day}: realised {day.realised:+,} won, unrealised {day.unrealised:+,} won"
    return (
        f"{earned}{''.join(f', {rate}' for rate in rates)}, {day.trades} trades ({day.wins} won), "
        f"fees {day.fees:,}, taxes {day.taxes:,}, bought {day.bought:,}, sold {day.sold:,}"
    )

"""The report of a backtest, from its journal and its market."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from random import Random
from typing import Any

from kt import __version__
from kt.backtest import bars
from kt.backtest.drive import Drive
from kt.records import Backtest, DayResult, Interval, RoundTrip, StopMode
from kt.rules import backtest_figures as figures
from kt.rules import calendar
from kt.rules.fees import sell_tax
from kt.steps.portfolio import daily_pnl, equity
from kt.steps.risk import stops

LARGE = 10**9
"""A value at which rounding a tax to whole won does not matter."""


def report(drive: Drive) -> Backtest:
    """What the days so far brought; without the digest, which needs a closed journal."""
    ctx = drive.ctx
    assert ctx is not None, "no day was run"
    first, last = drive.runs[0].day, drive.runs[-1].day
    trips = [trip for trip in daily_pnl.by_trade(ctx, first) if not trip.open]
    days = ctx.journal.days(since=first, until=last)
    points = ctx.journal.equity(since=equity.beginning(first), until=ctx.clock.now())
    plan, config = drive.plan, drive.plan.config
    stop = stops.current(ctx)
    return Backtest(
        seed=config.simulator.seed,
        capital=config.simulator.cash,
        equity=points[-1].equity if points else None,
        performance=daily_pnl.performance(ctx, first),
        index_pct=figures.compounded_pct([day.index_pct for day in days]),
        hold_pct=hold_pct(drive, first, last),
        exposure_pct=figures.exposure_pct(points),
        turnover=figures.turnover(days, points),
        fees=sum(day.fees for day in days),
        taxes=sum(day.taxes for day in days),
        orders=sum(run.report.orders for run in drive.runs),
        **_means(trips, days, config.simulator.seed),
        stopped="" if stop.mode is StopMode.RUNNING else f"{stop.mode}: {stop.reason}",
        days=days,
        exits=figures.exits(trips),
        hours=figures.hours(trips),
        folder=str(plan.folder),
        digest="",
        version=__version__,
        first=first,
        last=last,
        data=bars.described(plan.bars, plan.days) if plan.bars else None,
        calls=sum(call.calls for run in drive.runs for call in ctx.journal.calls_of(run.day)),
    )


def _means(trips: Sequence[RoundTrip], days: Sequence[DayResult], seed: int) -> dict[str, Any]:
    """The mean trade and the mean day, and how sure they are."""
    draw = Random(f"{seed}:bootstrap").randrange
    trade = figures.mean_return([trip.profit_pct for trip in trips], draw)
    daily = [day.equity_pct for day in days if day.equity_pct is not None]
    day = figures.mean_return(daily, draw)
    return {
        "mean_profit_pct": trade.mean,
        "profit_low_pct": trade.low,
        "profit_high_pct": trade.high,
        "p_value": trade.p_value,
        "mean_day_pct": day.mean,
        "day_low_pct": day.low,
        "day_high_pct": day.high,
        "day_p_value": day.p_value,
    }


def hold_pct(drive: Drive, first: date, last: date) -> float | None:
    """The return of all stocks in equal parts, bought at the first day's open and sold at the last
    day's close, after commission and tax; None without a price of both days."""
    market = drive.app.exchange.market
    count = len(calendar.trading_days_between(first, last))
    commission = drive.plan.config.server.commission_pct / 100
    grown = []
    for stock in market.instruments():
        own = market.bars(stock.stock_code, Interval.DAY, count)
        if own and own[0].at.date() == first and own[-1].at.date() == last and own[0].open:
            tax = sell_tax(LARGE, stock.market, stock.kind, last) / LARGE
            paid = own[0].open * (1 + commission)
            grown.append(own[-1].close * (1 - commission - tax) / paid)
    return round(100 * (sum(grown) / len(grown) - 1), 2) if grown else None

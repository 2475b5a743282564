"""kt pnl: profit and loss by day, stock, trade or in all, and how the decisions scored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import DAY, STOCK
from kt.errors import UsageError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.records import (
        AnalystScore,
        DayResult,
        Performance,
        RoundTrip,
        StockResult,
    )
    from kt.steps.context import Context

DEFAULT_DAYS = 30


@command(
    "pnl",
    help="""Show realised and unrealised profit and loss after all costs, in won.

    \b
      kt pnl                       by day, the last 30 days; charts on a terminal
      kt pnl --by trade --since 2026-11-01 --stock 삼성전자
      kt pnl --by total            drawdown, Sharpe, Sortino, profit factor
      kt pnl --decisions           how the analysts' decisions scored

    --decisions judges each analyst by its own decisions that were carried out: how
    often they were right, what they earned after costs beside holding the same
    stocks and beside the rules analyst, and whether the confidence can be believed
    (`kt help figures` defines every figure). Prints a `pnl` document in a pipe.
    """,
)
@click.option(
    "--by", type=click.Choice(["day", "stock", "trade", "total"]), default="day", show_default=True
)
@click.option(
    "--decisions",
    is_flag=True,
    help="Hit rate, return and calibration by analyst, action and confidence.",
)
@click.option("--since", type=DAY, help="First day; default: 30 days ago.")
@click.option(
    "--stock", "stocks", multiple=True, type=STOCK, help="Only this stock; by stock or trade."
)
@pass_cli
def pnl(
    cli: CliContext, by: str, decisions: bool, since: date | None, stocks: tuple[str, ...]
) -> None:
    from kt.cli.support.pipe_documents import emit
    from kt.cli.support.stock_choice import stock_codes

    if stocks and (decisions or by not in {"stock", "trade"}):
        raise UsageError("--stock needs --by stock or --by trade")
    ctx = cli.context("pnl")
    codes = stock_codes(cli, ctx, stocks)
    today = ctx.clock.now().date()
    since = since or today - timedelta(days=DEFAULT_DAYS)
    if since > today:
        raise UsageError(f"--since {since} is in the future: today is {today}")
    if decisions:
        emit(cli, "pnl", decision_scores(ctx, since), run=ctx.run)
        return
    found = rows(ctx, by, since)
    emit(cli, "pnl", [row for row in found if not codes or _of(row) in codes], run=ctx.run)
    if by == "day" and cli.output == "table" and not cli.flags.fields:
        _draw(cli, ctx, since, found)


def _draw(cli: CliContext, ctx: Context, since: date, days: Sequence[Any]) -> None:
    """On a terminal: the course of the equity and a bar for each day below the table."""
    from kt.cli.show.text_charts import pnl_charts
    from kt.steps.portfolio import equity

    if cli.console.width:
        cli.console.show(pnl_charts(days, equity.course(ctx, since), cli.console))


def rows(
    ctx: Context, by: str, since: date
) -> Sequence[DayResult | StockResult | RoundTrip | Performance]:
    """Today's figures are computed now, at the market's prices; earlier days are as settled."""
    from kt.steps.portfolio import daily_pnl

    if by == "trade":
        return daily_pnl.by_trade(ctx, since)
    if by == "total":
        return [daily_pnl.performance(ctx, since)]
    positions = daily_pnl.mark(ctx, daily_pnl.quotes(ctx))
    if by == "stock":
        return daily_pnl.by_stock(ctx, since, positions)
    today = daily_pnl.figures(ctx, positions)
    earlier = [day for day in ctx.journal.days(since=since) if day.day < today.day]
    return [*earlier, today]


def _of(row: DayResult | StockResult | RoundTrip | Performance) -> str:
    """The stock that a row is about; "" for none."""
    return getattr(row, "stock_code", "")


def decision_scores(ctx: Context, since: date) -> Sequence[AnalystScore]:
    """The figures of the decisions made since that day; those whose horizon has passed are judged
    first."""
    from kt.rules.analyst_scores import scores
    from kt.steps.decide import decision_scoring

    decision_scoring.learn(ctx)
    return scores(ctx.journal.outcomes(since=since))

"""kt pnl: profit and loss by day, stock, trade or in all, and how the decisions scored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import DAY
from kt.errors import UsageError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.records import (
        DayResult,
        DecisionOutcome,
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
      kt pnl                       by day, the last 30 days
      kt pnl --by trade --since 2026-11-01
      kt pnl --by total            drawdown, Sharpe, Sortino, profit factor
      kt pnl --decisions           how the analysts' decisions scored

    Prints a `pnl` document in a pipe (with --decisions an `events` document).
    """,
)
@click.option(
    "--by", type=click.Choice(["day", "stock", "trade", "total"]), default="day", show_default=True
)
@click.option("--decisions", is_flag=True, help="Hit rate and Brier score by confidence.")
@click.option("--since", type=DAY, help="First day; default: 30 days ago.")
@pass_cli
def pnl(cli: CliContext, by: str, decisions: bool, since: date | None) -> None:
    from kt.cli.support.pipe_documents import emit

    ctx = cli.context("pnl")
    today = ctx.clock.now().date()
    since = since or today - timedelta(days=DEFAULT_DAYS)
    if since > today:
        raise UsageError(f"--since {since} is in the future: today is {today}")
    if decisions:
        emit(cli, "events", decision_rows(ctx, since), run=ctx.run)
        return
    emit(cli, "pnl", rows(ctx, by, since), run=ctx.run)


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


def decision_rows(ctx: Context, since: date) -> list[dict[str, Any]]:
    """One row per analyst, model, action and confidence band; the row `all` comes first.

    Rates are percent. A Brier score below the base rate's means that the confidence is informative.
    """
    from kt.steps.decide import decision_scoring

    decision_scoring.learn(ctx)
    groups: dict[tuple[str, str, str], list[DecisionOutcome]] = {}
    for outcome in ctx.journal.outcomes(since=since):
        key = (outcome.analyst, outcome.model, outcome.action.value)
        groups.setdefault(key, []).append(outcome)
    found = []
    for (analyst, model, action), outcomes in sorted(groups.items()):
        made = decision_scoring.record(outcomes)
        assert made is not None
        who = {"kind": "outcomes", "analyst": analyst, "action": action}
        scores = {
            "mean_return_pct": round(made.mean_return_pct, 3),
            "brier": round(made.brier, 3),
            "base_brier": round(made.base_brier, 3),
            "model": model,
        }
        found.append({**who, "confidence": "all", **_hits(made.n, made.hits), **scores})
        for band in made.bands:
            between = f"{band.low:.1f}-{band.high:.1f}"
            row = {**who, "confidence": between, **_hits(band.n, band.hits), "model": model}
            found.append(row)
    return found


def _hits(n: int, hits: int) -> dict[str, Any]:
    return {"n": n, "hits": hits, "hit_pct": round(hits * 100 / n, 1)}

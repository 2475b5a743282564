"""kt pnl: profit and loss by day, stock or trade, and how the analyst's decisions scored."""

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
        Position,
        RoundTrip,
        StockResult,
        Trade,
    )
    from kt.steps.context import Context

DEFAULT_DAYS = 30


@command(
    "pnl",
    help="""Show realised and unrealised profit and loss after all costs, in won.

    \b
      kt pnl                       by day, the last 30 days
      kt pnl --by trade --since 2026-11-01
      kt pnl --decisions           how the analysts' decisions scored

    Prints a `pnl` document in a pipe (with --decisions an `events` document).
    """,
)
@click.option(
    "--by", type=click.Choice(["day", "stock", "trade"]), default="day", show_default=True
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


def rows(ctx: Context, by: str, since: date) -> Sequence[DayResult | StockResult | RoundTrip]:
    """Today's figures are computed now, at current prices; earlier days are as settled."""
    from kt.rules.round_trips import round_trips
    from kt.steps.portfolio import daily_pnl

    sales = daily_pnl.sales_back(ctx, since)
    if by == "trade":
        made = round_trips(sales, ctx.journal.positions())
        return [trip for trip in made if trip.closed_at.date() >= since]
    positions = daily_pnl.mark(ctx, daily_pnl.quotes(ctx))
    if by == "stock":
        return by_stock(sales, positions, since)
    today = daily_pnl.figures(ctx, positions)
    earlier = [day for day in ctx.journal.days(since=since) if day.day < today.day]
    return [*earlier, today]


def by_stock(
    sales: Sequence[Trade], positions: Sequence[Position], since: date
) -> list[StockResult]:
    """One row per stock that was sold on or after `since` or is held, the most profitable first.

    `sales` must go back to the opening of the positions; a trade counts when all of it is sold.
    """
    from kt.records import StockResult
    from kt.rules.round_trips import round_trips

    ended = [
        trip
        for trip in round_trips(sales, positions)
        if not trip.open and trip.closed_at.date() >= since
    ]
    sales = [sale for sale in sales if sale.closed_at.date() >= since]
    held = {position.stock_code: position for position in positions}
    names = {sale.stock_code: sale.stock_name for sale in sales}
    names |= {code: position.stock_name for code, position in held.items()}
    found = []
    for code, name in names.items():
        sold = [sale for sale in sales if sale.stock_code == code]
        trades = [trip for trip in ended if trip.stock_code == code]
        position = held.get(code)
        found.append(
            StockResult(
                stock_code=code,
                stock_name=name,
                quantity=position.quantity if position else 0,
                realised=sum(sale.profit for sale in sold),
                unrealised=position.profit if position else 0,
                fees=sum(sale.fee + sale.buy_fee for sale in sold),
                taxes=sum(sale.tax for sale in sold),
                trades=len(trades),
                wins=sum(trip.won for trip in trades),
            )
        )
    return sorted(found, key=lambda row: -row.total)


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

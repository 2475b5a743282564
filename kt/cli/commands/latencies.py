"""kt latency: how long the steps of orders and the broker's answers took."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import STOCK
from kt.cli.support.row_filters import (
    ORIGINS,
    Filter,
    MomentType,
    OriginType,
    beginning,
    ending,
)
from kt.errors import UsageError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.records import LatencyFigures
    from kt.steps.context import Context


@command(
    "latency",
    help="""Show how long the steps of orders took: p50, p95, p99 and the longest.

    \b
      kt latency                        the stages of the orders of today
      kt latency --by origin --since 2026-11-01
      kt latency --by api --since 09:00 --until 09:10
      kt latency --origin stop_loss -o json | jq '.items[].p99_ms'

    Stages: data to intent (decisions), tick to intent (exits), intent to send (the
    journal's commit and the rate limit), send to answer, answer to first fill. By
    API: all answered calls, queries too. On the embedded exchange the stages are in
    its own time, calls in wall time. Prints a `latencies` document in a pipe.
    """,
)
@click.option(
    "--by",
    type=click.Choice(["stage", "origin", "api"]),
    default="stage",
    show_default=True,
    help="Stages of all orders, of each origin of orders, or answers by API.",
)
@click.option("--stock", "stocks", multiple=True, type=STOCK, help="Only orders of this stock.")
@click.option(
    "--origin",
    "origins",
    multiple=True,
    type=OriginType(ORIGINS, case_sensitive=False),
    metavar="ORIGIN",
    help=f"Only orders of this origin: {', '.join(ORIGINS)}.",
)
@click.option(
    "--since", type=MomentType(), help="From this day or time of today on; default: today."
)
@click.option("--until", type=MomentType(), help="To the end of this day, or this time.")
@pass_cli
def latency(
    cli: CliContext,
    by: str,
    stocks: tuple[str, ...],
    origins: tuple[str, ...],
    since: date | time | None,
    until: date | time | None,
) -> None:
    from kt.cli.support.pipe_documents import emit
    from kt.cli.support.stock_choice import stock_codes

    if by == "api" and (stocks or origins):
        raise UsageError("--stock and --origin choose orders, and --by api counts calls")
    ctx = cli.context("latency")
    chosen = Filter(stock_codes(cli, ctx, stocks), (), origins)
    now = ctx.clock.now()
    between = beginning(since or now.date(), now), ending(until or now.date(), now)
    if between[0] >= between[1]:
        raise UsageError(f"nothing is from {since or 'today'} to {until or 'today'}")
    emit(cli, "latencies", rows(ctx, by, chosen, between), run=ctx.run)


def rows(
    ctx: Context, by: str, chosen: Filter, between: tuple[datetime, datetime]
) -> tuple[LatencyFigures, ...]:
    """The figures of the calls, or of the orders that are wanted."""
    from kt.rules import latency_figures as figures

    if by == "api":
        return figures.by_api(ctx.journal.call_timings(*between))
    timings = [
        one
        for one in ctx.journal.order_timings(*between)
        if chosen.about(one.stock_code, one.origin)
    ]
    return figures.by_origin(timings) if by == "origin" else figures.by_stage(timings)

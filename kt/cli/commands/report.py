"""kt report: the report of one trading day, and the plan for the next."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import DAY

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext


@command(
    "report",
    help="""Show a trading day: its result, profit by stock, trades, decisions and their
    reasons, denials, errors, calls, and the plan for the next day.

    \b
      kt report                    today, so far or as settled at 15:30
      kt report 2026-11-23
      kt report -o md > today.md   Markdown

    `kt run` writes it to the journal at settlement; for a day without one it is
    computed from the journal. Prints a `reports` document in a pipe.
    """,
)
@click.argument("day", metavar="[DAY]", required=False, type=DAY)
@pass_cli
def report(cli: CliContext, day: date | None) -> None:
    from kt.cli.support.pipe_documents import emit
    from kt.steps.portfolio import daily_report

    ctx = cli.context("report")
    found = daily_report.report(ctx, day or ctx.clock.now().date())
    emit(cli, "reports", [found], run=ctx.run)

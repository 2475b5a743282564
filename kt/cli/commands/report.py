"""kt report: the report of one trading day, and the plan for the next; or a page of several."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import DAY
from kt.errors import UsageError

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
      kt report --html today.html  one page with charts, for a browser
      kt report --html week.html --since 2026-11-23

    `kt run` writes it to the journal at settlement; for a day without one it is
    computed from the journal. Prints a `reports` document in a pipe.

    --html writes one file that opens without a network, prints well and follows the
    browser's light or dark mode, in the language of --lang: equity and drawdown,
    each trade on its price chart with stop and target, each decision with its
    reason and how it ended, calibration, denials, stops, errors and calls. It
    replaces a page that it wrote before, and no other file.
    """,
)
@click.argument("day", metavar="[DAY]", required=False, type=DAY)
@click.option(
    "--html",
    metavar="FILE",
    type=click.Path(allow_dash=True),
    help="Write a page for a browser to this file; - is stdout.",
)
@click.option("--since", type=DAY, help="With --html: all days from this one to today.")
@pass_cli
def report(cli: CliContext, day: date | None, html: str | None, since: date | None) -> None:
    if since and (day or not html):
        raise UsageError("--since needs --html, and no DAY beside it")
    if html:
        _write_page(cli, html, day, since)
        return
    from kt.cli.support.pipe_documents import emit
    from kt.steps.portfolio import daily_report

    ctx = cli.context("report")
    found = daily_report.report(ctx, day or ctx.clock.now().date())
    emit(cli, "reports", [found], run=ctx.run)


def _write_page(cli: CliContext, target: str, day: date | None, since: date | None) -> None:
    """Write the page of one day, or of the days from one to today."""
    from kt.cli.page import html_page, page_file
    from kt.steps.portfolio.period_report import period_report

    ctx = cli.context("report")
    first = since or day or ctx.clock.now().date()
    last = ctx.clock.now().date() if since else first
    found = period_report(ctx, first, last)
    page_file.put(cli.console, target, html_page.page(found, cli.console.palette))

"""kt log prune: remove old rows of the journal, and give the space back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import Whole
from kt.errors import Busy, ConfigError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.steps.context import Context


@command(
    "prune",
    help="""Remove what the journal keeps no longer: journal.keep_days, or --keep-days.

    \b
      kt log prune --dry-run
      kt log prune --keep-days 90

    Goes: calls of the broker's API, steps, scans and their candidates, the
    analyst's questions and answers, checks that led to no order, errors, notices,
    heartbeats, and runs that ended without an order. Never goes: orders, fills,
    positions, trades, days, decisions and their worth, stops and locks. May run
    beside `kt run`, which does the same every evening; the file shrinks only while
    no `kt run` is at work. Prints an `events` document in a pipe.
    """,
)
@click.option("--keep-days", type=Whole(1, 36_500), help="Keep so many whole days before today.")
@pass_cli
def prune(cli: CliContext, keep_days: int | None) -> None:
    from kt.cli.support.pipe_documents import emit
    from kt.steps.retention import cutoff

    ctx = cli.context("log prune")
    days = keep_days or ctx.config.journal.keep_days
    if not days:
        raise ConfigError(
            "journal.keep_days is 0: the journal keeps everything",
            hint="Give --keep-days, or set the key.",
        )
    before = cutoff(ctx.clock.now(), days)
    journal = ctx.journal
    gone = journal.prunable(before) if ctx.config.dry_run else journal.prune(before)
    day = f"{before:%Y-%m-%d}"
    rows = [{"kind": "prune", "table": t, "rows": n, "before": day} for t, n in gone.items()]
    emit(cli, "events", rows, run=ctx.run)
    verb = "would be removed" if ctx.config.dry_run else "removed"
    cli.say(f"{sum(gone.values()):,} rows from before {day} {verb}; orders and results stay")
    if gone and not ctx.config.dry_run:
        _shrink(cli, ctx)


def _shrink(cli: CliContext, ctx: Context) -> None:
    """A run must never wait for this with an order in its hand: its lock is held meanwhile."""
    from kt.cli.support.run_lock import only_one

    size = cli.app.database.stat().st_size
    try:
        with only_one(cli.app.paths, "log prune", ctx.clock.now()):
            ctx.journal.vacuum()
    except Busy:
        cli.say("`kt run` is at work: the file keeps its size, and its free space is used")
        return
    saved = size - cli.app.database.stat().st_size
    cli.say(f"the file is {max(saved, 0) / 1024**2:,.1f} MB smaller")

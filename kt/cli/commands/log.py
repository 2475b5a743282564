"""kt log: the journal's events, once or continuously."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import Whole
from kt.errors import UsageError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.steps.context import Context

KINDS = (
    "run",
    "step",
    "api_call",
    "scan",
    "answer",
    "decision",
    "check",
    "order",
    "fill",
    "exit",
    "trade",
    "stop",
    "error",
    "notice",
)
QUIET_KINDS = tuple(kind for kind in KINDS if kind not in {"api_call", "step"})
"""Shown without --kind: all but the most frequent kinds."""
POLL_SECONDS = 0.5
PAGE = 500


@command(
    "log",
    help="""Show events of the journal: decisions, checks, orders, fills, stops, errors.

    \b
      kt log --kind order --kind fill
      kt log --follow | jq -c 'select(.kind == "fill")'

    Prints an `events` document in a pipe; with --follow, one JSON object per line.
    """,
)
@click.option("-f", "--follow", is_flag=True, help="Keep printing new events until Ctrl-C.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice([*KINDS, "all"]),
    metavar="KIND",
    help=f"Only this kind; repeatable. One of: {', '.join(KINDS)}, all. "
    "Default: all but api_call and step.",
)
@click.option(
    "-n", "--lines", default=50, show_default=True, type=Whole(0, 100_000), help="Number of events."
)
@pass_cli
def log(cli: CliContext, follow: bool, kinds: tuple[str, ...], lines: int) -> None:
    from kt.cli.support.pipe_documents import emit

    if follow and cli.output not in {"table", "json"}:
        raise UsageError(f"--follow cannot be written as {cli.output}")
    ctx = cli.context("log")
    wanted = None if "all" in kinds else kinds or QUIET_KINDS
    rows = ctx.journal.events(after=-lines, limit=lines, kinds=wanted) if lines else ()
    if not follow and cli.output != "table":
        emit(cli, "events", rows, run=ctx.run)
        return
    for row in rows:
        _write(cli, row)
    if follow:
        _follow(cli, ctx, wanted, rows[-1]["seq"] if rows else _end(ctx))


def _end(ctx: Context) -> int:
    last = ctx.journal.events(after=-1, limit=1)
    return int(last[-1]["seq"]) if last else 0


def _follow(cli: CliContext, ctx: Context, kinds: tuple[str, ...] | None, after: int) -> None:
    import time

    while not cli.console.closed:
        page = ctx.journal.events(after=after, limit=PAGE, kinds=kinds)
        for row in page:
            _write(cli, row)
            after = row["seq"]
        if not page:
            time.sleep(POLL_SECONDS)


def _write(cli: CliContext, row: Mapping[str, Any]) -> None:
    from kt.cli.show.log import line
    from kt.cli.support.pipe_documents import as_json

    if cli.output == "table":
        cli.console.show(line(row, cli.console) + "\n")
    else:
        cli.console.write(as_json(row))

"""kt log: the journal's events, once or continuously."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from kt.cli.support.click_extensions import Entry, LazyGroup, pass_cli
from kt.cli.support.param_types import Whole
from kt.cli.support.row_filters import Filter, beginning, options
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
    "advice",
    "decision",
    "check",
    "order",
    "fill",
    "exit",
    "trade",
    "stop",
    "error",
    "notice",
    "delivery",
)
QUIET_KINDS = tuple(kind for kind in KINDS if kind not in {"api_call", "step", "delivery"})
"""Shown without --kind: all but the most frequent kinds."""
POLL_SECONDS = 0.5
LONGEST = timedelta(days=1)
"""A row's time may lie so far before the time at which it was written."""
PAGE = 500


@click.group(
    "log",
    cls=LazyGroup,
    entries={
        "decision": Entry("kt.cli.commands.decision_trail:decision", "One decision's whole trail."),
        "prune": Entry("kt.cli.commands.prune:prune", "Remove old rows."),
    },
    alone=True,
    help="""Show events of the journal: decisions, checks, orders, fills, stops, errors.

    \b
      kt log --kind order --kind fill
      kt log --stock 005930 --since 09:00
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
    "Default: all but api_call, step and delivery.",
)
@click.option(
    "-n", "--lines", default=50, show_default=True, type=Whole(0, 100_000), help="Number of events."
)
@options
@click.pass_context
@pass_cli
def log(
    cli: CliContext,
    click_context: click.Context,
    /,
    follow: bool,
    kinds: tuple[str, ...],
    lines: int,
    **filters: Any,
) -> None:
    if click_context.invoked_subcommand is None:
        _log(cli, follow, kinds, lines, Filter(**filters))


def _log(cli: CliContext, follow: bool, kinds: tuple[str, ...], lines: int, chosen: Filter) -> None:
    from kt.cli.show.table import render
    from kt.cli.support.pipe_documents import emit
    from kt.cli.support.stock_choice import stock_codes

    if follow and cli.output not in {"table", "json"}:
        raise UsageError(f"--follow cannot be written as {cli.output}")
    ctx = cli.context("log")
    chosen = chosen.with_codes(lambda typed: stock_codes(cli, ctx, typed))
    wanted = None if "all" in kinds else kinds or QUIET_KINDS
    end = _end(ctx)
    rows = _newest(ctx, wanted, chosen, lines)
    if not follow and (cli.output != "table" or cli.flags.fields):
        emit(cli, "events", rows, run=ctx.run)
        return
    if not rows and not follow:
        cli.console.show(render((), (), cli.console))
    for row in rows:
        _write(cli, row)
    if follow:
        _follow(cli, ctx, wanted, chosen, max(end, rows[-1]["seq"] if rows else 0))


def _newest(
    ctx: Context, kinds: tuple[str, ...] | None, chosen: Filter, lines: int
) -> list[dict[str, Any]]:
    """The newest so many rows that are wanted, oldest first: page by page back in time."""
    now, found, before = ctx.clock.now(), list[dict[str, Any]](), None
    size = PAGE if chosen else max(lines, 1)
    while len(found) < lines:
        page = ctx.journal.events(after=-size, before=before, limit=size, kinds=kinds)
        found = [row for row in page if chosen.event(row, now)] + found
        if len(page) < size or _older(page[-1], chosen, now):
            break
        before = page[0]["seq"]
    return found[-lines:] if lines else []


def _older(newest: Mapping[str, Any], chosen: Filter, now: datetime) -> bool:
    """Whether nothing before this row can be wanted; what lasts is written when it has ended."""
    if chosen.since is None:
        return False
    return datetime.fromisoformat(newest["at"]) < beginning(chosen.since, now) - LONGEST


def _end(ctx: Context) -> int:
    last = ctx.journal.events(after=-1, limit=1)
    return int(last[-1]["seq"]) if last else 0


def _follow(
    cli: CliContext,
    ctx: Context,
    kinds: tuple[str, ...] | None,
    chosen: Filter,
    after: int,
) -> None:
    import time

    while not cli.console.closed:
        page = ctx.journal.events(after=after, limit=PAGE, kinds=kinds)
        for row in page:
            if chosen.event(row, ctx.clock.now()):
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

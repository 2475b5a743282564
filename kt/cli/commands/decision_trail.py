"""kt log decision: one decision from the scan to its verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import PASTED, shown
from kt.errors import UsageError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.records import Decision
    from kt.steps.context import Context

MOST_NAMED = 5
"""Ids that the message about an ambiguous beginning lists."""


@command(
    "decision",
    help="""Show one decision's whole trail.

    \b
      kt log --kind decision --fields at,decision_id,action,stock_name
      kt log decision 01KB2Q4F7M
      kt log decision 01KB2Q4F7M -o json | jq -r '.items[0].prompt'

    What the scan found, what the analyst was told and replied, the checks, the
    order with its fills, the exit, the profit, and the verdict at the horizon.
    ID is a decision's id or its beginning, as long as only one decision begins so.
    A terminal shows the size of prompt and reply, and the reply about this stock;
    --whole prints both in full. Prints a `trails` document in a pipe, with
    everything. Decides and asks nothing.
    """,
)
@click.argument("name", metavar="ID", type=PASTED)
@click.option("--whole", is_flag=True, help="Print prompt and reply in full.")
@pass_cli
def decision(cli: CliContext, name: str, whole: bool) -> None:
    from kt.cli.support.pipe_documents import emit
    from kt.steps.decide.decision_trail import trail

    ctx = cli.context("log decision")
    found = trail(ctx, *_named(ctx, name))
    emit(cli, "trails", [found], run=ctx.run)
    if whole and cli.output in ("table", "md"):
        cli.console.show(f"\n{found.prompt or '(none)'}\n\n{found.reply or '(none)'}\n")


def _named(ctx: Context, name: str) -> tuple[Decision, str]:
    """The decision with this id or beginning, and its run. Raises UsageError when there is none, or
    more than one."""
    wanted = name.strip().upper()
    exact = ctx.journal.decision(name.strip()) or ctx.journal.decision(wanted)
    if exact is not None:
        return exact
    ids = ctx.journal.decision_ids(wanted, MOST_NAMED + 1) if wanted else ()
    if len(ids) == 1:
        found = ctx.journal.decision(ids[0])
        assert found is not None
        return found
    if not ids:
        raise UsageError(
            f"{shown(name)}: kt has no such decision",
            hint="`kt log --kind decision --fields decision_id -o table` lists the ids.",
        )
    more = ", …" if len(ids) > MOST_NAMED else ""
    raise UsageError(
        f"{shown(name)}: more than one decision begins so",
        hint=f"Give more of the id: {', '.join(ids[:MOST_NAMED])}{more}.",
    )

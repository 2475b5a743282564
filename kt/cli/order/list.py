"""kt order list: the journal's orders, after reconciling them with the broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.errors import UsageError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext


@command(
    "list",
    help="""Show today's orders, newest first. Prints an `orders` document.

    --unknown shows the orders of any day whose outcome is unknown: look for them at
    the broker, then use `kt order resolve`.
    """,
)
@click.option("--unknown", is_flag=True, help="Only orders whose outcome is unknown, of any day.")
@click.option("--open", "open_", is_flag=True, help="Only open orders.")
@click.option("--all", "all_", is_flag=True, help="Orders of all days.")
@pass_cli
def list_command(cli: CliContext, unknown: bool, open_: bool, all_: bool) -> None:
    from kt.cli.support.order_outcome import begin
    from kt.cli.support.pipe_documents import emit
    from kt.records import OPEN_STATES, UNRESOLVED_STATES

    if unknown and open_:
        raise UsageError("give --unknown or --open, not both")
    ctx = begin(cli, "order list", alone=True)
    if unknown:
        orders = ctx.journal.orders(states=UNRESOLVED_STATES)
    else:
        day = None if all_ else ctx.clock.now().date()
        orders = ctx.journal.orders(day=day, states=OPEN_STATES if open_ else None)
    emit(cli, "orders", orders, run=ctx.run)
    if cli.output == "table":
        from kt.cli.show.orders import notes
        from kt.text import harmless

        cli.console.show(notes(harmless(orders), cli.console))

"""kt order list: the journal's orders, after reconciling them with the broker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import shown
from kt.cli.support.row_filters import Filter, options
from kt.errors import UsageError
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext


@command(
    "list",
    help="""Show today's orders, newest first. Prints an `orders` document.

    --unknown shows the orders of any day whose outcome is unknown: look for them at
    the broker, then use `kt order resolve`.

    \b
      kt order list --stock 005930 --state FILLED --since 2026-11-01
      kt order list --origin stop_loss --origin take_profit --all
    """,
)
@click.option("--unknown", is_flag=True, help="Only orders whose outcome is unknown, of any day.")
@click.option("--open", "open_", is_flag=True, help="Only open orders.")
@click.option("--all", "all_", is_flag=True, help="Orders of all days.")
@options
@pass_cli
def list_command(
    cli: CliContext, /, unknown: bool, open_: bool, all_: bool, **filters: Any
) -> None:
    from kt.cli.support.order_outcome import begin
    from kt.cli.support.pipe_documents import emit
    from kt.cli.support.stock_choice import stock_codes
    from kt.records import OPEN_STATES, UNRESOLVED_STATES

    if unknown and open_:
        raise UsageError("give --unknown or --open, not both")
    wanted = Filter(**filters)
    _known(wanted.states)
    ctx = begin(cli, "order list", alone=True)
    wanted = wanted.with_codes(lambda typed: stock_codes(cli, ctx, typed))
    now = ctx.clock.now()
    if unknown:
        orders = ctx.journal.orders(states=UNRESOLVED_STATES)
    else:
        day = None if all_ or wanted.since or wanted.until else now.date()
        orders = ctx.journal.orders(day=day, states=OPEN_STATES if open_ else None)
    orders = tuple(order for order in orders if wanted.order(order, now))
    emit(cli, "orders", orders, run=ctx.run)
    if cli.output == "table":
        from kt.cli.show.orders import notes
        from kt.text import harmless

        cli.console.show(notes(harmless(orders), cli.console))


def _known(states: tuple[str, ...]) -> None:
    from kt.records import OrderState

    for state in states:
        if state.upper() not in list(OrderState):
            choices = ", ".join(map(tr, OrderState))
            raise UsageError(f"{shown(state)} is no state of an order", hint=f"One of {choices}.")

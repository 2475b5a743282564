"""kt order resolve: a person looked at the broker and says what became of an unknown order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import shown
from kt.errors import UsageError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext


@command(
    "resolve",
    help="""Settle an order whose outcome nobody knows, after looking at the broker.

    \b
      kt order resolve 01JD8…9XKQ --placed 0012345
      kt order resolve 01JD8…9XKQ --not-placed

    The stock's lock is lifted. kt asks the broker itself first; an order that it
    can settle needs no person.
    """,
)
@click.argument("order")
@click.option("--placed", metavar="NUMBER", default="", help="The broker's number of the order.")
@click.option("--not-placed", is_flag=True, help="The broker never took it.")
@pass_cli
def resolve(cli: CliContext, order: str, placed: str, not_placed: bool) -> None:
    from kt.cli.order.find import find_order
    from kt.cli.support.order_outcome import begin
    from kt.cli.support.pipe_documents import emit
    from kt.steps.reconcile import startup

    if bool(placed) == not_placed:
        raise UsageError("give either --placed NUMBER or --not-placed")
    if placed and not re.fullmatch("[0-9]{1,18}", placed):
        raise UsageError(f"{shown(placed)} is no order number: the broker's are digits")
    ctx = begin(cli, "order resolve", alone=True)
    found = find_order(ctx, order)
    settled = startup.resolve(ctx, found.order_id, placed=placed, not_placed=not_placed)
    emit(cli, "orders", [settled], run=ctx.run)
    cli.say(f"order {settled.order_id} is {settled.state}; {settled.stock_code} is free again")

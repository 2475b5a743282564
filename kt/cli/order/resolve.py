"""kt order resolve: the user has looked at the broker and tells kt an unknown order's outcome."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import PASTED, UNKNOWN_ORDER, shown
from kt.errors import UsageError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext


@command(
    "resolve",
    help="""Settle an order whose outcome is unknown, after looking at the broker.

    \b
      kt order resolve 01JD8…9XKQ --placed 0012345
      kt order resolve 01JD8…9XKQ --not-placed

    Unlocks the stock. kt asks the broker first, so an order that it can settle
    itself needs no manual resolution.
    """,
)
@click.argument("order", type=UNKNOWN_ORDER)
@click.option(
    "--placed", metavar="NUMBER", type=PASTED, default="", help="The order number at the broker."
)
@click.option("--not-placed", is_flag=True, help="The broker never received it.")
@pass_cli
def resolve(cli: CliContext, order: str, placed: str, not_placed: bool) -> None:
    from kt.cli.order.find import find_order
    from kt.cli.support.order_outcome import begin
    from kt.cli.support.pipe_documents import emit
    from kt.steps.reconcile import startup

    if bool(placed) == not_placed:
        raise UsageError("give either --placed NUMBER or --not-placed")
    if placed and not re.fullmatch("[0-9]{1,18}", placed):
        raise UsageError(f"{shown(placed)} is not an order number: use digits only")
    ctx = begin(cli, "order resolve", alone=True)
    found = find_order(ctx, order)
    settled = startup.resolve(ctx, found.order_id, placed=placed, not_placed=not_placed)
    emit(cli, "orders", [settled], run=ctx.run)
    cli.say(f"order {settled.order_id} is {settled.state}; {settled.stock_code} is free again")

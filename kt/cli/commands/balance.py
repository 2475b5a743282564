"""kt balance: the account in one record: cash, holdings, open orders, return."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import command, pass_cli

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext


@command(
    "balance",
    help="""Show the deposit, holdings, open orders, and the account's return.

    Cash, shares and orders are the broker's; kt adds its own stop and target prices
    to the holdings. Prints a `balance` document in a pipe; -o csv gives one row per
    holding, and with --totals the deposit and the sums.
    """,
)
@click.option("--totals", is_flag=True, help="With -o csv or --fields: the sums, not the holdings.")
@pass_cli
def balance(cli: CliContext, totals: bool) -> None:
    from kt.cli.support.exit_watch import warn_unmonitored
    from kt.cli.support.pipe_documents import emit
    from kt.steps.portfolio import balance as account

    cli.totals = totals
    ctx = cli.context("balance")
    found = account.balance(ctx)
    emit(cli, "balance", [found], run=ctx.run)
    warn_unmonitored(cli, found.positions)

"""kt order buy and sell: one order, checked, previewed, recorded, sent once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import PRICE, SHARES, STOCK_CODE
from kt.errors import UsageError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.records import Check, Order, OrderIntent
    from kt.steps.context import Context


@dataclass(frozen=True)
class NewOptions:
    side: str
    code: str
    quantity: int
    price: int | None
    market: bool
    client_id: str
    wait: bool


def _arguments(function: Callable[..., Any]) -> Callable[..., Any]:
    for decorate in reversed(
        (
            click.argument("code", type=STOCK_CODE),
            click.argument("quantity", type=SHARES),
            click.option("--price", type=PRICE, help="Send a limit order at this price."),
            click.option("--market", is_flag=True, help="Send a market order."),
            click.option(
                "--client-id",
                default="",
                metavar="ID",
                help="Your own id for this order: repeating it sends nothing and shows the first "
                "order's outcome.",
            ),
            click.option(
                "--wait", is_flag=True, help="Wait for fills, up to cycle.fill_wait seconds."
            ),
        )
    ):
        function = decorate(function)
    return function


@command(
    "buy",
    help="""Buy QUANTITY shares of the stock CODE.

    \b
      kt order buy 005930 10 --price 70000
      kt order buy 005930 10 --market --wait --client-id monday-1

    Shows the preview before it asks. Prints an `orders` document.
    """,
)
@_arguments
@pass_cli
def buy(cli: CliContext, /, **values: Any) -> None:
    run_new(cli, NewOptions(side="BUY", **values))


@command(
    "sell",
    help="""Sell QUANTITY shares of the stock CODE.

    \b
      kt order sell 005930 10 --price 77000
      kt order sell 005930 10 --market --wait

    Shows the preview before it asks. Prints an `orders` document.
    """,
)
@_arguments
@pass_cli
def sell(cli: CliContext, /, **values: Any) -> None:
    run_new(cli, NewOptions(side="SELL", **values))


def run_new(cli: CliContext, options: NewOptions) -> None:
    from kt.cli.order.find import repeated
    from kt.cli.support import confirmation
    from kt.cli.support.order_outcome import begin, finish
    from kt.cli.support.preview import preview
    from kt.steps.risk import check as check_step

    intent = intent_of(options)
    ctx = begin(cli, f"order {options.side.lower()}", repeats=options.client_id)
    first = ctx.journal.repeated(options.client_id, ticket=intent.ticket)
    if first is not None:
        cli.say(repeated(first))
        finish(cli, ctx.run, [first])
        return
    check = check_step.check_order(ctx, intent)
    said = preview(cli, ctx, [check])
    if check.passed:
        confirmation.confirm(cli, said, f"{options.side.capitalize()} this?")
    else:
        cli.console.say(said.rstrip())
    order, check = _send(cli, ctx, check, options)
    finish(cli, ctx.run, [order], [check])


def intent_of(options: NewOptions) -> OrderIntent:
    from kt.records import OrderIntent, OrderType, Origin, Side

    if options.market == (options.price is not None):
        raise UsageError("give either --price or --market", hint="Nothing was sent.")
    return OrderIntent(
        side=Side(options.side),
        stock_code=options.code,
        quantity=options.quantity,
        order_type=OrderType.MARKET if options.market else OrderType.LIMIT,
        price=options.price or 0,
        origin=Origin.MANUAL,
    )


def _send(cli: CliContext, ctx: Context, check: Check, options: NewOptions) -> tuple[Order, Check]:
    from kt.cli.support.sending import sending, wait_for, watching
    from kt.steps.orders.place import place_checked

    follows = options.wait and check.passed and not ctx.config.dry_run
    with watching(cli, follows) as events, sending(ctx):
        order, check = place_checked(ctx, check, client_id=options.client_id)
        if follows:
            order = wait_for(cli, ctx, [order], events, ctx.config.cycle.fill_wait)[0]
    return order, check

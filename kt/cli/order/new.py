"""kt order buy and sell: one order, checked, previewed, recorded, sent once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import HELD_STOCK, PRICE, QUANTITY, STOCK, StockType
from kt.errors import UsageError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.records import Check, Order, OrderIntent
    from kt.rules.order_words import PriceWish, QuantityWish
    from kt.steps.context import Context
    from kt.steps.risk.account_snapshot import AccountSnapshot
    from kt.steps.risk.order_wish import OrderWish


@dataclass(frozen=True)
class NewOptions:
    side: str
    stock: str
    quantity: QuantityWish
    price: PriceWish | None
    market: bool
    client_id: str
    wait: bool


def _arguments(function: Callable[..., Any], stock: StockType) -> Callable[..., Any]:
    for decorate in reversed(
        (
            click.argument("stock", type=stock),
            click.argument("quantity", type=QUANTITY),
            click.option(
                "--price",
                type=PRICE,
                help="Send a limit order at this price: 70,000, 7만, best, +2t, -1%.",
            ),
            click.option(
                "--market", is_flag=True, help="Send a market order; also --price market."
            ),
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
    help="""Buy QUANTITY of a STOCK, named by its code, name, initials or a part.

    \b
      kt order buy 005930 10 --price 70000
      kt order buy 삼성전자 10 --market --wait --client-id monday-1
      kt order buy ㅅㅅㅈㅈ 1,000,000won --price best
      kt order buy "SK hynix" 50% --price -1%

    QUANTITY is shares, an amount with its fee (1,000,000won, 100만원), or percent of
    the room that cash and limits leave. See `kt help orders` for every form.

    Shows the preview before it asks. Prints an `orders` document.
    """,
)
@partial(_arguments, stock=STOCK)
@pass_cli
def buy(cli: CliContext, /, **values: Any) -> None:
    run_new(cli, NewOptions(side="BUY", **values))


@command(
    "sell",
    help="""Sell QUANTITY of a held STOCK, named by its code, name, initials or a part.

    \b
      kt order sell 005930 10 --price 77000
      kt order sell 삼성전자 50% --market --wait
      kt order sell 삼성전자 10 --price +2t

    QUANTITY is shares, an amount (1,000,000won, 100만원), or percent of the shares
    held. See `kt help orders` for every form.

    Shows the preview before it asks. Prints an `orders` document.
    """,
)
@partial(_arguments, stock=HELD_STOCK)
@pass_cli
def sell(cli: CliContext, /, **values: Any) -> None:
    run_new(cli, NewOptions(side="SELL", **values))


def run_new(cli: CliContext, options: NewOptions) -> None:
    from kt.cli.order.find import repeated
    from kt.cli.support import confirmation
    from kt.cli.support.order_outcome import begin, finish
    from kt.cli.support.preview import preview
    from kt.steps.risk import check as check_step

    price = _one_price(options)
    ctx = begin(cli, f"order {options.side.lower()}", repeats=options.client_id)
    wish = _wish(cli, ctx, options, price)
    first, intent, account = _intent(ctx, wish, options.client_id)
    if first is not None:
        cli.say(repeated(first))
        finish(cli, ctx.run, [first])
        return
    check = check_step.check_order(ctx, intent, account=account)
    said = preview(cli, ctx, [check])
    if check.passed:
        confirmation.confirm(cli, said, f"{options.side.capitalize()} this?")
    else:
        cli.console.say(said.rstrip())
    order, check = _send(cli, ctx, check, options)
    finish(cli, ctx.run, [order], [check])


def _one_price(options: NewOptions) -> PriceWish:
    from kt.rules.order_words import PriceKind, PriceWish

    if options.market == (options.price is not None):
        raise UsageError("give either --price or --market", hint="Nothing was sent.")
    return options.price or PriceWish("market", PriceKind.MARKET)


def _wish(cli: CliContext, ctx: Context, options: NewOptions, price: PriceWish) -> OrderWish:
    from kt.cli.support.stock_choice import stock_code
    from kt.records import Side
    from kt.steps.risk.order_wish import OrderWish

    code = stock_code(cli, ctx, options.stock)
    return OrderWish(Side(options.side), code, options.quantity, price)


def _intent(
    ctx: Context, wish: OrderWish, client_id: str
) -> tuple[Order | None, OrderIntent, AccountSnapshot | None]:
    """The order that this client id led to before, if any, and what is wanted. A repeated wish is
    not worked out again: the market has moved on, the order is the same. Raises Denied(CLIENT_ID)
    for another order's id."""
    from kt.steps.risk.order_wish import like, settle

    earlier = ctx.journal.order_of_client(client_id)
    if earlier is None:
        return None, *settle(ctx, wish)
    intent = like(wish, earlier)
    return ctx.journal.repeated(client_id, ticket=intent.ticket), intent, None


def _send(cli: CliContext, ctx: Context, check: Check, options: NewOptions) -> tuple[Order, Check]:
    from kt.cli.support.sending import sending, wait_for, watching
    from kt.steps.orders.place import place_checked

    follows = options.wait and check.passed and not ctx.config.dry_run
    with watching(cli, follows) as events, sending(ctx):
        order, check = place_checked(ctx, check, client_id=options.client_id)
        if follows:
            order = wait_for(cli, ctx, [order], events, ctx.config.cycle.fill_wait)[0]
    return order, check

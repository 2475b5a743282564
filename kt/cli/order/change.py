"""kt order amend and cancel: change or cancel an open order of kt's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import OPEN_ORDER, PRICE, SHARES
from kt.errors import BrokerRefused, Denied, Halted, OutcomeUnknown, Unreachable, UsageError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.records import Check, Order
    from kt.rules.order_words import PriceWish
    from kt.steps.context import Context
    from kt.steps.orders.order_change import Changed


@command(
    "amend",
    help="""Change the price of an open order's open quantity.

    ORDER is kt's id (its last six characters are enough) or today's order number
    at the broker. Prints an `orders` document.
    """,
)
@click.argument("order", type=OPEN_ORDER)
@click.option(
    "--price",
    type=PRICE,
    required=True,
    help="The new limit price: 70,000, 7만, best, +2t, -1% (of the last price).",
)
@pass_cli
def amend(cli: CliContext, order: str, price: PriceWish) -> None:
    from kt.cli.order.find import find_order
    from kt.cli.show.cells import money
    from kt.cli.support import confirmation
    from kt.cli.support.order_outcome import begin
    from kt.cli.support.pipe_documents import emit
    from kt.cli.support.sending import sending
    from kt.rules.order_words import PriceKind
    from kt.steps.orders import place
    from kt.steps.risk import check
    from kt.steps.risk.order_wish import limit_price

    ctx = begin(cli, "order amend")
    found = find_order(ctx, order)
    if price.kind is PriceKind.MARKET:
        raise UsageError(
            "an amend needs a limit price", hint="Cancel it, then send a market order."
        )
    won, said = limit_price(ctx, price, found.side, found.stock_code)
    checked = check.check_amend(ctx, found, price=won)
    if not checked.passed:
        raise _denied(found, checked)
    change = ("new price", f"{money(won)} won{f' ({said})' if said else ''}")
    preview = _describe(cli, found, change, found.open_quantity)
    confirmation.confirm(cli, preview, "Amend this?")
    if ctx.config.dry_run:
        emit(cli, "orders", [found], run=ctx.run)
        return
    with sending(ctx, found):
        changed = place.amend(ctx, found, price=won)
    _finish(cli, ctx, changed, "amend", took=changed.order.price == won)


@command(
    "cancel",
    help="""Cancel an open order; allowed under every stop.

    ORDER is kt's id (its last six characters are enough) or today's order number
    at the broker. Prints an `orders` document.
    """,
)
@click.argument("order", type=OPEN_ORDER)
@click.option("--quantity", type=SHARES, help="Number of shares; default: the open quantity.")
@pass_cli
def cancel(cli: CliContext, order: str, quantity: int | None) -> None:
    from kt.cli.order.find import find_order
    from kt.cli.support import confirmation
    from kt.cli.support.order_outcome import begin
    from kt.cli.support.pipe_documents import emit
    from kt.cli.support.sending import sending
    from kt.records import OrderState
    from kt.steps.orders import place

    ctx = begin(cli, "order cancel")
    found = find_order(ctx, order)
    shares = quantity or found.open_quantity
    confirmation.confirm(cli, _describe(cli, found, None, shares), "Cancel this?")
    if ctx.config.dry_run:
        emit(cli, "orders", [found], run=ctx.run)
        return
    with sending(ctx, found):
        changed = place.cancel(ctx, found, quantity=quantity or 0)
    gone = changed.order.state is OrderState.CANCELLED
    _finish(cli, ctx, changed, "cancel", took=gone)


def _denied(order: Order, checked: Check) -> Denied:
    from kt.cli.support.order_outcome import denials, halted, listed

    reasons = denials(checked)
    kind = Halted if halted(reasons) else Denied
    return kind(
        f"the amend of order {order.ord_no} was denied, and nothing was sent: {listed(reasons)}",
        hint="See `kt help denials`.",
        code=reasons[0][0] if reasons else None,
    )


def _describe(cli: CliContext, order: Order, change: tuple[str, str] | None, quantity: int) -> str:
    from kt.cli.show.cells import money
    from kt.cli.show.orders import wanted_price
    from kt.cli.show.table import pairs

    rows = [
        ("order", f"{order.ord_no} ({order.order_id})"),
        ("stock", f"{order.stock_code} {order.stock_name}"),
        ("side", str(order.side)),
        ("price", wanted_price(order)),
        ("open", f"{money(order.open_quantity)} of {money(order.quantity)} shares"),
        ("quantity", f"{money(quantity)} shares"),
    ]
    rows += [change] if change else []
    return pairs([*rows, ("profile", cli.config.profile)], cli.console)


def _finish(cli: CliContext, ctx: Context, changed: Changed, verb: str, *, took: bool) -> None:
    """Print the order; raise when the change was refused, not sent, or has an unknown outcome.

    The outcome is that of this change: other processes may change the order too. `took` means that
    the order now has the requested price or state, whatever the response was.
    """
    from kt.cli.support.pipe_documents import emit
    from kt.records import OutcomeStatus

    order, outcome = changed.order, changed.outcome
    emit(cli, "orders", [order], run=ctx.run)
    cli.sent = True
    what = f"this {verb} of order {order.ord_no}"
    message = f"[{outcome.code}] {outcome.message}" if outcome.code else outcome.message
    if outcome.status is OutcomeStatus.UNKNOWN and not took:
        raise OutcomeUnknown(
            f"the outcome of {what} is unknown",
            hint="Do not send it again; `kt order list` asks the broker for the order's state.",
        )
    if outcome.status is OutcomeStatus.REJECTED:
        raise BrokerRefused(
            f"the broker refused {what}: {message}",
            hint="`kt order list` shows the order's state.",
            code=outcome.code or None,
        )
    if outcome.status is OutcomeStatus.NOT_PLACED:
        raise Unreachable(
            f"{what} was not sent: {message or outcome.evidence}",
            hint="The order is unchanged; the change may be sent again.",
            code=outcome.code or None,
        )

"""kt order submit: check the piped checks or decisions again and place their orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.errors import Denied, KtError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.records import Check, Decision, Order
    from kt.steps.context import Context


@command(
    "submit",
    help="""Place the orders of piped checks (or decisions).

    \b
      kt analyze 005930 | kt check | kt order submit --wait

    Everything is checked again here, so no document can bypass the safety rules;
    denied checks stay denied. Reads a `checks` or `decisions` document that is at
    most pipe.max_age seconds old; prints an `orders` document. A decision is
    ordered once: piped again, its first order is shown.
    """,
)
@click.option(
    "--client-id",
    default="",
    metavar="ID",
    help="Your own id for this submission: repeating it sends no order twice.",
)
@click.option("--wait", is_flag=True, help="Wait for fills, up to cycle.fill_wait seconds.")
@click.option("--again", is_flag=True, help="Also order decisions that were ordered before.")
@pass_cli
def submit(cli: CliContext, client_id: str, wait: bool, again: bool) -> None:
    from kt.cli.order.find import repeated, used
    from kt.cli.support import confirmation
    from kt.cli.support.order_outcome import begin, finish
    from kt.cli.support.pipe_documents import read
    from kt.cli.support.preview import preview
    from kt.records import Origin
    from kt.steps.risk import check as step

    clock, config = cli.app.clock, cli.config
    kind, items, _ = read(cli, ("checks", "decisions"), max_age=config.pipe.max_age, now=clock.now)
    decisions = wanted(kind, items)
    if not decisions:
        ctx = cli.context("order submit")
        cli.say("the document holds nothing to order")
        finish(cli, ctx.run, [])
        return
    ctx = begin(cli, "order submit")
    placed_before, decided_before, left = _split(ctx, decisions, client_id, again=again)
    for first in placed_before:
        cli.say(repeated(first))
    for first in decided_before:
        cli.say(used(first))
    checks = step.check(ctx, left, origin=Origin.PIPE)
    passed = [check for check in checks if check.passed]
    if passed:
        said = preview(cli, ctx, passed)
        confirmation.confirm(cli, said, f"Send {len(passed)} order(s)?")
    orders, stopped = _send(cli, ctx, checks, client_id, wait=wait, again=again)
    finish(cli, ctx.run, [*placed_before, *orders], checks, stopped, before=decided_before)


def wanted(kind: str, items: Sequence[Any]) -> tuple[Decision, ...]:
    """The decisions to order. Of checks, those that passed, with the quantity that passed."""
    from msgspec.structs import replace

    from kt.records import OrderType

    if kind == "decisions":
        return tuple(item for item in items if item.action.trades)
    return tuple(
        replace(
            check.decision,
            quantity=check.quantity,
            price=check.price if check.order_type is OrderType.LIMIT else check.decision.price,
        )
        for check in items
        if check.passed and check.decision is not None
    )


def item_id(client_id: str, side: str, stock_code: str) -> str:
    """The client id of one order of a submission, which has one order per stock and side."""
    return f"{client_id}/{side}/{stock_code}" if client_id else ""


def _split(
    ctx: Context, decisions: Sequence[Decision], client_id: str, *, again: bool
) -> tuple[list[Order], list[Order], list[Decision]]:
    """The orders that this submission placed before, the orders that other submissions placed for
    these decisions, and the decisions that are left."""
    from kt.records import Side

    placed: list[Order] = []
    decided: list[Order] = []
    left: list[Decision] = []
    for decision in _unique(decisions):
        side, code = Side(decision.action), decision.stock_code
        item = item_id(client_id, side, code)
        first = ctx.journal.repeated(item, decision_id=decision.decision_id)
        if first is not None:
            placed.append(first)
            continue
        used = ctx.journal.order_of_decision(decision.decision_id, side, code)
        if used is None or again:
            left.append(decision)
        else:
            decided.append(used)
    return placed, decided, left


def _unique(decisions: Sequence[Decision]) -> list[Decision]:
    """Without repeated decisions: they are ordered once."""
    named = {(item.decision_id, item.action, item.stock_code): item for item in decisions[::-1]}
    return [
        item
        for item in decisions
        if not item.decision_id or named[item.decision_id, item.action, item.stock_code] is item
    ]


def _send(
    cli: CliContext,
    ctx: Context,
    checks: Sequence[Check],
    client_id: str,
    *,
    wait: bool,
    again: bool,
) -> tuple[list[Order], list[KtError]]:
    """The placed orders, and the errors. A denial skips one order; any other error ends the
    submission, and the orders sent before it are still shown."""
    from kt.cli.support.sending import sending, wait_for, watching
    from kt.steps.orders.place import place_checked

    follows = wait and not ctx.config.dry_run
    orders: list[Order] = []
    stopped: list[KtError] = []
    with watching(cli, follows) as events:
        try:
            with sending(ctx):
                for check in checks:
                    try:
                        item = item_id(client_id, check.side, check.stock_code)
                        order, _ = place_checked(ctx, check, client_id=item, again=again)
                        orders.append(order)
                    except Denied as denied:
                        stopped.append(denied)
        except KtError as error:
            stopped.append(error)
        if follows:
            orders = wait_for(cli, ctx, orders, events, ctx.config.cycle.fill_wait)
    return orders, stopped

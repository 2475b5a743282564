"""kt order list: the orders kt knows, after asking the broker what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from kt.cli.lazy import command, pass_session
from kt.errors import UsageError

if TYPE_CHECKING:
    from kt.cli.session import Session
    from kt.records import Order
    from kt.steps.context import Context


@dataclass(frozen=True)
class ListOptions:
    unknown: bool
    open: bool
    all: bool


@command(
    "list",
    help="""Show today's orders, newest first. Prints an `orders` document.

    --unknown shows the orders of any day whose outcome nobody knows: look for them
    at the broker, then use `kt order resolve`.
    """,
)
@click.option("--unknown", is_flag=True, help="Only orders whose outcome is unknown, of any day.")
@click.option("--open", "open_", is_flag=True, help="Only orders that may still fill.")
@click.option("--all", "all_", is_flag=True, help="Orders of all days.")
@pass_session
def list_command(session: Session, unknown: bool, open_: bool, all_: bool) -> None:
    run_list(session, ListOptions(unknown=unknown, open=open_, all=all_))


def run_list(session: Session, options: ListOptions) -> None:
    from kt.cli.documents import emit
    from kt.cli.order.outcome import begin

    if options.unknown and options.open:
        raise UsageError("give --unknown or --open, not both")
    ctx = begin(session, "order list", alone=True)
    orders = _orders(ctx, options)
    emit(session, "orders", orders, run=ctx.run)
    if session.output == "table":
        from kt.cli.show.orders import notes
        from kt.text import harmless

        session.console.show(notes(harmless(orders), session.console))


def _orders(ctx: Context, options: ListOptions) -> tuple[Order, ...]:
    from kt.records import OPEN_STATES, UNRESOLVED_STATES

    if options.unknown:
        return ctx.journal.orders(states=UNRESOLVED_STATES)
    return ctx.journal.orders(
        day=None if options.all else ctx.clock.now().date(),
        states=OPEN_STATES if options.open else None,
    )

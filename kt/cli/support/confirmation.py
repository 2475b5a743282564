"""Before money moves: the preview first, then the question, and no order without a yes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kt.cli.show.cells import money
from kt.cli.show.table import pairs
from kt.errors import Denied
from kt.records import Check, OrderType
from kt.rules.fees import commission
from kt.text import harmless

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext

ASKING = ("mock", "real")
"""Profiles on which a person is asked; the embedded exchange's money is play money."""

SHOWN_LIMITS = {
    "PER_STOCK_LIMIT": "this stock",
    "TOTAL_LIMIT": "all stocks",
    "CASH": "cash",
    "SELLABLE": "sellable",
}
"""The rules whose arithmetic a person wants to see before saying yes."""


def confirm(cli: CliContext, preview: str, question: str) -> None:
    """Show what is about to happen, then ask. Raises Denied when there is no yes; nothing is
    sent before this returns.

    `real` needs `live: true` in its configuration, and a yes at the prompt or --yes. Without a
    terminal to ask on, `real` needs --yes and `mock` goes on.
    """
    profile = cli.config.profile
    if cli.config.dry_run:
        cli.console.say(preview.rstrip())
        cli.say("dry run: everything is done but the sending")
        return
    require_live(cli)
    asked = profile in ASKING and not cli.flags.yes and cli.console.in_terminal
    if asked:
        cli.console.warn(preview.rstrip())
        if not cli.console.ask(question):
            raise Denied("not confirmed; nothing was sent", code="NOT_CONFIRMED")
        return
    cli.console.say(preview.rstrip())
    if profile == "real" and not cli.flags.yes:
        raise Denied(
            "no yes for an order with real money, and no terminal to ask on; nothing was sent",
            hint="Add --yes.",
            code="NOT_CONFIRMED",
        )


def require_live(cli: CliContext) -> None:
    """Raises Denied when this profile may not send orders at all."""
    config = cli.config
    if not config.server.live and not config.dry_run:
        raise Denied(
            f"the profile {config.profile!r} may not send orders; nothing was sent",
            hint=f"Set profiles.{config.profile}.live: true in the configuration, or use "
            "--dry-run.",
            code="NOT_LIVE",
        )


def preview(cli: CliContext, checks: Sequence[Check], prices: Mapping[str, int]) -> str:
    """Every order as it would be sent: stock, side, quantity, price, amount, fee, limits.

    `prices` are last prices by stock code: what a market order would cost about.
    """
    return "\n".join(
        _one(cli, check, prices.get(check.stock_code, 0)) for check in harmless(checks)
    )


def _one(cli: CliContext, check: Check, last: int) -> str:
    market = check.order_type is OrderType.MARKET
    price = f"market (last {money(last)})" if market and last else "market"
    rows = [
        ("stock", f"{check.stock_code} {check.stock_name}".rstrip()),
        ("side", str(check.side)),
        ("quantity", f"{money(check.quantity)} shares"),
        ("price", price if market else f"{money(check.price)} won"),
    ]
    value = check.quantity * (last if market else check.price)
    if value:
        about = "about " if market else ""
        fee = commission(value, cli.config.server.commission_pct)
        rows += [("amount", f"{about}{money(value)} won"), ("fee", f"about {money(fee)} won")]
    rows += [
        (SHOWN_LIMITS[item.code], item.detail)
        for item in check.results
        if item.passed and item.code in SHOWN_LIMITS
    ]
    return pairs([*rows, ("profile", cli.config.profile)], cli.console)

"""Confirmation of orders: show the preview, ask, and raise Denied without a yes."""

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
"""Profiles on which kt asks for confirmation; on the embedded exchange it does not."""

SHOWN_LIMITS = {
    "PER_STOCK_LIMIT": "this stock",
    "TOTAL_LIMIT": "all stocks",
    "CASH": "cash",
    "SELLABLE": "sellable",
}
"""The rules whose numbers the preview shows, and their labels."""


def confirm(cli: CliContext, preview: str, question: str) -> None:
    """Show the preview, then ask. Raises Denied without a yes; call it before anything is sent.

    `real` needs `live: true` in its configuration, and a yes at the prompt or --yes. Without a
    terminal, `real` needs --yes and `mock` continues without asking.
    """
    profile = cli.config.profile
    if cli.config.dry_run:
        cli.console.say(preview.rstrip())
        cli.say("dry run: no order is sent")
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
            "orders with real money need a confirmation, and there is no terminal to ask on; "
            "nothing was sent",
            hint="Add --yes.",
            code="NOT_CONFIRMED",
        )


def require_live(cli: CliContext) -> None:
    """Raises Denied when the configuration does not allow orders on this profile."""
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

    `prices` are last prices in won by stock code, to estimate the cost of market orders.
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

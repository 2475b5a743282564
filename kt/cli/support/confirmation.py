"""Confirmation of orders: show the preview, ask, and raise Denied without a yes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kt.errors import Denied

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext

ASKING = ("mock", "real")
"""Profiles on which kt asks for confirmation; on the embedded exchange it does not."""


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

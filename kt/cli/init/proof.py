"""What kt init tries with the new configuration: a connection and a test notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kt.cli.support.trial_notice import deliver_test_notice
from kt.errors import KtError, Unreachable

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext

ACCOUNT = "ka00001"
"""The account number: the smallest answer there is."""


def connect(cli: CliContext) -> KtError | None:
    """Get a token (au10001) and make one query; why that failed."""
    try:
        cli.context("init")
        with cli.console.waiting("the broker"):
            cli.app.token_source.token()
            cli.app.rest.call(ACCOUNT)
    except KtError as failure:
        failure.message = (
            f"the configuration is written, but the connection failed: {failure.message}"
        )
        return failure
    cli.say(f"connected to the server of {cli.config.profile}; the keys are accepted")
    return None


def notify(cli: CliContext) -> KtError | None:
    """Send a test notice by every channel; why one failed."""
    with cli.console.waiting("the channels"):
        rows = deliver_test_notice(cli, "warning")
    failed = [f"{row.channel}: {row.detail}" for row in rows if row.outcome != "sent"]
    if failed:
        return Unreachable(
            f"the configuration is written, but the test notice failed: {', '.join(failed)}",
            hint="Correct it under notify in the configuration; `kt notify test` tries it again.",
        )
    cli.say("a test notice was sent: see whether it has arrived")
    return None

"""The notice that tests the channels to the owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.records import Delivery


def deliver_test_notice(cli: CliContext, level: str) -> tuple[Delivery, ...]:
    """Send it by every configured channel and wait; the outcome for each."""
    text = f"a test of the profile {cli.config.profile}; nothing has happened"
    return cli.app.notifier.deliver(level, "kt: test", text)

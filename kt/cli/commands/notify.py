"""kt notify: test the channels that notify the owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import Entry, LazyGroup, command, pass_cli
from kt.errors import ConfigError, Unreachable

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext

notify = LazyGroup(
    "notify",
    entries={
        "test": Entry("kt.cli.commands.notify:test_command", "Send a notice by each channel.")
    },
    help="""Test the channels that notify the owner: notify.command, notify.webhook and
    notify.urls.

    \b
      kt notify test
      kt notify test --level critical
    """,
)


@command(
    "test",
    help="""Send a test notice by every configured channel and print the outcome.

    Exits with 0 when every delivery succeeded, 9 when one failed, 2 when no channel
    is configured. Prints an `events` document in a pipe.
    """,
)
@click.option(
    "--level",
    type=click.Choice(["info", "warning", "critical"]),
    default="warning",
    show_default=True,
    help="The level of the notice.",
)
@pass_cli
def test_command(cli: CliContext, level: str) -> None:
    import msgspec

    from kt.cli.support.pipe_documents import emit
    from kt.cli.support.trial_notice import deliver_test_notice

    ctx = cli.context("notify test")
    if not cli.app.notifier.channels:
        raise ConfigError(
            "no channel is configured: the owner gets no notices",
            hint="Set notify.command, notify.webhook or notify.urls; see `kt help configuration`.",
        )
    deliveries = deliver_test_notice(cli, level)
    emit(
        cli,
        "events",
        [{"kind": "delivery", **msgspec.to_builtins(row)} for row in deliveries],
        run=ctx.run,
    )
    failed = [row for row in deliveries if row.outcome != "sent"]
    if failed:
        failures = ", ".join(f"{row.channel}: {row.detail}" for row in failed)
        raise Unreachable(f"{len(failed)} of {len(deliveries)} channels failed: {failures}")

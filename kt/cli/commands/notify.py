"""kt notify: try the channels by which the owner is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import Entry, LazyGroup, command, pass_cli
from kt.errors import ConfigError, Unreachable

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext

notify = LazyGroup(
    "notify",
    entries={"test": Entry("kt.cli.commands.notify:test_command", "Send a notice by each.")},
    help="""Try the channels by which the owner is told: notify.command, notify.webhook and
    notify.urls.

    \b
      kt notify test
      kt notify test --level critical
    """,
)


@command(
    "test",
    help="""Send a test notice by every channel of the configuration, and say what left.

    Exits with 0 when it left by all of them, 9 when one failed, 2 when none is
    configured. Prints an `events` document in a pipe.
    """,
)
@click.option(
    "--level",
    type=click.Choice(["info", "warning", "critical"]),
    default="warning",
    show_default=True,
    help="The level it bears.",
)
@pass_cli
def test_command(cli: CliContext, level: str) -> None:
    import msgspec

    from kt.cli.support.pipe_documents import emit

    ctx = cli.context("notify test")
    notifier = cli.app.notifier
    if not notifier.channels:
        raise ConfigError(
            "no channel is configured: the owner is told nothing",
            hint="Set notify.command, notify.webhook or notify.urls; see `kt help configuration`.",
        )
    text = f"a test of the profile {ctx.profile}; nothing has happened"
    tried = notifier.deliver(level, "kt: test", text)
    emit(
        cli,
        "events",
        [{"kind": "delivery", **msgspec.to_builtins(row)} for row in tried],
        run=ctx.run,
    )
    failed = [row for row in tried if row.outcome != "sent"]
    if failed:
        told = ", ".join(f"{row.channel}: {row.detail}" for row in failed)
        raise Unreachable(f"{len(failed)} of {len(tried)} channels failed: {told}")

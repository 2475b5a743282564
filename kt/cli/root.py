"""The command `kt` itself: its help, its version, and the way to every command."""

from __future__ import annotations

import click

from kt import __version__
from kt.cli.command_table import COMMANDS
from kt.cli.support.click_extensions import LazyGroup

HELP = """Trade Korean stocks through Kiwoom's REST API, one command at a time.

With no account and no key, kt trades on an exchange of its own; start with
`kt run --once`.

\b
  kt scan fast | kt scan deep | kt scan ai | kt analyze | kt check |
    kt order submit

is one trading cycle, and what `kt run` does. A command shows a table on a
terminal and writes one JSON document into a pipe; messages go to stderr.
"""

EPILOG = "`kt help` lists topics: pipes, safety, recovery, cron, exit-codes and more."


@click.group("kt", cls=LazyGroup, entries=COMMANDS, help=HELP, epilog=EPILOG)
@click.version_option(__version__, prog_name="kt", message="%(prog)s %(version)s")
def root() -> None:
    """The entry of every command line."""

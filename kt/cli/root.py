"""The command `kt` itself: its help, its version, and the way to every command."""

from __future__ import annotations

import click

from kt import __version__
from kt.cli.command_table import COMMANDS
from kt.cli.support.click_extensions import LazyGroup

HELP = """Trade Korean stocks through Kiwoom's REST API, one command at a time.

Without an account or key, kt trades on its embedded exchange; start with
`kt init` and `kt run --once`. `kt help start` leads on to real money.

\b
  kt scan fast | kt scan deep | kt scan ai | kt analyze | kt check |
    kt order submit

is one trading cycle, the same as `kt run` does. Commands print a table on a
terminal and one JSON document in a pipe; messages go to stderr.
"""

EPILOG = "`kt help` lists topics: start, pipes, safety, recovery, cron and more."


@click.group("kt", cls=LazyGroup, entries=COMMANDS, help=HELP, epilog=EPILOG)
@click.version_option(__version__, prog_name="kt", message="%(prog)s %(version)s")
def root() -> None:
    """The root group that every command belongs to."""

"""kt help: the help topics, and the help of any command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kt.cli.command_table import COMMANDS
from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.topics import TOPICS
from kt.errors import UsageError
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext

EPILOG = "\b\n" + "\n".join(f"  {name.ljust(14)} {line}" for name, line in TOPICS.items())


def complete(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """Shell completion of topics and commands."""
    return [name for name in (*TOPICS, *COMMANDS) if name.startswith(begun)]


@command(
    "help",
    help="Explain a topic, or show a command's help (`kt help order buy`)."
    + "\n\nTopics:\n\n"
    + EPILOG,
)
@click.argument("topic", nargs=-1, shell_complete=complete)
@click.pass_context
@pass_cli
def help_command(cli: CliContext, context: click.Context, topic: tuple[str, ...]) -> None:
    if not topic:
        cli.console.write(tr(_list()))
    elif len(topic) == 1 and topic[0] in TOPICS:
        from kt.cli.topics import topic_text

        cli.console.show(_shown(cli, topic_text(topic[0])))
    else:
        cli.console.write(_command_help(context, topic) + "\n")


def _list() -> str:
    lines = [f"  {name.ljust(14)} {line}" for name, line in TOPICS.items()]
    return "Topics:\n" + "\n".join(lines) + "\n\nRead one with: kt help TOPIC\n"


def _shown(cli: CliContext, text: str) -> str:
    """Markdown is printed as it is; on a terminal with colours its headings are bold."""
    if not cli.console.color:
        return text
    return "\n".join(
        f"\x1b[1m{line.lstrip('# ')}\x1b[0m" if line.startswith("#") else line
        for line in text.split("\n")
    )


def _command_help(context: click.Context, words: tuple[str, ...]) -> str:
    import difflib

    parent = context.find_root()
    found: click.Command = parent.command
    here = parent
    for word in words:
        below = found.get_command(here, word) if isinstance(found, click.Group) else None
        if below is None:
            known = [*TOPICS, *COMMANDS]
            near = difflib.get_close_matches(" ".join(words), known, n=1)
            hint = f"Did you mean `kt help {near[0]}`?" if near else "`kt help` lists the topics."
            raise UsageError(f"there is no topic or command {' '.join(words)!r}", hint=hint)
        found = below
        here = click.Context(found, info_name=word, parent=here)
    return found.get_help(here)

"""Extensions of click: lazily imported commands, and the global options on every command."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from kt.cli.support.cli_context import FORMATS, CliContext
from kt.cli.support.help_text import HelpInLanguage, described, wide
from kt.cli.support.param_types import FILE
from kt.translation import LANGUAGES


@dataclass(frozen=True)
class Entry:
    """One command in a group's table: its import path, and its line in the group's help."""

    target: str
    """module:attribute"""
    summary: str
    section: str = "Commands"


class GlobalOption(click.Option):
    """A global option: it may be given before or after the command."""


def _store_flag(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Store a global option in the context; the one nearest to the command wins."""
    cli = context.ensure_object(CliContext)
    flags = cli.flags
    name = str(parameter.name)
    if name == "verbose":
        flags.verbose += value
    elif value:
        setattr(flags, name, value)
    cli.settle_flags()


def _global(*names: str, help: str, **more: Any) -> GlobalOption:
    return GlobalOption(list(names), expose_value=False, callback=_store_flag, help=help, **more)


GLOBAL_OPTIONS = (
    _global(
        "--profile",
        type=click.Choice(["sim", "mock", "real"]),
        help="The embedded exchange (default), mock investing, or real money.",
    ),
    _global("--config", metavar="FILE", type=FILE, help="The configuration file."),
    _global(
        "-o",
        "--output",
        type=click.Choice(FORMATS),
        help="Default: table on a terminal, json in a pipe.",
    ),
    _global(
        "--fields",
        metavar="A,B",
        help="Only these fields, in this order: table, csv and md. An unknown one lists all.",
    ),
    _global("--dry-run", is_flag=True, help="Do everything but send orders."),
    _global("--yes", is_flag=True, help="Answer yes to every question."),
    _global("-q", "--quiet", is_flag=True, help="No messages, only data and errors."),
    _global(
        "-v", "--verbose", count=True, help="Log API calls to stderr; twice for their messages."
    ),
    _global(
        "--lang",
        type=click.Choice(["auto", *LANGUAGES]),
        help="The language; default: KT_LANG, the configuration, the locale.",
    ),
    _global("--no-color", is_flag=True, help="No colours, the same as setting NO_COLOR."),
)


class Command(HelpInLanguage, click.Command):
    """A command whose help lists its own options apart from the global ones."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), *GLOBAL_OPTIONS]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_options(self, ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; on a terminal say meanwhile what it waits for, and afterwards what may follow."""
        cli = ctx.ensure_object(CliContext)
        words = ctx.command_path.partition(" ")[2]
        if words in OWN_SCREEN or (words == "run" and not ctx.params.get("once")):
            return super().invoke(ctx)
        with cli.console.waiting(WAITED_FOR.get(words.partition(" ")[0], "the broker")):
            result = super().invoke(ctx)
        cli.suggest(words)
        return result


OWN_SCREEN = frozenset({"watch", "top", "init", "sim serve"})
"""Commands that write or ask all the time; `kt run` of a whole day is another."""
WAITED_FOR = {
    "doctor": "the checks",
    "notify": "the channels",
    "run": "the next step",
    "sim": "the embedded exchange",
}
"""By a command's first word, what it waits for when it says nothing itself."""


class LazyGroup(HelpInLanguage, click.Group):
    """A group that lists its commands from a table and imports only the one that is called."""

    def __init__(
        self, *args: Any, entries: Mapping[str, Entry], alone: bool = False, **more: Any
    ) -> None:
        """`alone`: the group does something by itself, without a command of its table."""
        more.setdefault("no_args_is_help", False)
        more.setdefault("invoke_without_command", True)
        super().__init__(*args, **more)
        self.entries = entries
        self.alone = alone

    def invoke(self, ctx: click.Context) -> Any:
        """Without a subcommand, show the help and exit with 0, unless the group works `alone`."""
        if not self.alone and not ctx.args and not getattr(ctx, "_protected_args", None):
            click.echo(ctx.get_help())
            ctx.exit()
        return super().invoke(ctx)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), *GLOBAL_OPTIONS]

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self.entries and not name.startswith("-") and not ctx.resilient_parsing:
            import difflib

            near = difflib.get_close_matches(name, self.entries, n=1)
            guess = f" Did you mean {ctx.command_path} {near[0]}?" if near else ""
            ctx.fail(f"there is no command {ctx.command_path} {name}.{guess}")
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        write_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, entry in self.entries.items():
            sections.setdefault(entry.section, []).append((name, entry.summary))
        widest = max(len(name) for name in self.entries)
        for title, rows in sections.items():
            with formatter.section(wide(title)):
                formatter.write_dl([(name.ljust(widest), wide(text)) for name, text in rows])


def write_options(
    command: click.Command, ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    """The command's own options, then the global ones."""
    own: list[tuple[str, str]] = []
    common: list[tuple[str, str]] = []
    for parameter in command.get_params(ctx):
        if not isinstance(parameter, click.Option):
            continue  # arguments are in the usage line and the text
        record = parameter.get_help_record(ctx)
        if record is not None:
            into = common if isinstance(parameter, GlobalOption) else own
            into.append((record[0], described(record[1])))
    if own:
        with formatter.section(wide("Options")):
            formatter.write_dl(own)
    with formatter.section(wide("Global options")):
        formatter.write_dl(common)


def command(name: str, **more: Any) -> Callable[[Callable[..., Any]], Command]:
    """`@command("balance")` makes a command of a function that takes the context and options."""
    return click.command(name, cls=Command, **more)


pass_cli = click.make_pass_decorator(CliContext, ensure=True)

"""The commands as shell completion reads them: kt/cli/completing/grammar.json."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import click

HELP = 60
"""Characters of an option's help."""


def grammar() -> str:
    """The grammar of all commands as JSON: by command path `commands` (name: summary), `options`
    (name: help, and the kind of value), `arguments` (kinds) and `many`; the global options once."""
    from kt.cli.root import root
    from kt.cli.support.click_extensions import GLOBAL_OPTIONS

    found: dict[str, Any] = {"options": _options(GLOBAL_OPTIONS)}
    found["options"]["--help"] = ["Show the help."]
    _add(found, "", root)
    lines = [f"{json.dumps(path)}: {_line(node)}" for path, node in found.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _line(node: Any) -> str:
    return json.dumps(node, ensure_ascii=False)


def _add(found: dict[str, Any], path: str, command: click.Command) -> None:
    from kt.cli.support.click_extensions import LazyGroup

    node: dict[str, Any] = {"options": _options(command.params)}
    arguments = [item for item in command.params if isinstance(item, click.Argument)]
    node["arguments"] = [_kind(item) for item in arguments]
    node["many"] = any(item.nargs == -1 for item in arguments)
    if isinstance(command, LazyGroup):
        node["commands"] = {name: entry.summary for name, entry in command.entries.items()}
    found[path] = {name: value for name, value in node.items() if value}
    for name in node.get("commands", {}):
        assert isinstance(command, click.Group)
        below = command.get_command(click.Context(command), name)
        assert below is not None
        _add(found, f"{path} {name}".strip(), below)


def _options(parameters: Any) -> dict[str, list[Any]]:
    rows: dict[str, list[Any]] = {}
    for option in parameters:
        if isinstance(option, click.Option):
            words = textwrap.shorten(option.help or "", HELP, placeholder=" …")
            value = [] if option.is_flag or option.count else [_kind(option)]
            for name in (*option.opts, *option.secondary_opts):
                rows[name] = [words, *value]
    return rows


def _kind(parameter: click.Parameter) -> Any:
    """The values if they are few and fixed, otherwise the name of a kind of
    `kt.cli.completing.offers`; "" for what cannot be completed."""
    named = getattr(parameter.type, "offers", "")
    if named:
        return named
    context = click.Context(click.Command("kt"))
    return [item.value for item in parameter.shell_complete(context, "")] or ""

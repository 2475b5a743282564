"""A configuration file with every key, its meaning, its allowed values and its value:
config.yaml.example with the defaults, and what `kt init` writes."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping
from typing import Any

import msgspec

from kt.cli.docs.keys import Key, sections
from kt.cli.support.help_text import narrow, wide
from kt.config.model import Config
from kt.translation import tr

WIDTH = 96
HEAD = """\
# The configuration of kt: every key, with its default.
#
# kt reads the first of: --config, KT_CONFIG, ./config.yaml, config.yaml in the user's
# configuration folder. Flags override the environment, which overrides this file.
# A missing key has its default; an unknown key is an error.
# Amounts are won, intervals seconds, rates percent, times of day HH:MM Korean time.
# Do not put app keys and secrets here: see `kt help environment`.
"""


def example_config(config: Config | None = None) -> str:
    """The text of the file, with comments in the language in use. Loading it gives `config`, by
    default the default configuration; a value that is not the default says what that is."""
    lines = [tr(HEAD)]
    values = Config() if config is None else config
    for section in sections():
        *parents, name = section.name.split(".") if section.name else [""]
        if section.name == "profiles.sim":
            lines += ["profiles:"]
        indent = "  " * len(parents)
        if name:
            if parents[:1] != ["profiles"]:
                lines += _comment(tr(section.meaning), indent)
            lines += [f"{indent}{name}:"]
            indent += "  "
        for key in section.keys:
            commented = section.name == "profiles.sim" or parents[:1] != ["profiles"]
            lines += _lines(key, _value_at(values, key.path), indent, commented=commented)
        lines += [""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _lines(key: Key, value: Any, indent: str, *, commented: bool) -> list[str]:
    name = key.path.rpartition(".")[2]
    comment = _comment(f"{tr(key.meaning)} [{key.allowed}]".strip(), indent) if commented else []
    usual = "" if value == key.default else f"  # {tr('default')}: {_value(key.default)}"
    return [*comment, f"{indent}{name}: {_value(value)}{usual}"]


def _value_at(config: Config, path: str) -> Any:
    """The value of a key by its path, as in `limits.per_stock`."""
    found: Any = config
    for part in path.split("."):
        found = found[part] if isinstance(found, Mapping) else getattr(found, part)
    return msgspec.to_builtins(found)


def _comment(text: str, indent: str) -> list[str]:
    prefix = f"{indent}# "
    lines = textwrap.wrap(wide(text), WIDTH, initial_indent=prefix, subsequent_indent=prefix)
    return [narrow(line) for line in lines]


PLAIN = re.compile(r"[^\W\d][\w ./+@:-]*[\w/]|[^\W\d]")
"""Strings that need no quotes: kt reads every scalar as a string, another YAML reader may not."""


def _value(value: Any) -> str:
    """A value as YAML; strings that a YAML reader could take for anything else are quoted."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    if isinstance(value, str) and PLAIN.fullmatch(value) and ": " not in value:
        return value
    return json.dumps(value, ensure_ascii=False)

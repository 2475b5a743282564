"""config.yaml.example: every key with its meaning, allowed values and default."""

from __future__ import annotations

import json
import textwrap
from typing import Any

from kt.cli.docs.keys import Key, sections
from kt.cli.support.help_text import narrow, wide
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


def example_config() -> str:
    """The text of the file, with comments in the language in use. Loading it gives the default
    configuration."""
    lines = [tr(HEAD)]
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
            lines += _lines(key, indent, commented=commented)
        lines += [""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _lines(key: Key, indent: str, *, commented: bool) -> list[str]:
    name = key.path.rpartition(".")[2]
    comment = _comment(f"{tr(key.meaning)} [{key.allowed}]".strip(), indent) if commented else []
    return [*comment, f"{indent}{name}: {_value(key.default)}"]


def _comment(text: str, indent: str) -> list[str]:
    prefix = f"{indent}# "
    lines = textwrap.wrap(wide(text), WIDTH, initial_indent=prefix, subsequent_indent=prefix)
    return [narrow(line) for line in lines]


def _value(value: Any) -> str:
    """A default as YAML; strings that a YAML reader could take for a number or time are quoted."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str) and value and not value[0].isdigit():
        return value
    return json.dumps(value, ensure_ascii=False)

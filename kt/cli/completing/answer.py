"""Answers one TAB: the words typed so far in, one `value TAB description` a line out."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

VARIABLE = "_KT_COMPLETE"
"""The environment variable by which the scripts ask, with the shell's name."""
FILES = "\x01files"
"""The whole answer when the shell is to complete file names itself."""
MOST = 60
"""Most candidates of one answer."""
GRAMMAR = Path(__file__).with_name("grammar.json")
"""Generated from the commands (`kt/cli/docs/grammar.py`): by command path its subcommands, its
options and the kinds of its arguments."""

Offer = tuple[str, str]
"""A value and what it is."""
_BASH_SPECIAL = re.compile(r"([^\w가-힣ㄱ-ㅎ.,:/@%+=-])")


def answer(shell: str, words: Sequence[str], environ: Mapping[str, str]) -> str:
    """The lines for the last of `words`, which follow the program's name."""
    grammar: dict[str, Any] = json.loads(GRAMMAR.read_bytes())
    typed = [_bare(word) for word in (_joined(words) if shell == "bash" else words)] or [""]
    *before, begun = typed
    found = _Line(grammar, before)
    prefix = ""
    if not found.waiting and begun.startswith("--") and "=" in begun:
        option, _, begun = begun.partition("=")
        found.waiting = found.options.get(option, [""])[1:]
        prefix = "" if shell == "bash" else f"{option}="
    if found.waiting == ["file"]:
        return FILES
    offers = found.offers(begun, environ)
    return "".join(f"{_value(shell, prefix + value)}\t{_brief(what)}\n" for value, what in offers)


class _Line:
    """What the words before the last one mean."""

    def __init__(self, grammar: dict[str, Any], before: Sequence[str]) -> None:
        self.grammar = grammar
        self.path = ""
        self.given = 0
        """Arguments before the last word."""
        self.waiting: list[Any] = []
        """The kind of value that the word before waits for, in a list; empty for none."""
        self.values: dict[str, str] = {}
        option = ""
        for word in before:
            if self.waiting:
                self.values[option], self.waiting = word, []
            elif word.startswith("-") and len(word) > 1:
                option, _, value = word.partition("=")
                self.waiting = [] if value else self.options.get(option, [""])[1:]
                self.values[option] = value
            else:
                self._word(word)

    @property
    def node(self) -> dict[str, Any]:
        return self.grammar.get(self.path) or {}

    @property
    def options(self) -> dict[str, list[Any]]:
        """By name: the help, and for an option with a value the kind of value."""
        return {**self.node.get("options", {}), **self.grammar["options"]}

    def _word(self, word: str) -> None:
        if word in self.node.get("commands", {}) and not self.given:
            self.path = f"{self.path} {word}".strip()
        else:
            self.given += 1

    def offers(self, begun: str, environ: Mapping[str, str]) -> list[Offer]:
        if self.waiting:
            return self._of_kind(self.waiting[0], begun, environ)
        if begun.startswith("-"):
            return [(name, row[0]) for name, row in self.options.items() if name.startswith(begun)]
        commands = self.node.get("commands", {}) if not self.given else {}
        found = [(name, what) for name, what in commands.items() if name.startswith(begun)]
        arguments = self.node.get("arguments", [])
        last = len(arguments) - 1
        at = min(self.given, last) if self.node.get("many") else self.given
        if 0 <= at <= last:
            found += self._of_kind(arguments[at], begun, environ)
        return found

    def _of_kind(self, kind: Any, begun: str, environ: Mapping[str, str]) -> list[Offer]:
        if isinstance(kind, list):
            return [(value, "") for value in kind if value.startswith(begun)]
        if not kind:
            return []
        from kt.cli.completing.offers import offers

        named = {"--config": "KT_CONFIG", "--profile": "KT_PROFILE"}
        given = {named[name]: value for name, value in self.values.items() if name in named}
        return offers(kind, begun, {**environ, **given}, MOST)


def _joined(words: Sequence[str]) -> list[str]:
    """bash splits `--stock=005` into three words."""
    joined: list[str] = []
    for word in words:
        if word == "=" and joined and joined[-1].startswith("--"):
            joined[-1] += "="
        elif joined and joined[-1].startswith("--") and joined[-1].endswith("="):
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def _bare(word: str) -> str:
    """A word without the quotes and backslashes of a shell."""
    return word.lstrip("\"'").rstrip("\"'").replace("\\", "")


def _value(shell: str, value: str) -> str:
    return _BASH_SPECIAL.sub(r"\\\1", value) if shell == "bash" else value


def _brief(what: str) -> str:
    return "".join(letter for letter in what if letter.isprintable())[:60]


def main() -> int:
    """Answer the script that asks; whatever is wrong, the answer is then empty: a TAB never prints
    an error over the line that is being typed."""
    try:
        text = answer(os.environ[VARIABLE], sys.argv[1:], os.environ)
        sys.stdout.buffer.write(text.encode("utf-8", "replace"))
        sys.stdout.flush()
    except (OSError, ValueError, KeyError):
        return 1
    return 0

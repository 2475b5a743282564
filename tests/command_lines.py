"""Command lines in texts: their parts, and whether the commands and options of kt exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from kt.cli.root import root
from kt.cli.topics import TOPICS

ROOT = Path(__file__).resolve().parent.parent
NAMED = re.compile(r"\b(?:kt|tests|docs|completions)/[\w./-]*\w")
QUOTED = re.compile(r"`([^`]+)`")


def parts(line: str) -> list[list[str]]:
    """The words of each command of a pipe or a list, as a shell splits them; no comments."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in lexer:
        if word in {"|", "&&", "||"}:
            found.append([])
        else:
            found[-1].append(word)
    return [words for words in found if words]


def faults_of_kt(words: list[str]) -> Iterator[str]:
    """Words of a command line of kt that its commands do not know. Arguments are not judged, but
    for what `kt help` is asked about."""
    found: click.Command = root
    waiting = False
    for at, word in enumerate(words):
        if waiting:
            waiting = False
        elif word.startswith("-") and word != "-":
            name = word.partition("=")[0]
            if name not in options(found):
                yield word
            waiting = "=" not in word and takes_value(found, name)
        elif isinstance(found, click.Group):
            below = found.get_command(click.Context(found), word)
            if below is None:
                yield word
                return
            found = below
        elif found.name == "help":
            if word not in {*TOPICS, "TOPIC"}:
                yield from faults_of_kt(words[at:])
            return


def takes_value(command: click.Command, name: str) -> bool:
    """Whether a value follows this option."""
    params = command.get_params(click.Context(command))
    return any(
        isinstance(one, click.Option) and name in one.opts and not one.is_flag and not one.count
        for one in params
    )


def options(command: click.Command) -> set[str]:
    return {
        "--help",
        *(name for param in command.get_params(click.Context(command)) for name in param.opts),
    }


def advised(text: str) -> list[str]:
    """The commands in a text's backticks: those of kt, and those of the system that it names."""
    return [span for span in QUOTED.findall(text) if span.split()[0] in ADVISED]


ADVISED = {"kt", "chmod", "kill", "timedatectl", "touch", "pip"}
"""Programs that kt advises to run."""

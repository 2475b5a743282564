"""The command lines of kt in help texts, topics and README and docs pages, taken apart."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.command_lines import parts
from tests.test_docs_pages import BY_HAND, PAGES, blocks, examples, texts

CRON = re.compile(r"^(?:[\d*/,-]+ +){4}[\d*/,-]+ +")
ASSIGNED = re.compile(r"^(\w+)=(\S*)$")
SHELL_ENDS = re.compile(r"(?P<file>\s>\s*\S+)$|\s&$")
"""Output into a file, or a command in the background."""


@dataclass(frozen=True)
class Example:
    """One line: its kt commands in the order of their pipe, each without the word `kt`."""

    commands: tuple[tuple[str, ...], ...]
    environ: tuple[tuple[str, str], ...] = ()
    reader: tuple[str, ...] = ()
    """The words of the program that the output of the last command goes to; `cat` for a file."""

    def __str__(self) -> str:
        given = "".join(f"{name}={value} " for name, value in self.environ)
        called = " | ".join(" ".join(["kt", *map(quoted, words)]) for words in self.commands)
        return f"{given}{called}{' | ' if self.reader else ''}{shlex.join(self.reader)}"

    def read(self, written: str) -> None:
        """Give this output to its reader, where there is one, which is to understand it."""
        if not self.reader or shutil.which(self.reader[0]) is None:
            return
        done = subprocess.run(
            self.reader, input=written, capture_output=True, text=True, timeout=30, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), (self, done.stderr)
        assert "null" not in done.stdout.splitlines(), f"{self}: a field that is not there"


def quoted(word: str) -> str:
    return f"'{word}'" if re.search(r"[\s'\"{}]", word) else word


def found_in(line: str) -> list[Example]:
    """The examples in one line of a shell or of a crontab; none in a line without kt."""
    line = CRON.sub("", line.strip())
    ends = SHELL_ENDS.search(line)
    line = SHELL_ENDS.sub("", line)
    made: list[Example] = []
    for listed in re.split(r"\s&&\s", line):
        programs = parts(listed)
        environ, called, reader = [], [], ("cat",) if ends and ends["file"] else ()
        for words in programs:
            while words and (given := ASSIGNED.match(words[0])):
                environ.append((given[1], given[2]))
                words = words[1:]  # noqa: PLW2901  what is left of it
            if words and Path(words[0]).name == "kt":
                called.append(tuple(words[1:]))
            else:
                reader = tuple(words)
        if called:
            made.append(Example(tuple(called), tuple(environ), reader))
    return made


def by_hand() -> list[str]:
    """The lines of all blocks that are not run as they stand (docs/README.md)."""
    text = [block for page in PAGES for block in blocks(page, BY_HAND)]
    return [line for block in text for line in block.splitlines()]


def every_example() -> tuple[Example, ...]:
    """Of help texts and topics, whose Korean ones are the same, and of the pages; each once."""
    lines = [
        line for name, text in texts() if not name.startswith("ko/") for line in examples(text)
    ]
    found = [example for line in (*lines, *by_hand()) for example in found_in(line)]
    return tuple(dict.fromkeys(found))


FOUND = every_example()
PROCESS = re.compile(
    r"KT_CRASH_AT=|kt (?:run(?!.*--once)|sim|watch|log (?:-f|--follow)|top|api (?:1h|ka10171))\b"
)
"""Commands that go on until they are ended, wait for what others do, or are killed."""


def needs_process(example: Example) -> bool:
    """Whether only a process of its own shows what the example does."""
    return PROCESS.match(str(example)) is not None

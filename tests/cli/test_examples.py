"""Every example of help texts and topics is run, on a broker in memory: its words are understood,
and it ends as documented. Those that go on until they are ended, or take minutes, are read alone.
"""

from __future__ import annotations

import re

import pytest

from kt.errors import ExitCode
from tests.cli.front import Front
from tests.cli.test_edges import faults
from tests.cli.test_help import PATHS, resolve
from tests.command_lines import parts
from tests.test_docs_pages import examples, texts

PLACES = {
    "STOCK": "005930",
    "QUANTITY": "1",
    "PRICE": "70000",
    "NUMBER": "0000101",
    "ID": "01KB2Q4F7M",
    "CHANNEL": "https://example.com/hook",
    "JSON": '{"stk_cd": "005930"}',
}
"""What stands for a value in an example."""
LONG = re.compile(
    r"kt (?:run(?!.*--once)|sim serve|watch|log (?:-f|--follow)|sweep|top|api (?:1h|ka10171)"
    r"|backtest(?!.*--answers)|replay)"
)
FOUND = dict.fromkeys(
    line for name, text in texts() if not name.startswith("ko/") for line in examples(text)
)


def commands(line: str) -> list[list[str]]:
    """The words of each command of kt in a pipe; what the shell and other programs do is left."""
    line = re.sub(r"(?:\s>.*|\s&)$", "", re.sub(r"^KT_\w+=\S+ ", "", line))
    called = [words[1:] for words in parts(line) if words[0] == "kt"]
    return [[PLACES.get(word, word) for word in words] for words in called]


def read(words: list[str]) -> None:
    """Raises a usage error for what the command does not know."""
    size = 2 if tuple(words[:2]) in PATHS else 1
    resolve(tuple(words[:size])).make_context(" ".join(words[:size]), words[size:])


@pytest.mark.parametrize("line", FOUND)
def test_an_example_runs(reachable_front: Front, line: str) -> None:
    front, piped = reachable_front, ""
    (front.folder / "day.ktrec").touch()
    for words in commands(line):
        if LONG.match(f"kt {' '.join(words)}"):
            read(words)
            continue
        ran = front(*words, "--yes", stdin=piped)
        assert not faults(line, ran)
        assert "--help`" not in ran.err, ran.err
        if ran.code != ExitCode.DONE:
            break
        piped = ran.out


def test_most_examples_are_run_to_their_end() -> None:
    assert sum(LONG.match(line) is None for line in FOUND) > 80

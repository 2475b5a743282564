"""The command lines of the blocks `sh by-hand` (docs/README.md) that are not kt's: each is run, in
a smaller size where it takes long, or stands here with the reason why not. Those of kt are in
tests/cli/test_examples.py."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace as Namespace
from typing import Any

import pytest

from kt.broker.rest.rate_limit import Pacer
from kt.broker.rest.send_progress import SendProgress
from kt.engine.workers import Workers
from kt.steps.orders import place
from tests.bench import stop
from tests.cli import test_docs, test_top_picture
from tests.cli.example_lines import ASSIGNED, by_hand, found_in
from tests.command_lines import ROOT
from tests.crash import test_matrix
from tests.test_docs_pages import BY_HAND, RUNS, blocks

PIP = "needs a package index; .ci/run installs kt and its test extra like this"
CHECK = ".ci/run runs it, over everything"
NOT_RUN = {
    "python3 -m venv .venv": PIP,
    ".venv/bin/pip install -q .": PIP,
    ".venv/bin/pip install -q '.[test]'": PIP,
    ".venv/bin/pip install -q -e '.[test]'": PIP,
    ".ci/run": "runs these tests",
    ".venv/bin/pytest -q -n 2 --dist worksteal": "is how .ci/run runs these tests",
    "pytest -q -n 2 --dist worksteal": "is how .ci/run runs these tests",
    "ruff check .": CHECK,
    "ruff format .": CHECK,
    "mypy": CHECK,
    "python -m tests.bench.exchange": "takes half a minute, whatever it is told",
    "python -m tests.tools.pictures report": "needs Chromium, and would replace a picture",
    "python tests/tools/make_performance_vectors.py": "needs a library that is no extra of kt's",
}
ELSEWHERE: dict[str, Callable[..., None]] = {
    "python -m tests.crash.test_soak 46 2530": (
        test_matrix.test_after_a_kill_at_any_point_the_books_agree_with_the_broker
    ),
    "python -m kt.cli.docs --write": test_docs.test_check_fails_when_stale_and_write_mends_it,
    "python -m tests.tools.make_screen_picture": test_top_picture.test_the_picture_is_fresh,
}
"""The tests that run the same: these seeds, or, in another place, what would change files."""
SMALLER = {
    "python -m tests.crash.test_exit_soak 7 8": "python -m tests.crash.test_exit_soak 7",
    "python -m tests.bench.stop --exits 50": "python -m tests.bench.stop --exits 50 --help",
    "python -m tests.bench.pace --stocks 50": "python -m tests.bench.pace --stocks 2",
    "python -m tests.bench.stream": "python -m tests.bench.stream 1000",
    "python tests/bench/startup.py": "python tests/bench/startup.py 1",
    "python -m tests.bench.backtest": "python -m tests.bench.backtest --help",
    "python -m tests.bench.backtest --sma --days 10": (
        "python -m tests.bench.backtest --sma --days 1"
    ),
}
"""What takes seconds in place of a minute."""
GIT = [line for line in by_hand() if line.startswith("git grep ")]


def programs() -> list[str]:
    """The commands of all lines that are not kt's, each once."""
    lines = [part for line in by_hand() for part in line.split(" && ")]
    return [*dict.fromkeys(line for line in lines if not found_in(line))]


PYTEST = [line for line in programs() if "pytest " in line and line not in NOT_RUN]


def test_every_line_is_run_or_says_why_not() -> None:
    run = {*SMALLER, *ELSEWHERE, *PYTEST, *GIT}
    assert set(programs()) == run | NOT_RUN.keys()
    assert not run & NOT_RUN.keys()
    assert test_matrix.FOUND_BY_SEED == (46, 2530)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("line", SMALLER)
def test_a_program_runs(line: str) -> None:
    done = subprocess.run(
        [sys.executable, *SMALLER[line].split()[1:]],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout and "Traceback" not in done.stderr, done.stderr


def test_the_stop_benchmark_finds_what_it_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which changes of kt can take away; to measure takes half a minute."""
    monkeypatch.setattr(place, "hit", place.hit)
    monkeypatch.setattr(SendProgress, "trace", SendProgress.trace)
    workers, pacer = Namespace(start=Workers.start), Namespace(wait=Pacer.wait)
    day: Any = Namespace(runtime=Namespace(workers=workers))
    app: Any = Namespace(pacer=pacer)
    stop.watch(stop.Marks(), app, day)
    assert pacer.wait is not Pacer.wait and workers.start is not Workers.start


@pytest.mark.skipif(shutil.which("git") is None, reason="no git")
@pytest.mark.parametrize("line", GIT)
def test_git_finds_something(line: str) -> None:
    words = shlex.split(line)
    words[2:2] = ["--no-index"]  # an unpacked archive is no repository
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout


COLLECT = """
import json, os, sys
import pytest

class Counted:
    def pytest_collection_finish(self, session):
        self.items = len(session.items)

for environ, words in json.load(sys.stdin):
    os.environ.update(environ)
    counted = Counted()
    code = pytest.main([*words, "--collect-only", "-qqq"], plugins=[counted])
    print("collected", int(code), counted.items)
"""


def test_pytest_selects_tests() -> None:
    """In one process, for the imports. In place of a folder its first file with such tests is
    given, and in place of all folders that of one."""
    jobs = []
    for line in PYTEST:
        words = shlex.split(line)
        given = dict(found.groups() for word in words if (found := ASSIGNED.match(word)))
        words = words[len(given) + 1 :]
        soak = "soak" in words
        files = [] if "tests" in line else [first_file("tests/day", soak=soak)]
        jobs.append((given, [*(first_file(word, soak=soak) for word in words), *files]))
    done = subprocess.run(
        [sys.executable, "-c", COLLECT],
        input=json.dumps(jobs), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
    )  # fmt: skip
    found = re.findall(r"^collected (\d) (\d+)$", done.stdout, re.MULTILINE)
    assert len(found) == len(PYTEST), done.stdout + done.stderr
    wrong = [
        line
        for line, (code, items) in zip(PYTEST, found, strict=True)
        if code != "0" or items == "0"
    ]
    assert not wrong, done.stdout


def first_file(word: str, *, soak: bool) -> str:
    """A file in place of a folder; other words as they are."""
    if not (ROOT / word).is_dir():
        return word
    files = sorted((ROOT / word).rglob("test_*.py"))
    chosen = (path for path in files if not soak or "mark.soak" in path.read_text("utf-8"))
    return str(next(chosen, ROOT / word))


def test_the_korean_readme_has_the_same_commands() -> None:
    """But for what is said beside them, and two more that show kt in Korean."""

    def commands(name: str, info: str) -> list[str]:
        lines = "".join(blocks(ROOT / name, info)).splitlines()
        return [re.sub(r"\s+#.*", "", line) for line in lines]

    assert commands("docs/README.ko.md", BY_HAND) == commands("README.md", BY_HAND)
    more = {"kt --help --lang ko", "kt balance --lang ko"}
    run = [line for line in commands("docs/README.ko.md", RUNS) if line not in more]
    assert run == commands("README.md", RUNS)

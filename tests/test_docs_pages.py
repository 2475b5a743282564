"""The developer pages are true: links and anchors lead somewhere, paths exist, commands run.

A block fenced as `sh` runs, on an embedded exchange in a temporary folder. The lines of one fenced
as `sh by-hand` are run one by one: those of kt in tests/cli/test_examples.py and
tests/cli/test_long_examples.py, the others in tests/test_by_hand.py.
"""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from kt.app import App
from tests.cli.front import Front
from tests.cli.test_help import PATHS, resolve
from tests.command_lines import NAMED, ROOT, faults_of_kt
from tests.fakes import World

PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`]*`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
CITED = re.compile(r"\bdocs/[\w-]+\.md(?:#[\w-]+)?")
RUNS, BY_HAND = "sh", "sh by-hand"
CONFIG = "simulator: {speed: 20}\nscan: {fast_keep: 10, deep_keep: 4, ai_keep: 2}\n"
"""The exchange's seconds pass fast, and with them its request limits."""

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """Where the page points, on this machine."""
    return [link for link in LINK.findall(CODE.sub("", prose(page))) if "://" not in link]


def blocks(page: Path, info: str) -> Iterator[str]:
    for fence in FENCE.finditer(page.read_text(encoding="utf-8")):
        if fence[1] == info:
            yield fence[2]


@cache
def anchors(page: Path) -> frozenset[str]:
    """The names under which GitHub finds a page's headings, and those given by hand."""
    text = prose(page)
    found = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    return frozenset(found | set(re.findall(r'<a id="([^"]+)">', text)))


def missing(target: str, base: Path) -> bool:
    """Whether a relative link leads nowhere."""
    path, _, anchor = target.partition("#")
    page = (base.parent / path).resolve() if path else base
    return not page.exists() or bool(anchor and anchor not in anchors(page))


@every_page
def test_every_link_and_anchor_resolves(page: Path) -> None:
    assert not [link for link in links(page) if missing(link, page)]


@every_page
def test_every_path_exists(page: Path) -> None:
    named = set(NAMED.findall(page.read_text(encoding="utf-8")))
    assert not sorted(name for name in named if not (ROOT / name).exists())


def test_the_index_names_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    pages = {page.name for page in PAGES if page.parent == index.parent}
    assert pages - {index.name} <= set(links(index))


def test_every_citation_in_the_code_resolves() -> None:
    sources = [path for folder in ("kt", "tests") for path in (ROOT / folder).rglob("*.py")]
    wrong = [
        f"{path.relative_to(ROOT)}: {cited}"
        for path in sources
        for cited in CITED.findall(path.read_text(encoding="utf-8"))
        if missing(cited, ROOT / "README.md")
    ]
    assert not wrong


@every_page
def test_every_block_says_what_it_is(page: Path) -> None:
    infos = {fence[1] for fence in FENCE.finditer(page.read_text(encoding="utf-8"))}
    assert infos <= {"", RUNS, BY_HAND}


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """The front door before kt's own adapters; the exchange starts when a command needs it."""
    folder = tmp_path_factory.mktemp("pages")
    made = Front(folder, World(folder))
    made.configure(CONFIG)
    yield made
    made("sim", "stop", build_app=real_app)


def real_app(session: Any) -> App:
    return App(session.config, session.environ, session.tell)


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(blocks(page, RUNS))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_blocks_run(page: Path, front: Front) -> None:
    for line in "".join(blocks(page, RUNS)).splitlines():
        piped = ""
        for part in line.split("|"):
            program, *words = shlex.split(part, comments=True)
            assert program == "kt", f"{line}: only kt runs here; fence it as `{BY_HAND}`"
            ran = front(*words, stdin=piped, build_app=real_app)
            assert ran.code == 0, f"{part.strip()}: {ran.err}"
            piped = ran.out


@every_page
def test_commands_in_the_text_exist(page: Path) -> None:
    spans = re.findall(r"`kt (-?-?\w[^`]*)`", re.sub(r"\s+", " ", prose(page)))
    assert not [f"kt {span}: {fault}" for span in spans for fault in faults_of_kt(span.split())]


EXAMPLE = re.compile(r"^ {2,4}((?:KT_\w+=\S+ )?kt [^\n]+)$", re.MULTILINE)
CONTINUED = re.compile(r"\|\s*\n\s+")


def examples(text: str) -> list[str]:
    """The command lines of a topic or a help text: indented, without what is said beside them."""
    found = EXAMPLE.findall(CONTINUED.sub("| ", re.sub(r"\\\n\s+", "", text)))
    return [re.split(r"\s{2,}(?=\S)", line.strip())[0] for line in found]


def texts() -> Iterator[tuple[str, str]]:
    """Every topic in every language, and the help of every command."""
    folder = ROOT / "kt" / "cli" / "topics"
    for page in (*sorted(folder.glob("*.md")), *sorted(folder.glob("*/*.md"))):
        yield str(page.relative_to(folder)), page.read_text(encoding="utf-8")
    for path in PATHS:
        yield f"kt {' '.join(path)} --help", inspect.cleandoc(resolve(path).help or "")


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in texts()])
def test_commands_in_topics_and_help_exist(text: str) -> None:
    spans = re.findall(r"`kt (-?-?\w[^`]*)`", re.sub(r"\s+", " ", text))
    assert not [f"kt {span}: {fault}" for span in spans for fault in faults_of_kt(span.split())]


def test_translated_topics_have_the_same_examples() -> None:
    """Which are run (tests/cli/test_examples.py)."""
    found = dict(texts())
    other = {name: text for name, text in found.items() if "/" in name}
    assert len(other) > 10
    assert not [
        name
        for name, text in other.items()
        if examples(text) != examples(found[name.partition("/")[2]])
    ]


def test_examples_are_found_at_all() -> None:
    assert sum(len(examples(text)) for _, text in texts()) > 100

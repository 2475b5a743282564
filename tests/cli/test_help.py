"""Every command explains itself within 80 columns and loads nothing heavy to do so."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from kt import __version__
from kt.cli.command_table import COMMANDS
from kt.cli.root import root
from kt.cli.support.click_extensions import GLOBAL_OPTIONS, Command, LazyGroup
from kt.cli.topics import TOPICS, topic_text
from kt.rules.risk.denials import DENIALS
from tests.cli.front import Front

HEAVY = (
    "httpx",
    "websocket",
    "google",
    "google.generativeai",
    "sqlite_utils",
    "yaml",
    "tabulate",
    "starlette",
    "uvicorn",
)


def commands() -> Iterator[tuple[str, ...]]:
    """Every command's words; () is kt itself."""
    context = click.Context(root)
    yield ()
    for name in COMMANDS:
        found = root.get_command(context, name)
        yield (name,)
        if isinstance(found, LazyGroup):
            yield from ((name, below) for below in found.entries)


PATHS = tuple(commands())


def resolve(path: tuple[str, ...]) -> click.Command:
    found: click.Command = root
    for word in path:
        assert isinstance(found, click.Group)
        below = found.get_command(click.Context(found), word)
        assert below is not None
        found = below
    return found


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_help_of_every_command_exists_and_fits(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str], front: Front
) -> None:
    ran = front(*path, "--help")
    text = capsys.readouterr().out
    assert ran.code == 0
    assert text.startswith(f"Usage: {' '.join(('kt', *path))} [OPTIONS]")
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "Global options:" in text
    assert len(resolve(path).help or "") > 20


@pytest.mark.parametrize("path", [path for path in PATHS if path], ids=" ".join)
def test_the_tables_name_what_is_there(path: tuple[str, ...]) -> None:
    command = resolve(path)
    assert command.name == path[-1]
    assert isinstance(command, Command | LazyGroup)


def test_every_option_is_explained() -> None:
    silent = [
        f"{' '.join(path)} {parameter.name}"
        for path in PATHS
        for parameter in resolve(path).params
        if isinstance(parameter, click.Option) and not parameter.help and parameter.name != "by"
    ]
    assert not silent


def test_kt_alone_and_a_group_alone_show_their_help(
    front: Front, capsys: pytest.CaptureFixture[str]
) -> None:
    assert front().code == 0
    assert capsys.readouterr().out.startswith("Usage: kt [OPTIONS]")
    assert front("order").code == 0
    assert "resolve  Settle an order whose outcome is unknown." in capsys.readouterr().out


def test_version(front: Front, capsys: pytest.CaptureFixture[str]) -> None:
    assert front("--version").code == 0
    assert capsys.readouterr().out == f"kt {__version__}\n"


def test_help_loads_nothing_heavy() -> None:
    """One process asks for every help in turn and names what each brought in."""
    script = f"""
import sys
before = set(sys.modules)  # an installed namespace package may be there from the start
import contextlib, io
from kt.cli.entry import run
heavy = set({HEAVY!r}) - before | {{"msgspec", "kt.records"}}
found = []
for path in {PATHS!r}:
    with contextlib.redirect_stdout(io.StringIO()):
        assert run([*path, "--help"]) == 0, path
    loaded = [name for name in heavy if name in sys.modules]
    if loaded:
        found.append((path, loaded))
        break
print(found)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]", done.stdout


def test_api_help_loads_no_transport() -> None:
    script = (
        "import sys\nbefore = set(sys.modules)\nimport contextlib, io\n"
        "from kt.cli.entry import run\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    assert run(['api', 'ka10001', '--help']) == 0\n"
        f"print([name for name in set({HEAVY!r}) - before if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("topic", TOPICS)
def test_topics_are_complete_and_fit(topic: str, front: Front) -> None:
    ran = front("help", topic)
    assert ran.code == 0 and ran.err == ""
    assert ran.out == topic_text(topic)
    assert ran.out.startswith("# ") and "{{" not in ran.out
    assert max(len(line) for line in ran.out.splitlines()) <= 80


def test_help_lists_topics_and_shows_commands(front: Front) -> None:
    listed = front("help").out
    assert all(f"  {name}" in listed for name in TOPICS)
    assert front("help", "order", "buy").out.startswith("Usage: kt order buy [OPTIONS] STOCK")
    wrong = front("help", "pipe")
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err == "kt: there is no topic or command 'pipe'. Did you mean `kt help pipes`?\n"


def test_topics_hold_every_generated_part() -> None:
    assert all(code.value in topic_text("denials") for code in DENIALS)
    assert "8005" in topic_text("errors") and "RC4003" in topic_text("errors")
    assert "per_stock" in topic_text("configuration")
    assert "KT_STATE_DIR" in topic_text("environment")
    assert "outcome unknown" in topic_text("exit-codes")


def test_a_terminal_gets_headings_in_bold(front: Front) -> None:
    assert front("help", "pipes", terminal=True, color=True).out.startswith("\x1b[1mPipes\x1b[0m")
    assert front("help", "pipes", terminal=True).out.startswith("# Pipes")


@pytest.mark.parametrize("where", ["before", "after"])
def test_global_options_stand_before_or_after(where: str, front: Front) -> None:
    arguments = ["status"] if where == "after" else []
    arguments += ["--dry-run", "-o", "yaml", "--profile", "mock"]
    arguments += ["status"] if where == "before" else []
    ran = front(*arguments)
    assert ran.code == 0
    assert "profile: mock" in ran.out and "dry_run: true" in ran.out


def test_the_nearer_global_option_wins(front: Front) -> None:
    assert front("-o", "csv", "status", "-o", "yaml").out.startswith("kt: 1\n")


def test_every_command_takes_the_global_options() -> None:
    for path in PATHS:
        command = resolve(path)
        taken = command.get_params(click.Context(command))
        assert set(GLOBAL_OPTIONS) <= set(taken), path

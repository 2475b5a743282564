"""The edges of a shell, for every command: readers that leave, no terminal, no home, folders that
cannot be written, narrow terminals, Ctrl-C, and what people paste."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from kt.app import App
from kt.cli.entry import run
from kt.cli.show.width import width_of
from kt.cli.support.cli_context import CliContext
from kt.cli.support.click_extensions import LazyGroup
from kt.cli.support.console import Console
from kt.errors import ExitCode
from kt.text import steering
from tests.cli.front import FakeApp, Front, Ran
from tests.cli.terminal import Terminal
from tests.cli.test_help import PATHS, resolve
from tests.cli.test_hostile import CANDIDATES, DECISIONS
from tests.cli.test_walk import Shell, opened
from tests.fakes import SAMSUNG

DOCUMENTED = {*map(int, ExitCode), 130}
COMMANDS = tuple(
    " ".join(path) for path in PATHS if path and not isinstance(resolve(path), LazyGroup)
) + tuple(
    " ".join(path)
    for path in PATHS
    if path and isinstance(found := resolve(path), LazyGroup) and found.alone
)
"""Every command that does something by itself."""
CASES: dict[str, tuple[tuple[str, ...], str]] = {
    "init": (("--force", "--no-test"), ""),
    "doctor": ((), ""),
    "auth login": ((), ""),
    "auth status": ((), ""),
    "auth logout": ((), ""),
    "sim start": ((), ""),
    "sim serve": ((), ""),
    "sim stop": ((), ""),
    "sim status": ((), ""),
    "sim scenario": (("stop",), ""),
    "sim reset": ((), ""),
    "balance": ((), ""),
    "watch": ((SAMSUNG, "--count", "2"), ""),
    "pnl": ((), ""),
    "report": ((), ""),
    "top": ((), ""),
    "status": ((), ""),
    "log": (("--kind", "all"), ""),
    "log decision": (("nothing",), ""),
    "log prune": (("--keep-days", "1"), ""),
    "scan fast": ((), ""),
    "scan deep": ((), CANDIDATES),
    "scan ai": ((), CANDIDATES),
    "scan condition": ((), ""),
    "analyze": ((SAMSUNG,), ""),
    "check": ((), DECISIONS),
    "order buy": ((SAMSUNG, "1", "--price", "70000"), ""),
    "order sell": ((SAMSUNG, "1", "--price", "70000"), ""),
    "order amend": (("101", "--price", "70100"), ""),
    "order cancel": (("101",), ""),
    "order list": (("--all",), ""),
    "order submit": ((), DECISIONS),
    "order resolve": (("101", "--not-placed"), ""),
    "run": (("--once",), ""),
    "backtest": (("--analyst", "replay", "--answers", "nothing"), ""),
    "sweep": (("--over", "exits.nothing=1,2"), ""),
    "replay": (("nothing.ktrec",), ""),
    "latency": (("--by", "api"), ""),
    "compare": (("nothing", "nothing"), ""),
    "service install": ((), ""),
    "halt": ((), ""),
    "reduce": ((), ""),
    "flatten": ((), ""),
    "resume": ((), ""),
    "notify test": ((), ""),
    "api": (("ka10001", SAMSUNG), ""),
    "schema": ((), ""),
    "completion install": (("bash", "--print"), ""),
    "help": (("safety",), ""),
}
"""Every command's arguments and stdin for a call that does something."""


def test_every_command_has_a_case() -> None:
    assert set(CASES) == set(COMMANDS)


@pytest.fixture
def front(reachable_front: Front) -> Front:
    return reachable_front


def every(front: Front, *more: str, **how: Any) -> Iterator[tuple[str, Ran]]:
    """Each command once, a second after the one before."""
    for name, (arguments, stdin) in CASES.items():
        yield name, front(*name.split(), *arguments, *more, **({"stdin": stdin} | how))
        front.world.clock.advance(1)


def faults(name: str, ran: Ran) -> list[str]:
    """What no call may end in."""
    found = [] if ran.code in DOCUMENTED else [f"{name}: exit code {ran.code}"]
    bad = ("unexpected error", "Traceback", "could not be written")
    return found + [f"{name}: {ran.err}" for words in bad if words in ran.err]


class GoneReader(io.StringIO):
    """A pipe whose reader has left."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_reader_that_has_left_is_no_error(front: Front) -> None:
    """What a command did or found decides its exit code, not who reads it."""
    found = dict(every(front, stdout=GoneReader()))
    assert not [fault for name, ran in found.items() for fault in faults(name, ran)]
    looks = ("balance", "status", "pnl", "log", "schema", "help", "scan fast", "order list", "api")
    assert {found[name].code for name in (*looks, "order buy", "order sell")} == {ExitCode.DONE}


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_terminal_of_twenty_columns(front: Front, lang: str) -> None:
    """Messages are wrapped; what has no blank is not cut."""
    for name, ran in every(front, "--lang", lang, terminal=True, person=True, width=20):
        assert not faults(name, ran)
        for line in ran.err.replace("\r", "\n").splitlines():
            wide = re.sub(r"\x1b\[[0-9;]*[mK]", "", line)
            assert width_of(wide) <= 20 or " " not in wide.strip(), (name, line)


class CtrlC(io.BytesIO):
    """A person who answers every question with Ctrl-C."""

    asked = False

    def readinto(self, buffer: Any) -> int:
        self.asked = True
        raise KeyboardInterrupt

    read1 = read = readinto  # type: ignore[assignment]


ASKING = {
    *("init", "order buy", "order sell", "order amend", "order cancel", "flatten", "run"),
}
"""The commands that ask on a terminal, with the arguments above."""


def test_ctrl_c_at_every_question_sends_nothing(front: Front) -> None:
    """On `mock`, where orders are confirmed."""
    front("order", "buy", SAMSUNG, "1", "--price", "69000")
    before = len(front.world.broker.sent)
    asking = set()
    for name, (arguments, stdin) in CASES.items():
        if stdin:  # which is the document
            continue
        person, err = CtrlC(), io.StringIO()
        console = Console(
            io.TextIOWrapper(person), io.StringIO(), err,
            in_terminal=True, out_terminal=True, err_terminal=True, width=80, environ=front.environ,
        )  # fmt: skip
        cli = CliContext(
            console=console,
            environ=front.environ,
            build_app=lambda made: FakeApp(front, made),  # type: ignore[arg-type,return-value]
        )
        given = tuple("0000101" if word == "101" else word for word in arguments)
        code = run([*name.split(), *given, "--profile", "mock"], cli)
        if person.asked:
            asking.add(name)
            assert code == 130, (name, code, err.getvalue())
        assert not faults(name, Ran(code, "", err.getvalue()))
    assert asking == ASKING
    assert len(front.world.broker.sent) == before


class Interrupted:
    """A door of the world at which Ctrl-C is pressed."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)

        def pressed(*given: object, **named: object) -> Any:
            if threading.current_thread() is threading.main_thread():
                raise KeyboardInterrupt  # as Python does it
            return found(*given, **named)

        return pressed if callable(found) else found


@pytest.mark.parametrize("door", ["market", "broker", "analyst"])
def test_ctrl_c_while_something_is_asked_ends_quietly(front: Front, door: str) -> None:
    setattr(front.world, door, Interrupted(getattr(front.world, door)))
    stopped = set()
    for name, ran in every(front):
        assert not faults(name, ran)
        if ran.code == 130:
            stopped.add(name)
            assert ran.out == "", name
    assert {"market": "scan fast", "broker": "balance", "analyst": "analyze"}[door] in stopped


def test_without_a_home_nothing_is_written_beside(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container whose user has no entry in /etc/passwd."""
    for name in list(os.environ):
        if name == "HOME" or name.startswith("XDG_"):
            monkeypatch.delenv(name)

    def nobody(number: int) -> Any:
        raise KeyError(number)

    monkeypatch.setattr("pwd.getpwuid", nobody)
    del front.environ["KT_STATE_DIR"], front.environ["KT_CONFIG"]
    (front.folder / "config.yaml").unlink()
    for name, ran in every(front):
        assert not faults(name, ran)
        if ran.code == ExitCode.USAGE and "home" in ran.err:
            assert "KT_STATE_DIR" in ran.err or name == "init", (name, ran.err)
    assert not [path.name for path in front.folder.iterdir() if path.name.startswith("~")]
    assert "KT_STATE_DIR" in front("balance").err
    assert front("schema").code == front("help", "safety").code == 0


def real_app(session: Any) -> App:
    return App(session.config, session.environ, session.tell)


def read_only() -> Path:
    """A folder in which nobody can make anything, not even root: the kernel's own."""
    return Path("/sys/kernel/kt")


@pytest.mark.parametrize("where", ["read-only", "a file is in the way"])
def test_a_state_folder_that_cannot_be_used_is_named(front: Front, where: str) -> None:
    front.environ |= {"KT_BASE_URL": "http://127.0.0.1:9", "KT_WS_URL": "ws://127.0.0.1:9"}
    front.environ |= {"KT_APP_KEY": "key", "KT_SECRET_KEY": "secret"}
    (front.folder / "file").write_text("")
    folder = read_only() if where == "read-only" else front.folder / "file" / "state"
    front.environ["KT_STATE_DIR"] = str(folder)
    needs = set()
    for name, ran in every(front, "--profile", "mock", build_app=real_app):
        assert not faults(name, ran)
        if str(folder) in ran.err:
            needs.add(name)
            assert ran.code == ExitCode.ERROR or name == "doctor", (name, ran.code, ran.err)
            assert "KT_STATE_DIR" in ran.err or "another" in ran.err, (name, ran.err)
    assert needs >= {"balance", "order buy", "run", "halt", "log", "status", "scan fast"}


@pytest.mark.parametrize(
    "line",
    [
        ("init", f"{read_only()}/config.yaml", "--no-test"),
        ("init", f"{read_only()}/config.yaml", "--no-test", "--key-file", "keys"),
        ("completion", "install", "bash"),
        ("completion", "install", "fish"),
        ("service", "install", "--write"),
        ("backtest", "--folder", f"{read_only()}/here"),
    ],
    ids=" ".join,
)
def test_output_that_has_no_place_is_said(
    front: Front, line: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    (front.folder / "keys").write_text("key\nsecret\n")
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        front.environ[name] = str(read_only())
        monkeypatch.setenv(name, str(read_only()))
    ran = front(*line)
    assert ran.code in {ExitCode.ERROR, ExitCode.USAGE}, ran.err
    assert not faults(line[0], ran)
    assert str(read_only()) in ran.err.replace("\n    ", " ")


SAMPLES: dict[str, tuple[str, ...]] = {
    "stock": ("005930", "삼성전자"),
    "quantity": ("10", "1,000,000won", "50%"),
    "price": ("70,000", "+2t", "-1%"),
    "shares": ("1,000",),
    "won": ("5,000,000",),
    "day": ("2026-11-23",),
    "time": ("2026-11-23", "10:30", "2026-11-23T10:30"),
    "integer range": ("5",),
    "float range": ("0.5",),
    "order": ("0000101",),
    "text": ("0000101", "10:30"),
    "types": ("01,0B",),
    "state": ("FILLED",),
}
"""For every kind of value with digits, by its type's name: what may be typed for it."""
AS_IT_IS = {"choice", "file", "path", "boolean", "integer"}
"""Kinds that hold names, paths or a number of times an option is given."""
FREE_TEXT = {
    *("init path", "init notify", "scan condition name", "help topic", "order buy client_id"),
    *("order sell client_id", "order submit client_id", "backtest settings", "sweep over"),
    *("sweep settings", "sweep study", "sweep storage"),
    *("halt reason", "reduce reason", "flatten reason", "resume reason", "api body"),
}
"""Texts that are taken as they are: names, paths, reasons, and ids of the caller's own."""
WIDE = {ord("!") + n: 0xFF01 + n for n in range(0x5E)}


def pasted(text: str) -> Iterator[str]:
    """The text as it comes from a Korean page, a spreadsheet, a messenger."""
    yield text.translate(WIDE)
    yield f"\u3000{text}\u00a0"
    yield f"\u200b{text}\ufeff"
    yield "\u200b".join(text)
    yield f"\u200e{text.translate(WIDE)}\u2009"


def values() -> Iterator[tuple[str, click.Parameter]]:
    for name in COMMANDS:
        for parameter in resolve(tuple(name.split())).params:
            yield f"{name} {parameter.name}", parameter


@pytest.mark.parametrize(
    ("where", "parameter"), [pytest.param(*pair, id=pair[0]) for pair in values()]
)
def test_what_is_pasted_means_what_it_shows(where: str, parameter: click.Parameter) -> None:
    """Every argument and option of every command."""
    kind = parameter.type
    if kind.name in AS_IT_IS or where in FREE_TEXT:
        return
    assert kind.name in SAMPLES, f"{where}: what may be pasted for {kind.name!r}?"
    for sample in SAMPLES[kind.name]:
        expected = kind.convert(sample, parameter, None)
        for text in pasted(sample):
            assert kind.convert(text, parameter, None) == expected, (where, text)


def test_a_pasted_order_is_sent_as_it_shows(front: Front) -> None:
    ran = front(
        "order", "buy", "\u200b００５９３０\u3000", "５\u00a0", "--price", "７０，０００\ufeff"
    )
    assert ran.code == 0, ran.err
    (sent,) = front.world.broker.sent
    assert (sent.stock_code, sent.quantity, sent.price) == (SAMSUNG, 5, 70_000)  # type: ignore[union-attr]
    assert front("order", "cancel", "\u3000０００\u200b０１０１").code == 0
    assert front("pnl", "--since", "２０２６-１１-２３\u00a0").code == 0


LOCALES: tuple[dict[str, str], ...] = (
    {},
    {"LC_ALL": "C"},
    {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
)


@pytest.mark.parametrize("locale", LOCALES, ids=str)
def test_korean_without_a_locale(locale: dict[str, str], tmp_path: Path) -> None:
    """Every help in Korean, by one process without LANG and HOME; and a Korean argument."""
    script = f"""
import sys
from kt.cli.entry import run
for name in {COMMANDS!r}:
    assert run([*name.split(), "--help", "--lang", "ko"]) == 0, name
assert run(["help", "safety", "--lang", "ko"]) == 0
sys.exit(run(["help", *sys.argv[1:], "--lang", "ko"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, "삼성전자"],
        env={"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.defpath} | locale,
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=False,
    )
    said = done.stderr.decode()
    assert done.returncode == ExitCode.USAGE, said
    assert "삼성전자" in said and "Traceback" not in said
    shown = done.stdout.decode()
    assert shown.count("사용법: kt ") == len(COMMANDS)
    assert not [line for line in shown.splitlines() if steering(line)]


@pytest.mark.parametrize("line", ["--help", "help configuration", "api", "order --help"])
def test_head_of_any_output_is_quiet(line: str) -> None:
    """A reader that has gone before kt writes."""
    done = subprocess.run(
        f"({{ sleep 0.3; {sys.executable} -m kt {line}; echo $? >&3; }} | true) 3>&1",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with opened(tmp_path_factory.mktemp("edges")) as made:
        yield made


LONG = (
    ("run", "stream connected", 0),
    ("watch 005930", "삼성전자", 130),
    ("log --follow --kind all", "run", 130),
    ("backtest --days 60", "waiting for", 130),
    ("sim serve --port 0", "http://127.0.0.1", 0),
)
"""Commands that go on until they are ended, what shows that they run, and their exit code."""


@pytest.mark.parametrize(("line", "begun", "code"), LONG, ids=str)
def test_ctrl_c_ends_a_long_command(shell: Shell, line: str, begun: str, code: int) -> None:
    environ = shell.environ | {"TERM": "xterm", "KT_CONFIG": str(shell.folder / "config.yaml")}
    if line.startswith("sim"):
        environ |= {"KT_STATE_DIR": str(shell.folder / "another")}
    terminal = Terminal([sys.executable, "-m", "kt", *line.split()], environ, columns=80)
    terminal.until(begun, seconds=40)
    terminal.keys("\x03")
    shown = terminal.rest()
    assert terminal.echoes
    assert terminal.close() == code, shown
    assert "Traceback" not in shown and "unexpected error" not in shown

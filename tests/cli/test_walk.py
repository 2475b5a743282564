"""The whole way as a user goes it: real processes, pipes and terminals on the real exchange."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import sqlite3
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from wcwidth import wcswidth

from kt.cli.support.progress import CLEAR

KT = f"{sys.executable} -m kt"
CONFIG = "simulator:\n  speed: 5\nscan:\n  fast_keep: 15\n  deep_keep: 8\n"
"""The exchange's seconds pass fast, and with them its request limits."""
SECONDS = 60


@dataclass(frozen=True)
class Shell:
    """A user's shell: one state folder, one running exchange."""

    folder: Path
    environ: dict[str, str]

    def __call__(self, line: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """One line of bash in which `kt` is kt; a pipe fails with its last failing part."""
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", f'kt() {{ {KT} "$@"; }}\n{line}'],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
            env=self.environ | environ,
            cwd=self.folder,
        )

    def items(self, line: str) -> list[dict[str, Any]]:
        done = self(line)
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)["items"]
        return found


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with opened(tmp_path_factory.mktemp("walk")) as made:
        yield made


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Shell]:
    """A shell whose exchange nobody has traded on."""
    with opened(tmp_path) as made:
        yield made


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Shell]:
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KT_")}
    environ = kept | {"KT_STATE_DIR": str(folder / "state"), "PYTHONPATH": str(Path.cwd())}
    environ.pop("GEMINI_API_KEY", None)
    made = Shell(folder, environ)
    try:
        yield made
    finally:
        made("kt sim stop")


@contextlib.contextmanager
def terminal(shell: Shell, *arguments: str, **environ: str) -> Iterator[tuple[Any, int]]:
    """kt with a terminal of 80 columns as all three streams; the process and our end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "kt", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=shell.environ | {"TERM": "xterm-256color"} | environ,
        cwd=shell.folder,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait(10)
        os.close(ours)


def read(ours: int, until: str = "") -> str:
    """What the terminal shows, until a text stands there or the program has ended."""
    text, end = b"", time.monotonic() + SECONDS
    while time.monotonic() < end and not (until and until.encode() in text):
        if not select.select([ours], [], [], 0.2)[0]:
            continue
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        text += part
    return text.decode().replace("\r\n", "\n")


def order_ids(shell: Shell) -> set[str]:
    """The journal as any SQLite tool reads it."""
    path = shell.folder / "state" / "sim" / "kt.db"
    if not path.exists():
        return set()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return {row[0] for row in connection.execute("SELECT order_id FROM orders")}


def test_the_pipe_trades(fresh: Shell) -> None:
    done = fresh(
        "kt scan fast | kt scan deep | kt scan ai | kt analyze | kt check | kt order submit --wait"
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["kind"], document["profile"]) == ("orders", "sim")
    assert any(order["state"] == "FILLED" for order in document["items"]), done.stderr
    assert {order["order_id"] for order in document["items"]} <= order_ids(fresh)
    held = fresh.items("kt balance")[0]["positions"]
    assert all(position["stop_price"] < position["average_price"] for position in held)
    kinds = {row["kind"] for row in fresh.items("kt log --kind all -n 500")}
    assert {"run", "scan", "decision", "check", "order", "fill", "exit", "api_call"} <= kinds


def test_an_upstream_that_dies_leaves_nothing_that_can_be_traded(shell: Shell) -> None:
    before = order_ids(shell)
    done = shell("kt analyze 005930 | head -c 200 | kt check | kt order submit")
    assert done.returncode == 3 and done.stdout == ""
    assert "the input is truncated" in done.stderr and "the input is empty" in done.stderr
    assert order_ids(shell) == before


def test_run_once_reports_on_a_terminal(shell: Shell) -> None:
    with terminal(shell, "run", "--once", "--no-color") as (process, ours):
        text = read(ours)
        assert process.wait(10) == 0, text
    assert "One cycle on sim at " in text
    for part in ("Scanned", "Decided", "Held", "Result"):
        assert f"\n{part}\n" in text
    assert max(wcswidth(line) for line in text.splitlines()) <= 80


def test_tables_on_a_terminal_have_colours_and_fit(shell: Shell) -> None:
    for command in (["balance"], ["order", "list"]):
        with terminal(shell, *command) as (process, ours):
            text = read(ours)
            assert process.wait(10) == 0, text
        assert "\x1b[" in text or command != ["balance"]
        bare = "".join(part.split("m", 1)[-1] for part in text.split("\x1b["))
        assert max(wcswidth(line) for line in bare.splitlines()) <= 80, bare


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 5)])
def test_the_question_is_asked_on_a_real_terminal(answer: str, code: int, shell: Shell) -> None:
    """The mock profile, pointed at the exchange: another account, and kt asks."""
    exchange = shell.items("kt sim start")[0]
    address = {"KT_BASE_URL": exchange["base_url"], "KT_WS_URL": exchange["ws_url"]}
    keys = {"KT_APP_KEY": "someone", "KT_SECRET_KEY": "else"}
    wanted = ("flatten", "--profile", "mock", "--no-color")
    with terminal(shell, *wanted, **address, **keys) as (process, ours):
        shown = read(ours, until="Sell everything? [y/N] ")
        _, _, question = shown.rpartition(CLEAR)  # after the line about what is waited for
        assert question.startswith("All positions below are sold at market,"), shown
        os.write(ours, f"{answer}\n".encode())
        after = read(ours)
        assert process.wait(10) == code, after
    assert ("kt: not confirmed; nothing was sent." in after) is (code == 5)


def test_sigterm_ends_the_day_cleanly(shell: Shell) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "kt", "run"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=shell.environ,
        cwd=shell.folder,
        start_new_session=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "stream connected" in line:
            break
    running = shell.items("kt status")[0]
    assert running["running"] and running["pid"] == process.pid
    assert shell("kt run --once --skip-if-running").returncode == 0
    process.terminate()
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    assert json.loads(out)["items"][0]["ended"] == "SIGTERM"


def test_watch_in_a_pipe_and_on_a_terminal(shell: Shell) -> None:
    done = shell("kt watch 005930 --type 01 --count 2 -q")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["type"] for line in done.stdout.splitlines()] == ["trade", "trade"]
    assert shell("kt watch 005930 -q | head -n 1").stdout.count("\n") == 1
    with terminal(shell, "watch", "005930", "000660", "--no-color") as (process, ours):
        text = read(ours, until="SK하이닉스")
        assert text.startswith("\x1b[?1049h\x1b[?25l")
        process.send_signal(signal.SIGINT)
        rest = read(ours)
        assert process.wait(10) == 130
    assert "\x1b[?25h\x1b[?1049l" in rest


def test_the_exchange_by_its_own_commands(shell: Shell) -> None:
    started = shell.items("kt sim start")[0]
    assert started["running"] and started["base_url"].startswith("http://127.0.0.1:")
    assert shell.items("kt sim status")[0]["pid"] == started["pid"]
    assert shell("kt sim start --open-at 9").returncode == 2
    assert shell("kt doctor").returncode == 0
    assert shell.items("kt sim stop") == [{"kind": "exchange", "running": False, "stopped": True}]
    gone = shell("kt sim status")
    assert gone.returncode == 1
    assert "kt: no exchange is running. `kt sim start` starts one." in gone.stderr
    assert shell.items("kt sim stop")[0]["stopped"] is False

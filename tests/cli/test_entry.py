"""Every end of a command: its exit code, its one line, and no traceback for the user."""

from __future__ import annotations

import errno
import io
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TextIO, cast

import pytest

from kt.cli.entry import INTERRUPTED
from kt.cli.support.console import Console
from kt.cli.support.messages import sentence
from kt.cli.support.termination import Terminated
from kt.errors import (
    AuthError,
    BrokerRefused,
    Busy,
    ConfigError,
    Denied,
    ExitCode,
    Halted,
    InputError,
    JournalError,
    KtError,
    OutcomeUnknown,
    RateLimited,
    StreamReplaced,
    UnknownStock,
    Unreachable,
    UsageError,
    WireError,
)
from tests.cli.front import Front

ERRORS = [
    (KtError, 1),
    (UsageError, 2),
    (ConfigError, 2),
    (InputError, 3),
    (AuthError, 4),
    (Denied, 5),
    (Halted, 6),
    (OutcomeUnknown, 7),
    (BrokerRefused, 8),
    (UnknownStock, 8),
    (Unreachable, 9),
    (RateLimited, 9),
    (StreamReplaced, 9),
    (JournalError, 1),
    (Busy, 1),
]


@pytest.mark.parametrize(("kind", "code"), ERRORS, ids=lambda item: getattr(item, "__name__", ""))
def test_every_error_has_its_exit_code(kind: type[KtError], code: int, front: Front) -> None:
    front.broken = kind("it happened", hint="Do this.")
    ran = front("status")
    assert (ran.code, ran.out, ran.err) == (code, "", "kt: it happened. Do this.\n")


def test_a_field_that_cannot_be_read_names_itself(front: Front) -> None:
    front.broken = WireError("ka10076.cntr[0].price", "12a")
    ran = front("status")
    assert (ran.code, ran.err) == (1, "kt: ka10076.cntr[0].price: '12a'.\n")


def test_every_exit_code_is_reached_by_an_error() -> None:
    reached = {kind.exit_code for kind, _ in ERRORS} | {ExitCode.DONE}
    assert reached == set(ExitCode)


def test_a_command_that_succeeds_exits_with_0(front: Front) -> None:
    assert front("status").code == ExitCode.DONE


def test_an_internal_error_is_one_line_and_a_traceback_file(front: Front) -> None:
    front.environ["GEMINI_API_KEY"] = "top-secret"
    front.broken = RuntimeError("a defect with top-secret in it\nand a second line")
    ran = front("status")
    assert (ran.code, ran.out) == (ExitCode.ERROR, "")
    assert ran.err.startswith("kt: unexpected error, sorry: RuntimeError: a defect with ")
    assert ran.err.count("\n") == 1 and "Traceback" not in ran.err
    place = Path(ran.err.rsplit(" ", 1)[1].strip())
    details = place.read_text(encoding="utf-8")
    assert "Traceback" in details and "in context" in details
    assert "top-secret" not in details
    assert place.stat().st_mode & 0o777 == 0o600


def test_a_system_error_names_its_file(front: Front) -> None:
    front.broken = PermissionError(13, "Permission denied", "/somewhere")
    ran = front("status")
    assert ran.code == ExitCode.ERROR
    assert ran.err.startswith("kt: /somewhere: no permission (Permission denied). Give yourself")


def test_a_system_limit_is_no_internal_error(front: Front) -> None:
    front.broken = MemoryError()
    ran = front("status")
    assert ran.code == ExitCode.ERROR
    assert ran.err == "kt: out of memory. End other programs, or raise the limit (`ulimit -v`).\n"
    front.broken = OSError(errno.EMFILE, "Too many open files")
    assert front("status").err == (
        "kt: this process has too many files open (Too many open files). Close what it has open, "
        "or raise the limit (`ulimit -n`).\n"
    )


def test_ctrl_c_is_130_and_quiet(front: Front) -> None:
    front.broken = KeyboardInterrupt()  # type: ignore[assignment]
    ran = front("status")
    assert (ran.code, ran.out) == (INTERRUPTED, "") and ran.err == ""
    assert INTERRUPTED == 130


def test_sigterm_is_143_and_closes_everything(front: Front) -> None:
    front.broken = Terminated()  # type: ignore[assignment]
    ran = front("status")
    assert (ran.code, ran.err) == (143, "")
    assert front.closed == 1


def test_a_failure_to_close_is_reported(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    def close(app: object) -> None:
        raise JournalError("the disk is full", hint="Free some space.")

    monkeypatch.setattr("tests.cli.front.FakeApp.close", close)
    ran = front("status")
    assert ran.code == ExitCode.ERROR
    assert ran.err == "kt: the disk is full. Free some space.\n"
    front.broken = Denied("no")
    assert front("status").code == ExitCode.DENIED


def test_the_run_is_closed_with_its_exit_code(front: Front) -> None:
    front("order", "cancel", "0000001")
    front.world.journal.flush()
    (run,) = [row for row in front.world.journal.runs() if row["command"] == "order cancel"]
    assert (run["outcome"], run["exit_code"]) == ("failed", 2)


@pytest.mark.parametrize(
    ("message", "hint", "text"),
    [
        ("it broke", None, "kt: it broke."),
        ("it broke.", "mend it", "kt: it broke. Mend it."),
        ("really?", "Yes!", "kt: really? Yes!"),
        ("denied:\n  A: b\n", "See there.", "kt: denied:\n  A: b\nSee there."),
        ("denied:\n  A: b\n", None, "kt: denied:\n  A: b"),
    ],
)
def test_messages_have_one_form(message: str, hint: str | None, text: str) -> None:
    assert sentence(message, hint) == text


def test_a_broken_configuration_is_exit_code_2(front: Front) -> None:
    front.configure("limts:\n  per_stock: 1\n")
    ran = front("status")
    assert ran.code == ExitCode.USAGE
    assert "there is no key 'limts'. Did you mean 'limits'?" in ran.err


class GoneReader(io.StringIO):
    """A pipe whose reader has left."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_closed_pipe_is_no_error() -> None:
    console = Console(io.StringIO(), GoneReader(), io.StringIO(), environ={})
    console.write("one")
    assert console.closed
    console.write("two")


def test_warnings_and_questions_survive_a_closed_stderr() -> None:
    console = Console(io.StringIO("y\n"), io.StringIO(), GoneReader(), environ={})
    console.warn("careful")
    assert console.ask("Go?") is False


@pytest.mark.parametrize(
    ("environ", "terminal", "no_color", "expected"),
    [
        ({}, True, False, True),
        ({}, False, False, False),
        ({"NO_COLOR": "1"}, True, False, False),
        ({"NO_COLOR": ""}, True, False, True),
        ({"TERM": "dumb"}, True, False, False),
        ({}, True, True, False),
    ],
)
def test_colours_only_on_a_terminal_that_wants_them(
    environ: dict[str, str], terminal: bool, no_color: bool, expected: bool
) -> None:
    console = Console(
        io.StringIO(), io.StringIO(), io.StringIO(), out_terminal=terminal, environ=environ
    )
    console.no_color = no_color
    assert bool(console.color) is expected


def test_head_ends_a_command_quietly() -> None:
    """More than a pipe holds, and a reader that takes one line of it."""
    done = subprocess.run(
        f"{sys.executable} -m kt schema | head -c 20; echo ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ('{"candidates":{"$sch0\n', "")


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("schema > /dev/full", 1, "kt: the output could not be written: No space left on device."),
        ("schema >&-", 0, ""),
        ("help nothing 2>&-", 2, ""),
        ("schema shares <&-", 2, "kt: invalid value for '[KIND]'"),
    ],
)
def test_output_that_cannot_be_written_is_an_error(line: str, code: int, said: str) -> None:
    done = subprocess.run(
        f"{sys.executable} -m kt {line}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code
    assert done.stderr.startswith(said) and "Traceback" not in done.stderr


def test_a_sent_order_whose_output_fails_exits_with_7(front: Front) -> None:
    from tests.fakes import HYNIX, SAMSUNG, unknown

    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    front.world.broker.outcomes = [unknown()]
    ran = front("order", "buy", SAMSUNG, "1", "--price", "70000", stdout=Full())
    assert ran.code == ExitCode.UNKNOWN
    assert ran.err.endswith("kt: the output could not be written: No space left on device.\n")
    placed = front("order", "buy", HYNIX, "1", "--price", "180000", stdout=Full())
    assert placed.code == ExitCode.UNKNOWN, "who reads 1 tries again, and buys twice"
    assert placed.err.endswith(
        "kt: the order was sent, but the output could not be written: No space left on device. "
        "Do not send it again; `kt order list` shows it.\n"
    )


def test_a_closed_stdin_is_no_terminal() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kt", "help"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert "recovery" in done.stdout


def test_a_real_sigterm_ends_a_process_quietly(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys, time\n"
        "from kt.cli.entry import run\nfrom kt.cli.support.cli_context import CliContext\n"
        "def slow(cli):\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    time.sleep(30)\n"
        "sys.exit(run(['status'], CliContext(build_app=slow)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "KT_STATE_DIR": str(tmp_path)},
    )
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGTERM, "", "")


class Closed(io.StringIO):
    """A terminal that was closed."""

    def write(self, text: str) -> int:
        raise OSError(errno.EIO, "Input/output error")


def test_messages_to_a_closed_terminal_are_dropped() -> None:
    console = Console(stderr=Closed(), environ={})
    console.warn("kt: filled")
    console.say("kt: sold")
    assert console.ask("Sell everything?") is False


def test_a_question_never_waits_inside_a_read() -> None:
    """A Ctrl-C right before a read that blocks would be kept until the next key (2 of 600)."""
    keyboard, terminal = os.openpty()

    class Typed:
        """Standard input that refuses to be read before there is a line."""

        fileno = staticmethod(lambda: terminal)

        def readline(self) -> str:
            assert select.select([terminal], [], [], 0)[0], "this read blocks"
            return os.read(terminal, 100).decode()

    answer = threading.Timer(0.3, os.write, (keyboard, b"y\n"))
    answer.start()
    try:
        console = Console(cast(TextIO, Typed()), stderr=io.StringIO(), in_terminal=True, environ={})
        assert console.ask("Sell everything?") is True
    finally:
        answer.join()
        os.close(keyboard)
        os.close(terminal)

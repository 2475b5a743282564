"""SIGTERM and SIGHUP end every kt process in time: real processes, real signals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROMPT = 2.0
"""Real seconds in which a process that hangs in nothing is gone, on a busy machine."""
PATIENT = (
    "from kt.cli import main; from kt.cli.support import termination; "
    "termination.UNHURRIED = termination.LONGEST = 600.0; main()"
)
"""kt, but for the seconds after which it is forced to exit: it ends by itself, or not at all."""
GONE = 60.0
"""Real seconds after which a process is taken to hang."""
UNANSWERED = 8.0
"""Fewer real seconds than kt waits for any answer."""
SCRIPT = """
import os, signal, sys, time
from kt.cli.support import termination
from kt.cli.run.trading_day import stopping
termination.UNHURRIED, termination.LONGEST = 0.3, 1.0
def say(*words): os.write(1, " ".join(words).strip().encode() + b"\\n")
def ready(): say("ready")
{how}
termination.end_in_time()
try:
    with termination.unwinding():
        {what}
except termination.Terminated as ended:
    say("unwound")
    sys.exit(ended.exit_code)
"""
HEEDLESS = """
class Day:
    def stop(self, reason): say("asked", reason)
"""
IN_C = "ready(); __import__('hashlib').pbkdf2_hmac('sha256', b'', b'', 1_000_000_000)"
SWALLOWS = """
class Late:
    def __del__(self):
        for _ in range(400): time.sleep(0.01)
"""


def child(what: str, how: str = "", **more: object) -> subprocess.Popen[str]:
    script = SCRIPT.format(how=how, what=what)
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,  # type: ignore[call-overload]
    )
    assert process.stdout.readline() == "ready\n"
    return process


def ended(process: subprocess.Popen[str], told: str = "") -> tuple[str, str]:
    """What it wrote, once it is gone; one that hangs is killed."""
    try:
        return process.communicate(told or None, timeout=GONE)
    finally:
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_day_that_does_not_heed_is_unwound(number: signal.Signals) -> None:
    process = child("with stopping(Day()): ready(); time.sleep(60)", HEEDLESS)
    process.send_signal(number)
    out, err = ended(process)
    assert (process.returncode, err) == (128 + number, "")
    assert out == f"asked {number.name}\nunwound\n"


def test_a_second_signal_does_not_wait() -> None:
    process = child(
        "termination.UNHURRIED = 60\n        with stopping(Day()): ready(); time.sleep(60)",
        HEEDLESS,
    )
    process.send_signal(signal.SIGTERM)
    assert process.stdout is not None and process.stdout.readline() == "asked SIGTERM\n"
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == "unwound\n"
    assert process.returncode == 143


@pytest.mark.parametrize(
    ("what", "how"), [(IN_C, ""), ("late = Late(); ready(); del late; time.sleep(60)", SWALLOWS)]
)
def test_what_never_comes_back_to_the_handler_ends_all_the_same(what: str, how: str) -> None:
    process = child(what, how)
    time.sleep(0.05)  # for the child to be inside
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    out, err = ended(process)
    assert (process.returncode, out) == (143, "")
    assert err.endswith(
        "kt: forced to exit while something was blocked; the next start recovers.\n"
    )
    assert 0.9 < time.monotonic() - began < 1.0 + PROMPT


def test_under_nohup_sighup_stays_ignored() -> None:
    ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    process = child(
        "with stopping(Day()): ready(); say(sys.stdin.readline())",
        HEEDLESS,
        preexec_fn=ignore,
        stdin=subprocess.PIPE,
    )
    process.send_signal(signal.SIGHUP)
    out, err = ended(process, "went on\n")
    assert (process.returncode, out, err) == (0, "went on\n", "")


class Drip:
    """A server whose every answer begins at once and never ends: a byte at a time."""

    def __init__(self) -> None:
        self.door = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.door.getsockname()[1]}"
        self.asked, self.over = threading.Event(), threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self.over.is_set():
            try:
                guest, _ = self.door.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(guest,), daemon=True).start()

    def _answer(self, guest: socket.socket) -> None:
        try:
            with guest:
                guest.recv(65536)
                guest.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
                self.asked.set()
                while not self.over.wait(0.1):
                    guest.sendall(b" ")
        except OSError:
            return

    def close(self) -> None:
        self.over.set()
        self.door.close()


@pytest.fixture
def drip() -> Iterator[Drip]:
    made = Drip()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("argv", "number"),
    [
        (("order", "buy", "005930", "1", "--market", "--yes"), signal.SIGTERM),
        (("run", "--once", "--yes"), signal.SIGHUP),
        (("run", "--once", "--yes"), signal.SIGTERM),
        (("flatten", "--yes"), signal.SIGTERM),
        (("watch", "005930"), signal.SIGHUP),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else value.name,
)
def test_waiting_for_a_broker_that_drips(
    argv: tuple[str, ...], number: signal.Signals, drip: Drip, tmp_path: Path
) -> None:
    environ = {
        **{"PATH": os.defpath, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        **{"KT_STATE_DIR": str(tmp_path / "state"), "KT_PROFILE": "mock"},
        **{"KT_APP_KEY": "key", "KT_SECRET_KEY": "secret", "KT_BASE_URL": drip.address},
        "KT_WS_URL": drip.address.replace("http", "ws"),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", PATIENT, *argv],
        env=environ,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert drip.asked.wait(GONE)
    began = time.monotonic()
    process.send_signal(number)
    _, err = ended(process)
    assert process.returncode == 128 + number, err
    assert time.monotonic() - began < UNANSWERED and "Traceback" not in err

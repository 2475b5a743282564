"""kt top in a real terminal: however it ends, the terminal is as it was and the exit code right."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LEFT = b"\x1b[?1049l"
"""The toolkit leaves the terminal's alternate screen."""


class Terminal:
    """A pseudo-terminal of 80 x 24, and the process on it."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(theirs)
        self.theirs = theirs
        self.shown = b""
        environ = {**os.environ, "TERM": "xterm-256color", "TMPDIR": str(folder)}
        environ.pop("NO_COLOR", None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.screen_process", str(folder), *more],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=ROOT,
            env=environ,
            start_new_session=True,
        )

    def until(self, done: Callable[[], bool]) -> None:
        """Read what is shown until a condition holds."""
        end = time.monotonic() + 60
        while not done():
            assert time.monotonic() < end, self.shown[-2000:].decode(errors="replace")
            if select.select([self.ours], [], [], 0.05)[0]:
                self.shown += os.read(self.ours, 65_536)

    def ended(self) -> int:
        self.until(lambda: self.process.poll() is not None)
        self.until(lambda: not select.select([self.ours], [], [], 0.05)[0])
        assert termios.tcgetattr(self.theirs) == self.before
        return self.process.returncode

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.mark.parametrize(
    ("key", "number", "code"),
    [(b"q", 0, 0), (b"\x03", 0, 130), (b"", signal.SIGTERM, 143)],
)
def test_the_terminal_is_restored(tmp_path: Path, key: bytes, number: int, code: int) -> None:
    terminal = Terminal(tmp_path)
    try:
        terminal.until(lambda: b"71,400" in terminal.shown)
        assert LEFT not in terminal.shown
        if key:
            os.write(terminal.ours, key)
        else:
            os.kill(terminal.process.pid, number)
        assert terminal.ended() == code
        assert LEFT in terminal.shown and b"Traceback" not in terminal.shown
    finally:
        terminal.close()


def test_a_defect_is_one_line_and_a_file(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "broken")
    try:
        assert terminal.ended() == 1
        after = terminal.shown.partition(LEFT)[2].decode()
        assert "unexpected error, sorry: ZeroDivisionError: a defect." in " ".join(after.split())
        assert "Traceback" not in after
        (file,) = tmp_path.glob("kt-error-*.txt")
        assert "_state" in file.read_text()
    finally:
        terminal.close()

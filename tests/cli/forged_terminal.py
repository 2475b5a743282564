"""kt from the forge on a terminal of its own, as a shell starts it: Ctrl-C is a key, and standard
output may be a pipe."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import select
import signal
import socket
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

CTRL_C = "\x03"
STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
SECONDS = 60.0
"""Real seconds after which a command is taken to hang."""


class ForgedTerminal:
    """A started command line. `shown` is what it shows on the terminal and writes into the pipe,
    without colours and movements of the cursor; `out` is what it writes into the pipe."""

    def __init__(
        self,
        forge: Path,
        words: Sequence[str],
        environ: Mapping[str, str],
        folder: Path,
        *,
        piped: bool = False,
        stdin: Path | None = None,
    ) -> None:
        self._ours, self._theirs = os.openpty()
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self._sources = [self._ours]
        tty = out = os.ttyname(self._theirs)
        if piped:
            out = str(folder / f"pipe-{time.monotonic_ns()}")
            os.mkfifo(out)
            self._sources.append(os.open(out, os.O_RDWR | os.O_NONBLOCK))  # so that it never ends
        job = {"argv": list(words), "env": dict(environ), "cwd": str(folder)}
        self._forge = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._forge.connect(str(forge))
        job |= {"stdin": str(stdin or tty), "stdout": out, "stderr": tty}
        self._forge.sendall(json.dumps(job).encode() + b"\n")
        self._told = b""
        self._seen = 0
        self.shown = self.out = ""

    def until(self, sign: str) -> str:
        """Read until this pattern comes after the last one that was waited for; returns it."""
        ends = time.monotonic() + SECONDS
        while (found := re.compile(sign).search(self.shown, self._seen)) is None:
            assert self._code is None and time.monotonic() < ends, f"no {sign!r} in {self.shown}"
            self._read()
        self._seen = found.end()
        return found[0]

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def ended(self) -> int:
        """Wait for the end; the exit code, or minus the signal that ended it."""
        ends = time.monotonic() + SECONDS
        while self._code is None:
            assert time.monotonic() < ends, f"it hangs: {self.shown}"
            self._read()
        return self._code

    @property
    def _code(self) -> int | None:
        """The forge tells the process's number, then how it ended."""
        lines = self._told.decode().split("\n")
        return int(lines[1]) if len(lines) == 3 else None

    def _read(self) -> None:
        """Take what there is, or wait a second for it. When the process has ended, everything."""
        while ready := select.select([*self._sources, self._forge], [], [], 1.0)[0]:
            if self._forge in ready:
                self._told += self._forge.recv(100)
            for source in self._sources:
                if source in ready:
                    text = os.read(source, 65_536).decode(errors="replace")
                    self.shown += STEERING.sub("", text)
                    self.out += text if source != self._ours else ""
            if self._code is None or ready == [self._forge]:
                return

    def close(self) -> None:
        """Kill it, if it has not ended."""
        if self._code is None:
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(int(self._told.partition(b"\n")[0]), signal.SIGKILL)
        self._forge.close()
        for handle in (*self._sources, self._theirs):
            os.close(handle)

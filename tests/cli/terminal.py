"""A terminal for a program: keys in, screen out."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import termios
import time


class Terminal:
    """A program on a terminal of its own: keys in, screen out."""

    def __init__(self, command: list[str], environ: dict[str, str], columns: int = 160) -> None:
        pid, self.handle = pty.fork()
        if pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
            os.execve(command[0], command, environ)
        self.pid = pid
        self.seen = ""

    def until(self, text: str, seconds: float = 20) -> str:
        """Everything shown up to this text, which is taken off."""
        ends = time.monotonic() + seconds
        while text not in self.seen:
            ready, _, _ = select.select([self.handle], [], [], ends - time.monotonic())
            assert ready, f"no {text!r} in {self.seen!r}"
            self.seen += os.read(self.handle, 65_536).decode(errors="replace")
        found, _, self.seen = self.seen.partition(text)
        return found

    def keys(self, text: str) -> None:
        os.write(self.handle, text.encode())

    def rest(self) -> str:
        """Everything shown until the program ends."""
        while True:
            try:
                part = os.read(self.handle, 65_536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            self.seen += part.decode(errors="replace")
        return self.seen

    @property
    def echoes(self) -> bool:
        """Whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self.handle)[3] & termios.ECHO)

    def close(self) -> int:
        """Close the terminal; the program's exit code, or minus the signal that ended it."""
        os.close(self.handle)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

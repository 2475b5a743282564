"""Real kt processes: forked ones, quickly, and `python -m kt` itself; killed and waited for."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 90.0
"""Real seconds after which a command is taken to hang."""


@dataclass(frozen=True)
class Ran:
    """A command line and how it ended; `code` is negative for a signal."""

    argv: tuple[str, ...]
    code: int
    out: str
    err: str
    seconds: float

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    def told(self) -> str:
        said = self.err.strip()[-1500:]
        return f"$ kt {' '.join(self.argv)}   -> {self.code} ({self.seconds:.1f} s)\n{said}"


class Running:
    """A started command. `wait` gives how it ended; `kill` is SIGKILL."""

    def __init__(self, argv: tuple[str, ...], out: Path, err: Path) -> None:
        self.argv, self.out_path, self.err_path = argv, out, err
        self.began = time.monotonic()
        self.pid = 0
        self._ran: Ran | None = None

    def _ended(self, seconds: float) -> int:
        raise NotImplementedError

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def ended(self, seconds: float) -> bool:
        """Whether it ends by itself within these real seconds."""
        end = time.monotonic() + seconds
        while self._ran is None and not self._poll():
            if time.monotonic() >= end:
                return False
            time.sleep(0.005)
        return True

    def _poll(self) -> bool:
        raise NotImplementedError

    def said(self) -> str:
        """What it has written to stderr up to now."""
        return self.err_path.read_text(errors="replace") if self.err_path.exists() else ""

    def wait(self, seconds: float = LONGEST) -> Ran:
        """Raises TimeoutError, after killing it, when it does not end."""
        if self._ran is None:
            code = self._ended(seconds)
            out, took = self.out_path.read_text(errors="replace"), time.monotonic() - self.began
            self._ran = Ran(self.argv, code, out, self.said(), took)
        return self._ran


class Plain(Running):
    """`python -m kt …`."""

    def __init__(
        self, argv: tuple[str, ...], env: Mapping[str, str], cwd: Path, streams: Streams
    ) -> None:
        super().__init__(argv, streams.out, streams.err)
        with (
            streams.stdin.open("rb") as told,
            streams.out.open("wb") as out,
            streams.err.open("wb") as err,
        ):
            self.process = subprocess.Popen(
                [sys.executable, "-m", "kt", *argv],
                env={**env, "PYTHONPATH": str(ROOT)},
                cwd=cwd,
                stdin=told,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self.pid = self.process.pid

    def _poll(self) -> bool:
        return self.process.poll() is not None

    def _ended(self, seconds: float) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise TimeoutError(f"kt {' '.join(self.argv)} hangs:\n{self.said()}") from None


@dataclass(frozen=True)
class Streams:
    """The files of one command."""

    stdin: Path
    out: Path
    err: Path


class Forked(Running):
    """The same, from the forge."""

    def __init__(
        self,
        forge: Path,
        argv: tuple[str, ...],
        env: Mapping[str, str],
        cwd: Path,
        streams: Streams,
    ) -> None:
        super().__init__(argv, streams.out, streams.err)
        streams.out.touch()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(str(forge))
        job = {
            "argv": argv,
            "env": dict(env),
            "cwd": str(cwd),
            "stdin": str(streams.stdin),
            "stdout": str(streams.out),
            "stderr": str(streams.err),
        }
        self._socket.sendall(json.dumps(job).encode() + b"\n")
        self._answers = self._socket.makefile()
        self.pid = int(self._answers.readline())

    def _poll(self) -> bool:
        return bool(select.select([self._socket], [], [], 0)[0])

    def _ended(self, seconds: float) -> int:
        self._socket.settimeout(seconds)
        try:
            code = int(self._answers.readline())
        except TimeoutError:
            self.kill()
            raise TimeoutError(f"kt {' '.join(self.argv)} hangs:\n{self.said()}") from None
        finally:
            self._answers.close()
            self._socket.close()
        return code


class Forge:
    """The forking server, as long as it is needed."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "forge"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.forge", str(self.path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

"""The worker processes of one sweep on this machine."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import msgspec

import kt
from kt.backtest.sweep.trial import TrialResult
from kt.backtest.sweep.trial_worker import TrialOrder
from kt.children import child_environment
from kt.files import open_private

KILLED_SECONDS = 5.0


@dataclass(slots=True)
class _Process:
    """A worker, the number of the trial that it runs, and what it has written of its result."""

    popen: subprocess.Popen[bytes]
    number: int
    written: bytearray = field(default_factory=bytearray)

    @property
    def output(self) -> IO[bytes]:
        assert self.popen.stdout is not None
        return self.popen.stdout


class WorkerProcesses:
    """Up to `most` processes, started when they are needed. `log` gets what they complain about."""

    def __init__(self, most: int, log: Path) -> None:
        self.most = most
        self.log = log
        self._idle: list[_Process] = []
        self._busy: dict[int, _Process] = {}
        self._selector = selectors.DefaultSelector()

    @property
    def free(self) -> int:
        """How many trials can be started now."""
        return self.most - len(self._busy)

    def start(self, number: int, order: TrialOrder) -> None:
        """Run a trial in a process of its own."""
        process = self._idle.pop() if self._idle else self._launch()
        process.number = number
        self._busy[number] = process
        self._selector.register(process.output, selectors.EVENT_READ, process)
        assert process.popen.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died: `wait` sees that
            process.popen.stdin.write(msgspec.json.encode(order) + b"\n")

    def _launch(self) -> _Process:
        root = str(Path(kt.__file__).resolve().parent.parent)
        log = open_private(self.log, os.O_WRONLY | os.O_APPEND)
        try:
            popen = subprocess.Popen(
                [sys.executable, "-m", "kt.backtest.sweep.trial_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                env=child_environment(os.environ, PYTHONPATH=root),
            )
        finally:
            os.close(log)
        return _Process(popen, -1)

    def wait(self, seconds: float) -> Iterator[tuple[int, TrialResult | None]]:
        """The trials that ended within so many seconds, as soon as there is one; None for one
        whose process died."""
        for key, _ in self._selector.select(seconds):
            process: _Process = key.data
            part = os.read(process.output.fileno(), 1 << 16)
            process.written += part
            if part and not process.written.endswith(b"\n"):
                continue
            self._selector.unregister(process.output)
            del self._busy[process.number]
            if part:
                found = msgspec.json.decode(bytes(process.written), type=TrialResult)
                process.written.clear()
                self._idle.append(process)
                yield process.number, found
            else:
                _end(process)
                yield process.number, None

    def close(self) -> None:
        """End all processes at once, whatever they do."""
        for process in (*self._idle, *self._busy.values()):
            _end(process)
        self._idle.clear()
        self._busy.clear()
        self._selector.close()


def _end(process: _Process) -> None:
    process.popen.kill()
    process.popen.wait(KILLED_SECONDS)
    for pipe in (process.popen.stdin, process.popen.stdout):
        if pipe is not None:
            pipe.close()

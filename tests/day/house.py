"""kt as its owner runs it: real processes, the real exchange, and assertions on the journal."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from kt.sim import control

ROOT = Path(__file__).resolve().parents[2]
MONDAY = "2026-11-23"
SECONDS = 90.0
"""Real seconds to wait for something before the test fails."""


class Line(str):
    """A line and the real time at which it came."""

    at: float


class Process:
    """A running `kt`. Its output lines are collected; `said` waits for one."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        self.argv = tuple(argv)
        self._came = threading.Condition()
        self._lines: dict[str, list[Line]] = {"out": [], "err": []}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "kt", *argv],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self._readers = [
            threading.Thread(target=self._read, args=(name,), daemon=True) for name in self._lines
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str) -> None:
        pipe = self._process.stdout if name == "out" else self._process.stderr
        assert pipe is not None
        with pipe:
            for text in pipe:
                line = Line(text.rstrip("\n"))
                line.at = time.time()
                with self._came:
                    self._lines[name].append(line)
                    self._came.notify_all()
        with self._came:
            self._came.notify_all()

    @property
    def out(self) -> list[Line]:
        with self._came:
            return list(self._lines["out"])

    @property
    def err(self) -> list[Line]:
        with self._came:
            return list(self._lines["err"])

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def said(self, pattern: str, *, where: str = "err", seconds: float = SECONDS) -> Line:
        """The first line that matches; waits for it. Fails with all lines when it ends without."""
        wanted = re.compile(pattern)
        end = time.monotonic() + seconds
        with self._came:
            seen = 0
            while True:
                lines = self._lines[where]
                for line in lines[seen:]:
                    if wanted.search(line):
                        return line
                seen = len(lines)
                if not any(reader.is_alive() for reader in self._readers) and seen == len(lines):
                    break
                left = end - time.monotonic()
                if left <= 0:
                    break
                self._came.wait(min(0.5, left))
        raise AssertionError(f"{self.argv} never said {pattern!r}:\n" + "\n".join(lines))

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = SECONDS) -> int:
        """Its exit status; all of its lines are there then."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.argv} does not end:\n" + "\n".join(self.err)) from None
        for reader in self._readers:
            reader.join(10)
        return code

    def end(self, number: int = signal.SIGINT, seconds: float = SECONDS) -> int:
        """Send a signal and wait; the exit status."""
        self.send(number)
        return self.wait(seconds)

    def kill(self) -> None:
        if self.running:
            self.send(signal.SIGKILL)
        self._process.wait(10)
        for reader in self._readers:
            reader.join(10)


class House:
    """One owner's folder: a configuration, a state folder, at most one exchange."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        self.state = folder / "state"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KT_")}
        kept.pop("GEMINI_API_KEY", None)
        self.environ = kept | {
            "KT_STATE_DIR": str(self.state),
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "80",
            **environ,
        }
        self.processes: list[Process] = []
        self.exchange_pid = 0
        self._status: dict[str, Any] = {}

    # its own hands

    def configure(self, **sections: Any) -> None:
        """Write config.yaml: JSON is YAML."""
        (self.folder / "config.yaml").write_text(json.dumps(sections), encoding="utf-8")

    def start(self, *argv: str, **environ: str) -> Process:
        process = Process(argv, self.environ | environ, self.folder)
        self.processes.append(process)
        return process

    def run(self, *argv: str, code: int | None = 0, **environ: str) -> Process:
        """A command to its end, which must be this exit status (None: any)."""
        process = self.start(*argv, **environ)
        ended = process.wait()
        if code is not None and ended != code:
            raise AssertionError(f"{argv}: {ended}\n" + "\n".join([*process.out, *process.err]))
        return process

    def items(self, *argv: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads("".join(self.run(*argv).out))["items"]
        return found

    # the exchange

    def open(self, open_at: str, *, speed: float = 60, day: str = MONDAY, **options: Any) -> None:
        """Start the exchange; its clock begins at this time of this day."""
        given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        self.items(
            "sim", "start", f"--speed={speed}", f"--open-at={open_at}", f"--day={day}", *given
        )
        self.find()

    def find(self) -> None:
        """Learn where the running exchange is, and what its clock is made of."""
        (found,) = self.items("sim", "status")
        self.base_url, self.exchange_pid = found["base_url"], found["pid"]
        self.control = control.of(self.state)
        self._status = self.control.status()

    def fault(self, *rules: dict[str, Any]) -> None:
        """From now on these faults, and no others."""
        self.control.set_faults(rules)

    def now(self) -> datetime:
        return self.at(time.time())

    def at(self, real: float) -> datetime:
        """The exchange's time at a real time (seconds since the epoch)."""
        anchor = datetime.fromisoformat(self._status["anchor"])
        passed = (real - self._status["anchor_real"]) * self._status["speed"]
        return datetime.fromtimestamp(anchor.timestamp() + passed, anchor.tzinfo)

    def real(self, at: str | datetime) -> float:
        """The real time of a time of the exchange."""
        moment = datetime.fromisoformat(at) if isinstance(at, str) else at
        anchor = datetime.fromisoformat(self._status["anchor"])
        passed = (moment - anchor).total_seconds() / self._status["speed"]
        return float(self._status["anchor_real"] + passed)

    # the journal

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Read the journal as any SQLite tool does, while kt writes it."""
        database = self.state / "sim" / "kt.db"
        if not database.exists():
            return []
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as file:
            file.row_factory = sqlite3.Row
            try:
                found = [dict(row) for row in file.execute(query, values)]
            except sqlite3.OperationalError:  # the tables are not there yet
                found = []
        file.close()
        return found

    def seen(self, query: str, *values: Any, seconds: float = SECONDS) -> list[dict[str, Any]]:
        """The rows as soon as there are any. Polls: the journal has no change notification."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.rows(query, *values)
            if found:
                return found
            time.sleep(0.05)
        said = "\n".join(f"{p.argv}: {line}" for p in self.processes for line in p.err[-30:])
        raise AssertionError(f"never: {query}\n{said}")

    def close(self) -> None:
        for process in self.processes:
            process.kill()
        if self.exchange_pid:
            try:
                os.kill(self.exchange_pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            end = time.monotonic() + 10
            while time.monotonic() < end and _lives(self.exchange_pid):
                time.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


@contextmanager
def house(folder: Path, **environ: str) -> Iterator[House]:
    made = House(folder, **environ)
    try:
        yield made
    finally:
        made.close()

"""Starts, finds, stops and resets the exchange of a state folder; at most one runs at a time."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import kt
from kt.clock import ScaledClock, SystemClock
from kt.config.model import Config
from kt.errors import Busy, KtError, Unreachable
from kt.files import lock_file, open_private, private_folder, trouble
from kt.paths import SIM, ExchangePaths
from kt.ports import Clock
from kt.sim import control, discovery
from kt.sim.control import Control
from kt.sim.crash_resume import killed_place
from kt.sim.discovery import ExchangePlace, ws_url

if TYPE_CHECKING:
    from kt.sim.server.settings import Settings

__all__ = ["Running", "clock_of", "ensure", "reset", "serve", "start", "status", "stop", "ws_url"]

START_SECONDS = 15.0
STOP_SECONDS = 10.0
INHERITED_NAMES = frozenset(
    ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TZDIR", "TMPDIR", "TEMP", "TMP",
     "KT_STATE_DIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "SYSTEMROOT"]
)  # fmt: skip
INHERITED_PREFIXES = ("LC_", "PYTHON", "DYLD_")
"""The environment variables that the exchange inherits: these names, and names with these
prefixes."""
Announce = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Running:
    """A running exchange. `clock` is its clock; `started` says whether this call started it."""

    base_url: str
    ws_url: str
    clock: ScaledClock
    pid: int
    started: bool = False


def ensure(config: Config, state_dir: Path, announce: Announce) -> Running:
    """The exchange of a state folder, started with the configuration's settings if none runs.

    `state_dir` is the root of kt's state. Concurrent callers start one process and all get it.
    An exchange that was killed a moment ago is resumed with its previous clock speed. Raises
    Unreachable if it does not start.
    """
    import msgspec

    from kt.sim.server.settings import from_simulator

    settings = from_simulator(config.simulator, state_dir)
    left = killed_place(state_dir / SIM)
    if left is not None:
        settings = msgspec.structs.replace(settings, speed=left.speed, seed=left.seed)
    return _find_or_start(settings, announce)


def start(settings: Settings, announce: Announce) -> Running:
    """Like `ensure`, with the given settings; an exchange that already runs keeps its own, which is
    announced."""
    found = _find_or_start(settings, announce)
    if not found.started and found.clock.speed != settings.speed:
        announce(
            f"The running exchange goes at speed {found.clock.speed:g}, not {settings.speed:g}:"
            " `kt sim stop` and start it again to change that."
        )
    return found


def _find_or_start(settings: Settings, announce: Announce) -> Running:
    settings = _absolute(settings)
    folder = _folder(settings)
    found = find(folder)
    if found is None:
        try:
            found = _start_one(settings, folder, announce)
        except OSError as error:
            why, advice = trouble(error)
            message = f"the embedded exchange cannot work in {folder}: {why}"
            raise Unreachable(message, hint=advice) from error
    return found


def _start_one(settings: Settings, folder: Path, announce: Announce) -> Running:
    """Start it, unless another process already has. Raises OSError for problems of the folder."""
    private_folder(folder)
    with _starting(folder):
        found = find(folder)
        if found is None:
            found = _launch(settings, folder)
            announce(_started(found, settings))
    return found


def find(folder: Path) -> Running | None:
    """The exchange that runs on this folder; None if there is none or it does not answer."""
    found = _describe(folder, use=True)
    return _running(*found) if found else None


def _describe(folder: Path, *, use: bool = False) -> tuple[ExchangePlace, dict[str, Any]] | None:
    """The address and the status of the folder's exchange; None if none answers."""
    where = discovery.read_place(folder)
    if where is None:
        return None
    try:
        said = Control(where.base_url, discovery.read_key(folder)).status(use=use)
    except Unreachable:
        return None
    return (where, said) if said.get("pid") == where.pid else None


def clock_of(base_url: str) -> Clock:
    """The clock of the server at an address: the exchange's own, or the system clock for another
    server with the broker's API. Raises Unreachable."""
    try:
        return control.clock_at(base_url)
    except control.NotAnExchange:
        return SystemClock()


def status(state_dir: Path) -> dict[str, Any] | None:
    """The running exchange's status, with its address; None if none runs."""
    found = _describe(state_dir / SIM)
    if found is None:
        return None
    where, said = found
    return {**said, "base_url": where.base_url, "ws_url": ws_url(where.base_url)}


def stop(state_dir: Path) -> bool:
    """Stop the running exchange and wait until it has ended; False if none was running."""
    found = status(state_dir)
    if found is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(found["pid"]), signal.SIGTERM)
    paths = ExchangePaths(state_dir / SIM)
    try:
        # The exchange holds this lock while it runs, so acquiring it means that it has ended.
        with lock_file(paths.running_lock, STOP_SECONDS, poll=0.02):
            return True
    except TimeoutError:
        raise Unreachable(
            f"the exchange (process {found['pid']}) has not stopped in {STOP_SECONDS:g} s",
            hint=f"Look at {paths.log}; end the process by hand.",
        ) from None


def reset(state_dir: Path) -> None:
    """Stop the exchange and delete its accounts, orders, tokens and clock."""
    stop(state_dir)
    folder = state_dir / SIM
    for path in folder.glob("exchange*"):
        if path.suffix == ".lock":
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def serve(settings: Settings, announce: Announce) -> None:
    """Run the exchange in this process until Ctrl-C or SIGTERM."""
    from kt.sim.server.process import run_here

    def ready(where: ExchangePlace) -> None:
        announce(f"The exchange serves {where.base_url} and {ws_url(where.base_url)}")
        announce("Stop it with Ctrl-C.")

    run_here(settings, ready)


def _running(where: ExchangePlace, status: dict[str, Any], *, started: bool = False) -> Running:
    clock = control.clock(status)
    return Running(where.base_url, ws_url(where.base_url), clock, where.pid, started)


def _started(found: Running, settings: Settings) -> str:
    now = found.clock.now()
    ends = f"after {settings.idle_minutes:g} idle minutes or " if settings.idle_minutes else ""
    return (
        f"Started the embedded exchange at {found.base_url} (process {found.pid}); its clock says"
        f" {now:%Y-%m-%d %H:%M}. It stops {ends}with `kt sim stop`."
    )


def _absolute(settings: Settings) -> Settings:
    """The settings with absolute paths, because the detached process has another working folder."""
    import msgspec

    paths = {
        name: path.resolve()
        for name in ("state_dir", "faults", "replay")
        if (path := getattr(settings, name)) is not None
    }
    return msgspec.structs.replace(settings, **paths)


def _folder(settings: Settings) -> Path:
    if settings.folder is None:
        raise ValueError("a detached exchange needs a state folder")
    return settings.folder


@contextlib.contextmanager
def _starting(folder: Path) -> Any:
    paths = ExchangePaths(folder)
    try:
        lock = lock_file(paths.start_lock, START_SECONDS + 5, poll=0.02)
    except TimeoutError:
        raise Busy(
            "another process has been starting the exchange for too long",
            hint=f"Look at {paths.log}.",
        ) from None
    with lock:
        yield


def _launch(settings: Settings, folder: Path) -> Running:
    """Start the detached process and wait for its ready line, the only line it prints."""
    import msgspec

    root = str(Path(kt.__file__).resolve().parent.parent)
    search = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    log = open_private(ExchangePaths(folder).log, os.O_WRONLY | os.O_APPEND)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "kt.sim.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            cwd=folder,
            env={**inherited(os.environ), "PYTHONPATH": search},
        )
    finally:
        os.close(log)
    assert process.stdin is not None and process.stdout is not None
    # Not as arguments: they may include a secret key, and every user can read arguments.
    with contextlib.suppress(BrokenPipeError), process.stdin as payload:
        payload.write(msgspec.json.encode(settings, enc_hook=str))
    with process.stdout as ready:
        line = _first_line(ready, START_SECONDS)
    if not line:
        process.kill()
        process.wait()
        raise _did_not_start(folder)
    where = msgspec.json.decode(line, type=ExchangePlace)
    # The child outlives this process: this avoids the ResourceWarning about a running child.
    process.returncode = 0
    said = Control(where.base_url, discovery.read_key(folder)).status()
    return _running(where, said, started=True)


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that a Python process needs, without keys of brokers and
    analysts."""
    return {
        name: value
        for name, value in environ.items()
        if name.upper() in INHERITED_NAMES or name.upper().startswith(INHERITED_PREFIXES)
    }


def _first_line(pipe: IO[bytes], seconds: float) -> bytes:
    """The first line; empty if the writer ends first or after a time-out of `seconds`."""
    end = time.monotonic() + seconds
    found = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while not found.endswith(b"\n"):
            if not selector.select(max(0.0, end - time.monotonic())):
                return b""
            part = os.read(pipe.fileno(), 4096)
            if not part:
                return b""
            found += part
    return found


def _did_not_start(folder: Path) -> KtError:
    log = ExchangePaths(folder).log
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = lines[-1] if lines else "its log is empty"
    return Unreachable(
        f"the embedded exchange did not start: {last}",
        hint=f"See {log} for details; `kt sim reset` deletes its state and starts over.",
    )

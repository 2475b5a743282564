"""A process that has imported kt and forks a new kt for every command line: 50 ms, not 500.

`python -m tests.crash.forge SOCKET` listens; each connection is one command line in and its
process id and exit status out. What runs is kt's own `main` in a process of its own, with its own
environment, folder and streams, so that it can be killed like any other. The server ends with
its stdin.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ANSWER_SECONDS = "KT_TEST_ANSWER_SECONDS"
"""Real seconds that the child waits for an answer: the real ones would make time-outs slow."""
BACK_OFF = "KT_TEST_BACK_OFF"
"""Real seconds before each of its attempts to reconnect the stream."""
BUSY_SECONDS = "KT_TEST_BUSY_SECONDS"
"""Real seconds that it waits for a database which another process holds."""
FILE_SIZE = "KT_TEST_FILE_SIZE"
"""No file of the child's grows beyond so many bytes: a full disk, wherever kt may be."""
FILES = "KT_TEST_FILES"
"""So many file handles does the child have."""
UMASK = "KT_TEST_UMASK"
"""The umask it is started with, in octal; KEPT says that kt must do without setting its own."""
USER = "KT_TEST_USER"
"""The number of the user it runs as, when the test is root and permissions mean nothing."""
CLOCK_OFF = "KT_TEST_CLOCK_OFF"
"""Real seconds by which its wall clock is ahead of the true time (behind: below 0)."""
KEPT = " kept"
HEAVY = (
    "httpx", "websocket", "sqlite_utils", "yaml", "tabulate", "holidays", "filelock",
    "platformdirs",
)  # fmt: skip
LATER = ("encodings.idna", "traceback", "tempfile")
"""What a child that is another user could not read any more."""
NOT_FOR_CLIENTS = ("kt.sim.server", "kt.sim.exchange", "kt.sim.market", "kt.__main__")


def load() -> None:
    """Everything a command may import."""
    import kt

    for name in (*HEAVY, *LATER):
        importlib.import_module(name)
    for found in pkgutil.walk_packages(kt.__path__, "kt."):
        if not found.name.startswith(NOT_FOR_CLIENTS) and "__main__" not in found.name:
            importlib.import_module(found.name)
    from kt.config.load import load_config

    load_config(ROOT / "config.yaml.example", {})  # what reading one compiles, every child has


def next_job(path: str) -> dict[str, Any]:
    """Serve; returns in a child alone, with what it is to do."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        readable, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in readable:
            os._exit(0)
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            return monitored(connection)
        connection.close()


def monitored(connection: socket.socket) -> dict[str, Any]:
    """In a process between the server and the child: report how the child ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    job: dict[str, Any] = json.loads(connection.makefile().readline())
    pid = os.fork()
    if pid == 0:
        connection.close()
        return job
    connection.sendall(f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def become(job: dict[str, Any]) -> None:
    """Take over the job's streams, folder, environment and arguments."""
    os.setsid()
    os.chdir(job["cwd"])
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND
        handle = os.open(job[name], flags, 0o600)
        os.dup2(handle, number)
        os.close(handle)
    os.environ.clear()
    os.environ.update(job["env"])
    sys.argv = ["kt", *job["argv"]]
    _hinder(os.environ)


def _hinder(wanted: Mapping[str, str]) -> None:
    """What the environment asks of the world around kt; kt itself stays as it is."""
    health: Any = importlib.import_module("kt.store.health")
    journal: Any = importlib.import_module("kt.store.journal").SqliteJournal
    if ANSWER_SECONDS in wanted:
        _hurry(float(wanted[ANSWER_SECONDS]))
    if BACK_OFF in wanted:
        _reconnect_after(float(wanted[BACK_OFF]))
    if BUSY_SECONDS in wanted:
        journal.__init__.__kwdefaults__["busy_seconds"] = float(wanted[BUSY_SECONDS])
        health._WAIT = float(wanted[BUSY_SECONDS])
    if CLOCK_OFF in wanted:
        true_time, off = time.time, float(wanted[CLOCK_OFF])
        time.time = lambda: true_time() + off
    if FILE_SIZE in wanted:
        size = int(wanted[FILE_SIZE])
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    if FILES in wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(wanted[FILES]), int(wanted[FILES])))
    if UMASK in wanted:
        os.umask(int(wanted[UMASK].removesuffix(KEPT), 8))
        if wanted[UMASK].endswith(KEPT):
            os.umask = lambda mask: mask
    if USER in wanted:
        os.setgid(int(wanted[USER]))
        os.setuid(int(wanted[USER]))


def _hurry(seconds: float) -> None:
    """Every kind of call gives up after so long, all its tries after three times as long."""
    deadlines: Any = importlib.import_module("kt.broker.rest.deadlines")
    for priority, usual in deadlines.TIMEOUTS.items():
        deadlines.TIMEOUTS[priority] = deadlines.CallTimeouts(
            min(seconds, usual.once), min(3 * seconds, usual.whole)
        )


def _reconnect_after(seconds: float) -> None:
    patience: Any = importlib.import_module("kt.broker.stream.timeouts").Timeouts
    usual = patience()
    patience.__init__.__defaults__ = tuple(
        (seconds,) if name == "backoff" else getattr(usual, name) for name in patience.__slots__
    )


def leave(main: Callable[[], None]) -> None:
    """Run it and end as Python does (threads, exit handlers, streams), but for tidying up every
    module, which takes longer than most commands."""
    code: Any = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    importlib.import_module("threading")._shutdown()
    importlib.import_module("atexit")._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    load()
    gc.freeze()  # what is loaded is not looked through again in every child
    become(next_job(sys.argv[1]))
    from kt.cli import main

    leave(main)

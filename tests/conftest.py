"""What holds for all tests: property tests are judged by what they find, not by the clock; files
are in memory where there is room for them; kt is compiled once for all of its processes; whoever
runs the tests has no configuration."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path

from hypothesis import settings

MEMORY = Path("/dev/shm")
ROOM = 2 << 30
"""Free bytes that a run of all tests may take; it takes a tenth of that."""

settings.register_profile("kt", deadline=None, max_examples=40)
settings.register_profile("full", deadline=None, max_examples=500)
settings.load_profile("kt")


def use_memory() -> None:
    """Keep temporary files in memory: a durable write to a disk takes milliseconds, and no test
    cuts the machine's power. A folder given as TMPDIR stays."""
    usable = MEMORY.is_dir() and os.access(MEMORY, os.W_OK)
    if usable and "TMPDIR" not in os.environ and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


def keep_bytecode() -> None:
    """Where the environment forbids it, each of a thousand kt processes would compile kt anew."""
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def leave_home() -> None:
    """No test reads the configuration, keys, state or language of whoever runs it."""
    home = tempfile.mkdtemp(prefix="kt-home-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    for name in [
        name for name in os.environ if name.startswith(("KT_", "XDG_", "LC_", "LANGUAGE"))
    ]:
        del os.environ[name]
    os.environ |= {"HOME": home, "LANG": "C.UTF-8"}


def hear_signals() -> None:
    """Under nohup or in the background of a script, SIGHUP and SIGINT would be ignored by every
    process that a test starts and signals."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)


use_memory()
keep_bytecode()
leave_home()
hear_signals()

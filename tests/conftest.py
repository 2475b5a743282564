"""What holds for all tests: property tests are judged by what they find, not by the clock, and
files are in memory where there is room for them."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings

MEMORY = Path("/dev/shm")
ROOM = 2 << 30
"""Free bytes that a run of all tests may take; it takes a tenth of that."""

settings.register_profile("kt", deadline=None)
settings.load_profile("kt")


def use_memory() -> None:
    """Keep temporary files in memory: a durable write to a disk takes milliseconds, and no test
    cuts the machine's power. A folder given as TMPDIR stays."""
    usable = MEMORY.is_dir() and os.access(MEMORY, os.W_OK)
    if usable and "TMPDIR" not in os.environ and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


use_memory()

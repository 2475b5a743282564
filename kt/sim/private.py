"""Files and folders that only their owner can read, private from the moment they exist."""

from __future__ import annotations

import os
from pathlib import Path

FILE = 0o600
_FOLDER = 0o700


def folder(path: Path) -> None:
    """Make a folder and what is missing above it."""
    if path.is_dir():
        return
    folder(path.parent)
    path.mkdir(mode=_FOLDER, exist_ok=True)


def touch(path: Path) -> None:
    """An empty file, unless there is one: SQLite keeps its mode, also for the files beside it."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, FILE))


def append(path: Path) -> int:
    """A descriptor that writes at the end of a file."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, FILE)


def write(path: Path, content: bytes) -> None:
    """Replace a file as a whole: whoever reads it finds the old content or the new one."""
    partial = path.with_name(f"{path.name}.new")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE)
    with open(descriptor, "wb") as file:  # noqa: PTH123 — of a descriptor, not of a path
        file.write(content)
    partial.replace(path)

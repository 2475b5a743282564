"""Files and folders for this user alone, and plain words for what the operating system refuses."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_HANDLES = "close what it has open, or raise the limit (`ulimit -n`)"
_ROOM = "free some space, then try again"
_RIGHT = "give yourself the right to use it, or name another folder with KT_STATE_DIR"
TROUBLES: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", _ROOM),
    errno.EDQUOT: ("your share of the disk is used up", _ROOM),
    errno.EFBIG: ("the file may not grow any further", "raise the limit (`ulimit -f`)"),
    errno.EROFS: ("the file system is read-only", "mount it for writing, or move KT_STATE_DIR"),
    errno.EACCES: ("no permission", _RIGHT),
    errno.EPERM: ("no permission", _RIGHT),
    errno.EMFILE: ("this process has too many files open", _HANDLES),
    errno.ENFILE: ("this machine has too many files open", "end what holds them (`lsof`)"),
    errno.ENOMEM: ("out of memory", "end other programs, or raise the limit (`ulimit -v`)"),
    errno.ENAMETOOLONG: ("the name is too long", "name a shorter folder with KT_STATE_DIR"),
    errno.ESTALE: ("the network disk it was on has gone", "mount it again"),
    errno.EIO: ("the disk reported an error", "check the disk"),
}
"""What the machine lacks, by errno: what it is called, and what to do about it."""


def trouble(error: OSError, otherwise: str = _RIGHT) -> tuple[str, str]:
    """What kept kt from a file, with the system's own word for it, and what to do; `otherwise`
    where the machine lacks nothing (a file in the way, a folder that is missing)."""
    said = error.strerror or str(error)
    words, advice = TROUBLES.get(error.errno or 0, ("", otherwise))
    return (f"{words} ({said})" if words else said), advice


def private_folder(path: Path) -> None:
    """Make a folder, and the missing ones above it, closed to others from the start."""
    if not path.parent.is_dir():
        private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def write_private(path: Path, data: bytes) -> None:
    """Put this into a file; a new one is for this user alone from the start."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)

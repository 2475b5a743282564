"""Private files and folders, atomic writes, file locks, living processes; and plain words for what
the operating system refuses. Nothing else in kt makes a file by hand."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from contextlib import AbstractContextManager
from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700

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
    if path.is_dir():
        return
    private_folder(path.parent)
    path.mkdir(mode=FOLDER_MODE, exist_ok=True)


def create_private(path: Path) -> None:
    """An empty file; one that is there is not even opened: SQLite's locks on a file end when any
    handle of the process on it is closed. SQLite gives -wal and -shm the file's own mode."""
    if not path.exists():
        with contextlib.suppress(FileExistsError):
            os.close(open_private(path, os.O_RDWR | os.O_EXCL))


def open_private(path: Path, flags: int) -> int:
    """A descriptor of the file, opened as `flags` say and made if missing; the caller closes it."""
    return os.open(path, flags | os.O_CREAT, FILE_MODE)


def write_private(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Put this into a file, in place; when `durable` it is on the disk when this returns."""
    handle = open_private(path, os.O_WRONLY | os.O_TRUNC)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())


def replace_private(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Replace a file in one step: a reader finds the old content or the new one, never a part.
    When `durable`, neither the content nor the new name is lost with the power afterwards."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        write_private(draft, data, durable=durable)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the creations, renames and deletions in a folder durable; nothing if it is gone."""
    if not folder.is_dir():
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def lock_file(path: Path, seconds: float, *, poll: float = 0.05) -> AbstractContextManager[object]:
    """A lock between processes, held from the return of this call to the end of its `with` block;
    it ends with its process. Raises TimeoutError when somebody else holds it for `seconds`, other
    OSErrors when the file cannot be used."""
    from filelock import FileLock  # 30 ms that most commands do not need

    # Not thread-local: the thread that releases a lock is not always the one that took it.
    lock = FileLock(path, mode=FILE_MODE, thread_local=False)
    return lock.acquire(timeout=seconds, poll_interval=poll)


def process_lives(pid: int) -> bool:
    """Whether there is a process of this id, whoever's it is. Always True where the system has
    no way to ask without ending it."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return pid > 0  # 0 and below name groups of processes

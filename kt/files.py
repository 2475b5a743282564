"""Private files and folders, atomic writes, file locks, process checks, and readable messages for
operating system errors. All other modules create files through this one."""

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
"""System errors that the user can fix, by errno: the message, and what to do."""


def trouble(error: OSError, otherwise: str = _RIGHT) -> tuple[str, str]:
    """The message of an operating system error, and what to do; the advice is `otherwise` for
    errors that are not in TROUBLES (a missing folder, a file in the way)."""
    system_text = error.strerror or str(error)
    message, advice = TROUBLES.get(error.errno or 0, ("", otherwise))
    return (f"{message} ({system_text})" if message else system_text), advice


def private_folder(path: Path) -> None:
    """Create a folder and its missing parents, with mode 0700 from the start."""
    if path.is_dir():
        return
    private_folder(path.parent)
    path.mkdir(mode=FOLDER_MODE, exist_ok=True)


def create_private(path: Path) -> None:
    """Create an empty file unless it exists. An existing file is not even opened: closing any
    descriptor of a file releases SQLite's locks on it. SQLite gives -wal and -shm the same mode."""
    if not path.exists():
        with contextlib.suppress(FileExistsError):
            os.close(open_private(path, os.O_RDWR | os.O_EXCL))


def open_private(path: Path, flags: int) -> int:
    """Open the file with `flags`, creating it if missing; the caller closes the descriptor."""
    return os.open(path, flags | os.O_CREAT, FILE_MODE)


def write_private(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Overwrite a file in place; if `durable`, it is synced to disk before this returns."""
    handle = open_private(path, os.O_WRONLY | os.O_TRUNC)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())


def replace_private(
    path: Path, data: bytes, *, durable: bool = False, mode: int = FILE_MODE
) -> None:
    """Replace a file atomically: a reader sees the old content or the new one, never a part of it.
    If `durable`, content and rename survive a power failure once this returns. `mode` is for a file
    that others are to read."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        write_private(draft, data, durable=durable)
        if mode != FILE_MODE:
            draft.chmod(mode)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Sync a folder, so that created, renamed and deleted files in it are durable; does nothing if
    the folder does not exist."""
    if not folder.is_dir():
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def lock_file(path: Path, seconds: float, *, poll: float = 0.05) -> AbstractContextManager[object]:
    """A lock between processes, held from the return of this call to the end of its `with` block
    and released when the process ends. Raises TimeoutError when another process still holds it
    after `seconds`, other OSErrors when the file cannot be used."""
    from filelock import FileLock  # 30 ms that most commands do not need

    # Not thread-local: the thread that releases a lock is not always the one that took it.
    lock = FileLock(path, mode=FILE_MODE, thread_local=False)
    return lock.acquire(timeout=seconds, poll_interval=poll)


def process_lives(pid: int) -> bool:
    """Whether a process with this id exists, of any user. Always True on systems where this cannot
    be checked."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return pid > 0  # 0 and below name groups of processes

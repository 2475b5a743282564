"""Turns exceptions of SQLite and the file system into JournalError, with what to do about it."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kt.errors import JournalError
from kt.files import TROUBLES, trouble

_HINTS: dict[str, tuple[str, str]] = {
    "SQLITE_BUSY": (
        "another process has held it for too long",
        "wait and try again; `kt status` shows what runs",
    ),
    "SQLITE_LOCKED": (
        "another process has held it for too long",
        "wait and try again; `kt status` shows what runs",
    ),
    "SQLITE_FULL": ("the disk is full", "free some space, then try again"),
    "SQLITE_READONLY": (
        "it cannot be written to",
        "give yourself the right to write to the file and its folder",
    ),
    "SQLITE_CANTOPEN": (
        "it cannot be opened",
        "check that its folder exists and that you may write there (KT_STATE_DIR moves it)",
    ),
    "SQLITE_CORRUPT": (
        "the file is damaged",
        "move it aside (with -wal and -shm) and keep it; kt begins a new one",
    ),
    "SQLITE_NOTADB": (
        "the file is not an SQLite database, or is damaged",
        "move it aside (with -wal and -shm) and keep it; kt begins a new one",
    ),
    "SQLITE_IOERR": ("the disk reported an error", "check the disk"),
    "SQLITE_PERM": ("access is denied", "give yourself the right to read and write the file"),
}
FAILURES = (sqlite3.Error, OSError, UnicodeDecodeError)
"""What a call of SQLite raises; the last when its own message quotes damaged bytes."""
Failure = sqlite3.Error | OSError | UnicodeDecodeError
BUSY_CODES = ("SQLITE_BUSY", "SQLITE_LOCKED")
NO_ROOM = 64 * 1024
"""A disk with less free space (bytes) counts as full: SQLite's shared memory file needs it."""
_HANDLES = 8
"""File descriptors to probe for: more than SQLite needs for a file with its -wal and -shm."""


def primary_code(error: sqlite3.Error | UnicodeDecodeError) -> str:
    """SQLite's primary result code by name: `SQLITE_IOERR` for `SQLITE_IOERR_WRITE`."""
    if isinstance(error, UnicodeDecodeError):
        return "SQLITE_CORRUPT"
    name = getattr(error, "sqlite_errorname", None) or ""
    return "_".join(name.split("_")[:2])


def is_busy(error: sqlite3.Error) -> bool:
    return primary_code(error) in BUSY_CODES


def explain(error: Failure, path: Path | None = None) -> tuple[str, str]:
    """The message and the hint for an error."""
    if isinstance(error, OSError):
        what, hint = _HINTS["SQLITE_CANTOPEN"]
        said, advice = trouble(error, hint)
        return (said if error.errno in TROUBLES else f"{what} ({said})"), advice
    if lacking := _no_handle(error):
        return trouble(lacking)
    what, hint = _HINTS.get(_code(error, path), ("", ""))
    return (f"{what} ({error})" if what else str(error)), hint


def journal_error(path: Path, error: Failure) -> JournalError:
    """The JournalError for an exception about this file, with what to do."""
    what, hint = explain(error, path)
    advice = f"{hint}; `kt doctor` shows details" if hint else "`kt doctor` shows details"
    return JournalError(f"journal {path}: {what}", hint=advice, code=_code(error, path) or None)


def corrupt(path: Path, found: str) -> JournalError:
    """The JournalError for a damaged file; `found` is what is wrong with it."""
    error = sqlite3.DatabaseError(found)
    error.sqlite_errorname = "SQLITE_CORRUPT"
    return journal_error(path, error)


def _code(error: Failure, path: Path | None) -> str:
    if isinstance(error, OSError):
        return errno.errorcode.get(error.errno or 0, "")
    code = primary_code(error)
    # On a full disk SQLite reports an I/O error for its shared memory file, or, without a free
    # inode, that the file cannot be opened.
    unclear = code in ("SQLITE_IOERR", "SQLITE_CANTOPEN")
    return "SQLITE_FULL" if unclear and path and _full(path) else code


def _full(path: Path) -> bool:
    """Whether the disk has no space or no inode left."""
    try:
        disk = os.statvfs(path.parent)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < NO_ROOM or bool(disk.f_files and not disk.f_favail)


def _no_handle(error: sqlite3.Error | UnicodeDecodeError) -> OSError | None:
    """The OSError if the process is out of file descriptors, which SQLite reports only as a file
    that cannot be opened."""
    if primary_code(error) not in ("SQLITE_CANTOPEN", "SQLITE_IOERR"):
        return None
    with ExitStack() as probes:
        try:
            for _ in range(_HANDLES):
                probes.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        except OSError as lacking:
            return lacking
    return None


@contextmanager
def mapped(path: Path) -> Iterator[None]:
    """Turns sqlite3.Error and OSError raised in the block into JournalError, and also the errors of
    values that SQLite cannot store (integers beyond 64 bits, lone surrogates), and of SQLite's own
    messages that quote damaged bytes."""
    try:
        yield
    except FAILURES as error:
        raise journal_error(path, error) from error
    except (OverflowError, UnicodeEncodeError) as error:
        message = f"journal {path}: a value cannot be stored: {error}"
        raise JournalError(message, hint="nothing was stored", code="VALUE") from error

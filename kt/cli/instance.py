"""One `kt run` a profile: a lock that dies with its process, and a note of who holds it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from kt.errors import Busy, JournalError


class Holder(msgspec.Struct, frozen=True):
    """The process that runs; `since` in Korean time, as ISO text."""

    pid: int
    command: str
    since: str


def _paths(folder: Path) -> tuple[Path, Path]:
    return folder / "locks" / "run.lock", folder / "locks" / "run.json"


PROBED = 0.3
"""Seconds to wait for the lock: who only looks whether it is held holds it for a moment."""


@contextmanager
def only_one(folder: Path, command: str, now: datetime) -> Iterator[None]:
    """Hold the profile's run lock. Raises Busy, with who holds it, when it is taken, and
    JournalError when the folder cannot be written to."""
    from filelock import FileLock, Timeout

    lock_path, note_path = _paths(folder)
    lock = FileLock(lock_path)
    note = Holder(os.getpid(), command, now.isoformat(timespec="seconds"))
    try:
        lock_path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=PROBED, poll_interval=0.01)
        note_path.write_bytes(msgspec.json.encode(note))
    except Timeout:
        raise Busy(_taken(note_path), hint="`kt status` shows it.", code="RUNNING") from None
    except OSError as error:
        lock.release()
        raise JournalError(
            f"the folder {lock_path.parent} cannot be written to: {error.strerror}",
            hint="Nothing was sent. `kt doctor` looks closer.",
        ) from error
    try:
        yield
    finally:
        note_path.unlink(missing_ok=True)
        lock.release()


def _taken(note_path: Path) -> str:
    note = _read(note_path)
    who = f" (process {note.pid}, since {note.since[11:19]})" if note else ""
    return f"another kt run of this profile is at work{who}"


def holder(folder: Path) -> Holder | None:
    """Who holds the run lock now; None when nobody does."""
    from filelock import FileLock, Timeout

    lock_path, note_path = _paths(folder)
    if not lock_path.exists():
        return None
    lock = FileLock(lock_path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return _read(note_path) or Holder(0, "run", "")
    except OSError:
        return None
    lock.release()
    return None


def _read(path: Path) -> Holder | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Holder)
    except (OSError, msgspec.DecodeError):
        return None

"""One `kt run` per profile: locks that the system releases when the process ends, a file that names
the holder, and a check that the run's files were not deleted or replaced."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from kt.errors import Busy, JournalError
from kt.files import FOLDER_MODE, lock_file, private_folder, replace_private, trouble
from kt.paths import ProfilePaths

PROBED = 0.3
"""Seconds to wait for the lock: a process that only checks it holds it for a moment."""


class Holder(msgspec.Struct, frozen=True):
    """The process that holds the run lock; `since` is ISO text in Korean time."""

    pid: int
    command: str
    since: str


class OwnFiles:
    """The files and folders of a run, with their device and inode when they were added."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[str, tuple[int, int]]] = {}

    def add(self, what: str, path: Path) -> None:
        """Register a file as `what`. Raises OSError when it does not exist."""
        found = path.stat()
        self._known[path] = (what, (found.st_dev, found.st_ino))

    def still_ours(self) -> str | None:
        """Which file was deleted or replaced, so that this run must end; None if all are unchanged.
        A file whose status cannot be read counts as unchanged."""
        for path, (what, before) in self._known.items():
            try:
                found = path.stat()
                now = (found.st_dev, found.st_ino)
            except (FileNotFoundError, NotADirectoryError):
                now = (0, 0)
            except OSError:
                continue
            if now != before:
                return f"the {what} {path} was deleted or replaced"
        return None


@contextmanager
def only_one(paths: ProfilePaths, command: str, now: datetime) -> Iterator[OwnFiles]:
    """Hold the profile's run lock. Raises Busy, which names the holder, when it is taken, and
    JournalError when the folder is not writable."""
    note = Holder(os.getpid(), command, now.isoformat(timespec="seconds"))
    own = OwnFiles()
    with ExitStack() as held:
        try:
            private_folder(paths.locks)
            held.enter_context(_taken(paths.run_lock))
            held.enter_context(_outside(paths.folder))
            replace_private(paths.run_note, msgspec.json.encode(note))
            own.add("state folder", paths.folder)
            own.add("run's lock", paths.run_lock)
        except OSError as error:
            why, advice = trouble(error)
            raise JournalError(
                f"the folder {paths.locks} cannot be written to: {why}",
                hint=f"Nothing was sent; {advice}. `kt doctor` shows details",
            ) from error
        try:
            yield own
        finally:
            if own.still_ours() is None:  # otherwise the file belongs to the next run
                paths.run_note.unlink(missing_ok=True)


@contextmanager
def _taken(path: Path, *, leave: bool = True) -> Iterator[None]:
    """Hold the lock file at `path`; without `leave` it is deleted afterwards. Raises Busy, or
    OSError."""
    try:
        lock = lock_file(path, PROBED, poll=0.01)
    except TimeoutError:
        raise Busy(_who(path), hint="`kt status` shows it.", code="RUNNING") from None
    with lock:
        try:
            yield
        finally:
            if not leave:
                path.unlink(missing_ok=True)


@contextmanager
def _outside(folder: Path) -> Iterator[None]:
    """A second lock outside the folder, named by a hash of the folder's path, so that a run whose
    folder was deleted and recreated is still detected.

    Its place does not depend on environment variables, which differ between cron and a terminal.
    Without such a place, only the lock in the folder is used.
    """
    shared = _shared()
    if shared is None:
        yield
        return
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    with _taken(shared / f"run-{name}.lock", leave=False):
        yield


def _shared() -> Path | None:
    """This user's private folder in /tmp; None unless it is a folder that only this user can use,
    since any user could have created one of that name."""
    if os.name != "posix":
        return None
    path = Path("/tmp") / f"kt-{os.getuid()}"
    try:
        path.mkdir(mode=FOLDER_MODE, exist_ok=True)
        found = path.lstat()
    except OSError:
        return None
    private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
    return path if private and found.st_uid == os.getuid() else None


def _who(lock_path: Path) -> str:
    note = _read(lock_path.with_suffix(".json"))
    who = f" (process {note.pid}, since {note.since[11:19]})" if note else ""
    return f"another kt run of this profile is active{who}"


def holder(paths: ProfilePaths) -> Holder | None:
    """The holder of the run lock; None when it is free."""
    if not paths.run_lock.exists():
        return None
    try:
        with lock_file(paths.run_lock, 0):
            return None
    except TimeoutError:
        return _read(paths.run_note) or Holder(0, "run", "")
    except OSError:
        return None


def _read(path: Path) -> Holder | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Holder)
    except (OSError, msgspec.DecodeError):
        return None

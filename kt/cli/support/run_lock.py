"""One `kt run` a profile: locks that die with their process, a note of who holds them, and
whether what the run works on is still where it was."""

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
"""Seconds to wait for the lock: who only looks whether it is held holds it for a moment."""


class Holder(msgspec.Struct, frozen=True):
    """The process that runs; `since` in Korean time, as ISO text."""

    pid: int
    command: str
    since: str


class OwnFiles:
    """What a run works on, by name and by what was there when it was added."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[str, tuple[int, int]]] = {}

    def add(self, what: str, path: Path) -> None:
        """Raises OSError when it is not there."""
        found = path.stat()
        self._known[path] = (what, (found.st_dev, found.st_ino))

    def still_ours(self) -> str | None:
        """Why this run must end: what was deleted or replaced under it. None while all is well.
        A file that cannot be looked at is no evidence: whoever uses it says so."""
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
    """Hold the profile's run lock. Raises Busy, with who holds it, when it is taken, and
    JournalError when the folder cannot be written to."""
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
                hint=f"Nothing was sent; {advice}. `kt doctor` looks closer",
            ) from error
        try:
            yield own
        finally:
            if own.still_ours() is None:  # otherwise it is the next one's
                paths.run_note.unlink(missing_ok=True)


@contextmanager
def _taken(path: Path, *, leave: bool = True) -> Iterator[None]:
    """Hold this lock, on the file that is at the path; without `leave` the file goes with it.
    Raises Busy, and OSError."""
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
    """The same lock by the folder's name, kept where nobody deletes it with the folder: a run
    whose folder was deleted, and made anew by the next one, is still seen by that one.

    It does not depend on the environment, which cron and a terminal do not share. Where there is
    no such place the lock in the folder must do.
    """
    shared = _shared()
    if shared is None:
        yield
        return
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    with _taken(shared / f"run-{name}.lock", leave=False):
        yield


def _shared() -> Path | None:
    """This user's own folder in /tmp, if it surely is: anybody may make one of that name."""
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
    return f"another kt run of this profile is at work{who}"


def holder(paths: ProfilePaths) -> Holder | None:
    """Who holds the run lock now; None when nobody does."""
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

"""The stop as a file, for when the database is broken: there = stop, unreadable = halt."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime
from pathlib import Path

import msgspec

from kt.files import private_folder, replace_private, sync_folder, write_private
from kt.records import Stop, StopMode
from kt.store.sqlite_errors import mapped


def read_flag(path: Path, at: datetime) -> Stop | None:
    """The stop the file asks for, or None when there is no file.

    A file that cannot be read, or that makes no sense, means HALT: somebody wanted a stop.
    `touch halt.json` is therefore a halt. `at` is the present, for that case.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Stop)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        why = f"flag file {path} cannot be read ({error}): halted to be safe"
        return Stop(mode=StopMode.HALT, reason=why, by="flag file", at=at)


def write_flag(path: Path, stop: Stop) -> None:
    """Put the stop into the file, durably and all at once; RUNNING removes the file.

    On a full disk it goes into the room kept for it, and where there is none a halt is an empty
    file. Raises JournalError when the folder cannot be written to.
    """
    with mapped(path):
        if stop.mode is StopMode.RUNNING:
            path.unlink(missing_ok=True)
            keep_room(path)
        else:
            private_folder(path.parent)
            try:
                replace_private(path, msgspec.json.encode(stop) + b"\n", durable=True)
            except OSError:
                if not _into_room(path, stop):
                    if stop.mode is not StopMode.HALT:
                        raise
                    write_private(path, b"")
        sync_folder(path.parent)


ROOM = 4096


def keep_room(path: Path) -> None:
    """A file of the flag's size beside it: it needs no space any more when there is none."""
    kept = _kept(path)
    with contextlib.suppress(OSError):
        if not kept.exists():
            write_private(kept, b" " * ROOM, durable=True)


def _into_room(path: Path, stop: Stop) -> bool:
    """Write into the kept room and give it the flag's name; False when that cannot be done."""
    content = msgspec.json.encode(msgspec.structs.replace(stop, reason=stop.reason[: ROOM // 16]))
    try:
        with _kept(path).open("r+b") as file:
            file.write(content.ljust(ROOM))
            file.flush()
            os.fsync(file.fileno())
        _kept(path).replace(path)
    except OSError:
        return False
    return True


def _kept(path: Path) -> Path:
    return path.with_suffix(".room")

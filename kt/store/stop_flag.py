"""The stop as a file, which works without the database: if it exists, kt is stopped; if it cannot
be read, kt is halted."""

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
    """The stop in the file, or None when there is no file.

    A file that cannot be read or parsed means HALT, so `touch halt.json` halts kt. `at` is the
    current time, which is the stop's time in that case.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Stop)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        why = f"flag file {path} cannot be read ({error}): halted to be safe"
        return Stop(mode=StopMode.HALT, reason=why, by="flag file", at=at)


def write_flag(path: Path, stop: Stop) -> None:
    """Write the stop to the file, durably and atomically; RUNNING deletes the file.

    On a full disk it is written to space reserved for it, or over the flag that is there; without
    either, a halt becomes an empty file. Raises JournalError when the folder is not writable.
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
    """Reserve disk space for the flag, as a file of its size in the same folder."""
    kept = _kept(path)
    with contextlib.suppress(OSError):
        if not kept.exists() or kept.stat().st_size < ROOM:
            write_private(kept, b" " * ROOM, durable=True)


def _into_room(path: Path, stop: Stop) -> bool:
    """Write to the reserved file and rename it to the flag's name, or write over the flag that has
    used it already; False if both fail. A reader of a flag half written takes it for a halt."""
    content = msgspec.json.encode(msgspec.structs.replace(stop, reason=stop.reason[: ROOM // 16]))
    for room in (_kept(path), path):
        with contextlib.suppress(OSError):
            with room.open("r+b") as file:
                file.write(content.ljust(ROOM))
                file.flush()
                os.fsync(file.fileno())
            room.replace(path)
            return True
    return False


def _kept(path: Path) -> Path:
    return path.with_suffix(".room")

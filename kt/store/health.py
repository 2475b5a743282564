"""The journal's health checks for `kt doctor`: read-only, and never raising."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kt.errors import JournalError
from kt.records import Stop, StopMode
from kt.store import schema
from kt.store.connection import rows
from kt.store.sqlite_errors import FAILURES, Failure, explain
from kt.store.stop_flag import read_flag

WARN_FREE = 1024**3
FAIL_FREE = 100 * 1024**2
WARN_SIZE = 5 * 1024**3
_WAIT = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of `kt doctor`: `status` is ok, warn or fail; `hint` says what to do."""

    name: str
    status: str
    detail: str
    hint: str = ""


def examine(path: Path, profile: str, halt_flag: Path, now: datetime) -> tuple[Finding, ...]:
    """All findings about the journal's file, its disk and the stop's flag file."""
    return (*database(path, profile), disk(path), size(path), flag(path, halt_flag, now))


def database(path: Path, profile: str) -> tuple[Finding, ...]:
    """Whether the file can be opened, is intact, belongs to this profile and is writable."""
    try:
        if not path.exists():
            return (Finding("journal", "ok", f"{path} is not there yet; the first run makes it"),)
        with closing(_open(path)) as connection:
            return (
                _integrity(connection),
                _schema(connection),
                _profile(connection, profile),
                _writable(connection, path),
            )
    except FAILURES as error:
        return (_failed("journal", path, error),)


def disk(path: Path) -> Finding:
    """Free space on the journal's disk."""
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return _failed("disk", folder, error)
    status = "fail" if free < FAIL_FREE else "warn" if free < WARN_FREE else "ok"
    hint = "" if status == "ok" else "free some space (`kt log prune`): without it no order is sent"
    return Finding("disk", status, f"{_megabytes(free)} free at {folder}", hint)


def size(path: Path) -> Finding:
    """The size of the journal and its write-ahead log."""
    total = 0
    for part in (path, path.with_name(f"{path.name}-wal")):
        try:
            total += part.stat().st_size
        except FileNotFoundError:
            continue
        except OSError as error:
            return _failed("journal size", path, error)
    large = total > WARN_SIZE
    hint = "`kt log prune` removes old rows"
    return Finding(
        "journal size", "warn" if large else "ok", _megabytes(total), hint if large else ""
    )


def flag(path: Path, halt_flag: Path, now: datetime) -> Finding:
    """The stop by flag file and by row, and whether the two agree."""
    filed = read_flag(halt_flag, now)
    try:
        kept = last_stop(path)
    except JournalError as error:
        hint = "`kt halt`, then `kt resume`: the newest row counts"
        return Finding("stop", "fail", f"cannot be read, so no orders are sent: {error}", hint)
    modes = {stop.mode for stop in (filed, kept) if stop and stop.mode is not StopMode.RUNNING}
    if not modes:
        return Finding("stop", "ok", "no stop is set")
    shown = "; ".join(
        f"{where}: {stop.mode} ({stop.reason or 'no reason given'}, by {stop.by})"
        for where, stop in (("flag file", filed), ("journal", kept))
        if stop and stop.mode is not StopMode.RUNNING
    )
    differ = (filed.mode if filed else StopMode.RUNNING) != (
        kept.mode if kept else StopMode.RUNNING
    )
    hint = "`kt resume` ends it"
    if modes == {StopMode.FLATTEN}:
        hint = "`kt flatten` or `kt run` completes it if its process has ended"
    return Finding("stop", "warn", shown + ("; the stricter one holds" if differ else ""), hint)


def last_stop(path: Path) -> Stop | None:
    """The stop in the journal's newest row; None when the journal cannot be read. Raises
    JournalError for an invalid row."""
    from kt.store.stops import stop_of

    try:
        if not path.exists():
            return None
        with closing(_open(path)) as connection:
            found = rows(connection, "SELECT * FROM halts ORDER BY seq DESC LIMIT 1")
    except FAILURES:
        return None
    return stop_of(found[0]) if found else None


def _open(path: Path) -> sqlite3.Connection:
    """Open an existing file without creating or changing anything."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=_WAIT, isolation_level=None)


def _integrity(connection: sqlite3.Connection) -> Finding:
    faults = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    if faults == ["ok"]:
        return Finding("journal", "ok", "whole")
    hint = "move it aside (with -wal and -shm) and keep it; kt begins a new one"
    return Finding("journal", "fail", f"damaged: {'; '.join(faults)}", hint)


def _schema(connection: sqlite3.Connection) -> Finding:
    version = schema.version_of(connection)
    detail = f"version {version} of {schema.VERSION}"
    if version > schema.VERSION:
        return Finding("journal schema", "fail", detail, "a newer kt wrote it: update kt")
    if version < schema.VERSION:
        return Finding("journal schema", "ok", f"{detail}; the next command updates it")
    return Finding("journal schema", "ok", detail)


def _profile(connection: sqlite3.Connection, profile: str) -> Finding:
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
    found = (
        connection.execute("SELECT value FROM meta WHERE key = 'profile'").fetchone()
        if known
        else None
    )
    if found and found[0] == profile:
        return Finding("journal profile", "ok", profile)
    detail = f"the file is {found[0]}'s" if found else "the file names no profile"
    hint = "give every profile its own state folder (KT_STATE_DIR)"
    return Finding("journal profile", "fail", f"{detail}, this is {profile}", hint)


def _writable(connection: sqlite3.Connection, path: Path) -> Finding:
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("PRAGMA user_version = 0")  # touches a page; rolled back
        connection.execute("ROLLBACK")
    except FAILURES as error:
        return _failed("journal writing", path, error)
    return Finding("journal writing", "ok", "possible")


def _failed(name: str, path: Path, error: Failure) -> Finding:
    what, hint = explain(error, path)
    return Finding(name, "fail", f"{path}: {what}", hint)


def _megabytes(count: int) -> str:
    return f"{count / 1024**2:,.1f} MB"

"""The database file: opened and validated once, then short transactions with retry when busy."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from kt.errors import JournalError
from kt.files import create_private, private_folder
from kt.store import schema
from kt.store.kept_reads import KeptReads
from kt.store.sqlite_errors import corrupt, is_busy, mapped

T = TypeVar("T")

BUSY_SECONDS = 10.0
_SHORTEST, _LONGEST, _PART = 0.0003, 0.01, 0.01
"""Retry back-off: minimum and maximum seconds between tries, and the fraction of the time waited so
far. Another process's commit takes under a millisecond, so the first retries are quick."""
_SMALL = 16 * 1024 * 1024
"""Files up to this size are checked completely when opened (30 ms); `kt doctor` checks all."""


class DatabaseFile:
    """One connection to the journal, shared by the threads of this process.

    Every commit is durable when it returns (WAL, synchronous=FULL), unless the file is `alone`: no
    other connection writes it, and a power failure may lose it. Raises only JournalError.
    """

    def __init__(
        self,
        path: Path,
        profile: str,
        *,
        busy_seconds: float = BUSY_SECONDS,
        alone: bool = False,
    ) -> None:
        self.path = path
        self.profile = profile
        self._busy_seconds = busy_seconds
        self._lock = threading.RLock()
        with mapped(path):
            private_folder(path.parent)
            create_private(path)
            synchronous = "OFF" if alone else "FULL"
            self._connection = connect(path, synchronous=synchronous, busy_seconds=busy_seconds)
            self._kept = self._connection.kept = KeptReads() if alone else None
        with ExitStack() as undo:
            undo.callback(self._connection.close)
            self._prepare()
            undo.pop_all()

    def _prepare(self) -> None:
        with mapped(self.path):
            version = schema.version_of(self._connection)
            if version > schema.VERSION:
                raise self._too_new(version)
            if version and self.path.stat().st_size <= _SMALL:
                self._check()
            self._connection.execute("PRAGMA journal_mode = WAL")  # readers wait for no writer
        if version < schema.VERSION:
            with self.write() as connection:
                if schema.version_of(connection) < schema.VERSION:
                    schema.migrate(connection)
                connection.execute(
                    "INSERT INTO meta VALUES ('profile', ?) ON CONFLICT DO NOTHING", (self.profile,)
                )
        self._check_profile()

    def _check(self) -> None:
        found = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise corrupt(self.path, found)

    def _check_profile(self) -> None:
        rows = self.read("SELECT value FROM meta WHERE key = 'profile'")
        found = rows[0]["value"] if rows else ""
        if found != self.profile:
            raise JournalError(
                f"journal {self.path} belongs to profile {found or 'unknown'!r}, "
                f"not to {self.profile!r}: it was left alone",
                hint="give every profile its own state folder (KT_STATE_DIR)",
                code="PROFILE",
            )

    def _too_new(self, version: int) -> JournalError:
        return JournalError(
            f"journal {self.path} has schema version {version}; this kt knows {schema.VERSION}",
            hint="a newer kt wrote it: update kt",
            code="NEWER_SCHEMA",
        )

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """An exclusive write transaction: committed durably at the end of the block, rolled back
        when it raises. A nested call joins the outer transaction."""
        with self._lock, mapped(self.path):
            if self._inside():  # this thread's own: it holds the lock
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._inside():
                    self._connection.execute("ROLLBACK")
                    if self._kept is not None:
                        self._kept.clear()

    def _inside(self) -> bool:
        return self._connection.in_transaction

    def read(
        self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[dict[str, Any]]:
        """The rows of one query."""
        with self._lock, mapped(self.path):
            return rows(self._connection, sql, parameters)

    def made(
        self,
        sql: str,
        values: Sequence[Any],
        make: Callable[[list[dict[str, Any]]], T],
    ) -> T:
        """What `make` returns for the rows of a query that names its tables. In a file that is
        `alone` it is kept until one of them changes: nobody may change it."""
        if self._kept is None:
            return make(self.read(sql, values))
        with self._lock:
            return self._kept.get(sql, tuple(values), lambda: make(self.read(sql, values)))

    def vacuum(self) -> None:
        """Write the file anew without its free space, and empty the write-ahead log."""
        with self._lock, mapped(self.path):
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        with self._lock, mapped(self.path):
            self._connection.close()


class PatientConnection(sqlite3.Connection):
    """Retries for up to `patience` seconds while another process has locked the file.

    SQLite's own busy handler does not cover every case (two processes that switch a new file to
    WAL, recovery after a kill), and its growing delays can miss every gap between other processes'
    transactions. These delays are short and random.
    """

    patience = 0.0
    kept: KeptReads | None = None
    """Is told every statement."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if self.kept is not None:
            self.kept.wrote(sql)
        began = time.monotonic()
        while True:
            try:
                return super().execute(sql, parameters)
            except sqlite3.OperationalError as error:
                waited = time.monotonic() - began
                if not is_busy(error) or waited > self.patience:
                    raise
            step = min(_LONGEST, max(_SHORTEST, waited * _PART))
            time.sleep(step * random.uniform(0.2, 1.0))

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        if self.kept is not None:
            self.kept.wrote(sql)
        return super().executemany(sql, parameters)


def connect(
    path: Path, *, synchronous: str = "FULL", busy_seconds: float = BUSY_SECONDS
) -> PatientConnection:
    """A connection in autocommit mode that several threads may use in turn."""
    connection = sqlite3.connect(
        path,
        timeout=0,
        isolation_level=None,
        check_same_thread=False,
        factory=PatientConnection,
    )
    connection.patience = busy_seconds
    with ExitStack() as undo:
        undo.callback(connection.close)
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        undo.pop_all()
    return connection


def rows(
    connection: sqlite3.Connection,
    sql: str,
    parameters: Sequence[Any] | Mapping[str, Any] = (),
) -> list[dict[str, Any]]:
    cursor = connection.execute(sql, parameters)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]

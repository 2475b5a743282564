"""A thread that writes rows in batches, so that callers do not wait for the disk."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from kt.errors import JournalError
from kt.store.connection import BUSY_SECONDS, connect
from kt.store.light_sqlite_utils import import_sqlite_utils
from kt.store.sqlite_errors import BUSY_CODES, journal_error

if TYPE_CHECKING:
    from sqlite_utils.db import Database

CAPACITY = 50_000
"""Maximum number of queued rows; hours' worth at the broker's five calls per second."""
MANY = 10_000
_GATHER = 0.2
"""Seconds that the first row waits for more rows."""
_RETRY = 1.0


class Insert(NamedTuple):
    """A row for a table; with `ignore`, an existing row is not changed."""

    table: str
    row: dict[str, Any]
    ignore: bool = False


class Statement(NamedTuple):
    """Any statement other than a plain insert."""

    sql: str
    parameters: tuple[Any, ...]


Item = Insert | Statement


class RowWriter(Protocol):
    """Takes rows that need not be durable at once. All of it may raise JournalError."""

    def put(self, items: Sequence[Item]) -> None: ...
    def flush(self) -> None:
        """Return when everything put so far can be read."""
        ...

    def close(self) -> None: ...


class BatchWriter:
    """Implements RowWriter: a bounded queue, written in order on its own connection.

    A batch that cannot be written is retried; until it succeeds, `put` and `flush` raise
    JournalError, so that trading does not continue without a journal. While another process only
    holds the file, `put` keeps queueing. Queued rows are lost if the process is killed; orders,
    fills and positions are not written this way.
    """

    def __init__(self, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._waiting: list[Item] = []
        self._condition = threading.Condition()
        self._hurry = False
        self._busy = False
        self._closing = False
        self._fault: JournalError | None = None
        self._attempts = 0
        self._thread: threading.Thread | None = None

    def put(self, items: Sequence[Item]) -> None:
        """Queue rows. Raises JournalError when earlier rows cannot be written. An empty queue
        accepts any number of rows at once; a caller with more than MANY must flush afterwards."""
        with self._condition:
            if self._fault is not None and self._fault.code not in BUSY_CODES:
                self._raise_fault()
            if self._closing:
                raise JournalError(f"journal {self._path} is closed", code="CLOSED")
            if self._waiting and len(self._waiting) + len(items) > CAPACITY:
                raise JournalError(
                    f"journal {self._path}: {len(self._waiting)} rows wait to be written",
                    hint="the disk is too slow or full: run `kt doctor`",
                    code="BACKLOG",
                )
            self._waiting.extend(items)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="kt-journal", args=(), daemon=True
                )
                self._thread.start()
            self._condition.notify_all()

    def flush(self) -> None:
        """Wait until all rows queued so far are written; raises JournalError if they cannot be."""
        with self._condition:
            if self._thread is None or not (self._waiting or self._busy):
                return
            tried = self._attempts + (2 if self._busy else 1)
            self._hurry = True
            self._condition.notify_all()
            self._condition.wait_for(
                lambda: (
                    not (self._waiting or self._busy)
                    or (self._fault is not None and self._attempts >= tried)
                )
            )
            self._raise_fault()

    def close(self) -> None:
        """Write the queued rows and end the thread."""
        try:
            self.flush()
        finally:
            with self._condition:
                self._closing = True
                self._condition.notify_all()
            if self._thread is not None:
                self._thread.join()

    def _raise_fault(self) -> None:
        if self._fault is not None:
            fault = self._fault
            raise JournalError(fault.message, hint=fault.hint, code=fault.code)

    def _run(self) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(self._ended)
            db: Database | None = None
            while (batch := self._next_batch()) is not None:
                fault: JournalError | None = None
                try:
                    if db is None:
                        db = self._open(stack)
                    _write(db, batch)
                except (sqlite3.Error, OSError) as error:
                    fault = journal_error(self._path, error)
                self._done(batch, fault)

    def _ended(self) -> None:
        """Wake all waiting callers when the thread ends."""
        with self._condition:
            if not self._closing:
                self._fault = JournalError(f"journal {self._path}: the writer ended", code="CLOSED")
            self._busy = False
            self._attempts += 2
            self._condition.notify_all()

    def _open(self, stack: contextlib.ExitStack) -> Database:
        connection = connect(self._path, synchronous="NORMAL", busy_seconds=self._busy_seconds)
        stack.callback(connection.close)
        made: Database = import_sqlite_utils().Database(
            connection, recursive_triggers=False, execute_plugins=False
        )
        return made

    def _next_batch(self) -> list[Item] | None:
        """Wait for rows to form a batch; None when closing."""
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._closing)
            pause = _RETRY if self._fault else _GATHER
            self._condition.wait_for(lambda: self._hurry or self._closing, timeout=pause)
            self._hurry = False
            if self._closing and (self._fault or not self._waiting):
                return None
            batch, self._waiting = self._waiting, []
            self._busy = True
            return batch

    def _done(self, batch: list[Item], fault: JournalError | None) -> None:
        with self._condition:
            if fault is not None:
                self._waiting[:0] = batch
            self._fault = fault
            self._attempts += 1
            self._busy = False
            self._condition.notify_all()


_POISON = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    OverflowError,
    ValueError,
)
"""Exceptions of rows that can never be written; all others are errors of the disk."""


def _write(db: Database, batch: list[Item]) -> None:
    """Write the batch in one transaction. If it has a row that can never be written, write row by
    row, and record that row as an error."""
    try:
        with _transaction(db):
            for _, group in groupby(batch, key=_kind):
                _put(db, list(group))
    except _POISON:
        for item in batch:
            try:
                with _transaction(db):
                    _put(db, [item])
            except _POISON as error:
                with _transaction(db):
                    db.table("errors").insert(_refused(item, error))


def _put(db: Database, items: list[Item]) -> None:
    first = items[0]
    if isinstance(first, Insert):
        rows = [item.row for item in items if isinstance(item, Insert)]
        db.table(first.table).insert_all(rows, ignore=first.ignore)
        return
    for item in items:
        if isinstance(item, Statement):
            db.execute(item.sql, item.parameters)


@contextlib.contextmanager
def _transaction(db: Database) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    finally:
        db.rollback()  # nothing is left to roll back when all went well


def _refused(item: Item, error: Exception) -> dict[str, Any]:
    row = item.row if isinstance(item, Insert) else {}
    table = item.table if isinstance(item, Insert) else "statement"
    return {
        "run": str(row.get("run", "")),
        "kind": "fatal",
        "place": f"journal.{table}",
        "message": f"a row was left out: {error}",
        "at": str(row.get("at") or row.get("started_at") or row.get("asked_at") or ""),
    }


def _kind(item: Item) -> tuple[str, bool]:
    """Consecutive items with the same key are written in one statement."""
    return (item.table, item.ignore) if isinstance(item, Insert) else ("", False)

"""The rows of a journal that later decisions depend on, taken from one file and put into a new
one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from kt.store import schema
from kt.store.connection import rows
from kt.store.read_only import read_only, tables
from kt.store.rows import Row, insert_sql
from kt.store.sqlite_errors import mapped

LEFT_OUT = frozenset(
    (
        *("log", "runs", "steps", "api_calls", "scans", "candidates", "checks", "check_results"),
        *("errors", "notices", "deliveries", "heartbeats", "minute_prices"),
    )
)
"""Tables that no decision reads."""
PACKED = "_zlib"
"""Columns with this ending hold bytes."""


def read_rows(path: Path) -> tuple[int, list[tuple[str, Row]]]:
    """The version of the file's schema, and its rows by table; nothing for a missing file. Bytes
    are hexadecimal. Raises JournalError."""
    if not path.exists():
        return schema.VERSION, []
    with mapped(path), closing(read_only(path)) as db:
        version = schema.version_of(db)
        return version, [(table, row) for table in _kept(db) for row in _rows(db, table)]


def write_rows(path: Path, version: int, found: Iterable[tuple[str, Row]]) -> None:
    """Make a journal of this version with these rows; opening it brings it up to date. Raises
    JournalError."""
    with mapped(path), closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN")
        schema.migrate(db, to=version)
        known = {table: _columns(db, table) for table in _kept(db)}
        for table, row in found:
            kept = known.get(table, frozenset())
            values = {name: _value(name, row[name]) for name in row if name in kept}
            if values:
                db.execute(insert_sql(table, values), values)
        db.execute("DELETE FROM log")  # its triggers wrote one for each row
        db.execute("COMMIT")


def _kept(db: sqlite3.Connection) -> list[str]:
    return [name for name in tables(db) if name not in LEFT_OUT]


def _columns(db: sqlite3.Connection, table: str) -> frozenset[str]:
    return frozenset(
        name for (name,) in db.execute(f"SELECT name FROM pragma_table_info('{table}')")
    )


def _rows(db: sqlite3.Connection, table: str) -> Iterator[Row]:
    for row in rows(db, f'SELECT * FROM "{table}"'):
        yield {
            name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()
        }


def _value(name: str, value: Any) -> Any:
    if not (name.endswith(PACKED) and isinstance(value, str)):
        return value if isinstance(value, str | int | float) else None
    try:
        return bytes.fromhex(value)
    except ValueError:
        return b""

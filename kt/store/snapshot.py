"""The rows of a journal that later decisions depend on, taken from one file and put into a new
one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from kt.store import schema
from kt.store.rows import Row, insert_sql
from kt.store.sqlite_errors import mapped

LEFT_OUT = frozenset(
    (
        *("log", "runs", "steps", "api_calls", "scans", "candidates", "checks", "check_results"),
        *("errors", "notices", "deliveries", "heartbeats"),
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
    with mapped(path), closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        version = schema.version_of(db)
        return version, [(table, row) for table in _tables(db) for row in _rows(db, table)]


def write_rows(path: Path, version: int, rows: Iterable[tuple[str, Row]]) -> None:
    """Make a journal of this version with these rows; opening it brings it up to date. Raises
    JournalError."""
    with mapped(path), closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN")
        schema.migrate(db, to=version)
        known = {table: _columns(db, table) for table in _tables(db)}
        for table, row in rows:
            kept = known.get(table, frozenset())
            values = {name: _value(name, row[name]) for name in row if name in kept}
            if values:
                db.execute(insert_sql(table, values), values)
        db.execute("DELETE FROM log")  # its triggers wrote one for each row
        db.execute("COMMIT")


def _tables(db: sqlite3.Connection) -> Iterator[str]:
    sql = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
    for (name,) in db.execute(sql).fetchall():
        if not name.startswith(("sqlite_", "_sqlite_")) and name not in LEFT_OUT:
            yield name


def _columns(db: sqlite3.Connection, table: str) -> frozenset[str]:
    return frozenset(
        name for (name,) in db.execute(f"SELECT name FROM pragma_table_info('{table}')")
    )


def _rows(db: sqlite3.Connection, table: str) -> Iterator[Row]:
    cursor = db.execute(f'SELECT * FROM "{table}"')
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield {
            name: value.hex() if isinstance(value, bytes) else value
            for name, value in zip(names, row, strict=True)
        }


def _value(name: str, value: Any) -> Any:
    if not (name.endswith(PACKED) and isinstance(value, str)):
        return value if isinstance(value, str | int | float) else None
    try:
        return bytes.fromhex(value)
    except ValueError:
        return b""

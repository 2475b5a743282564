"""The normalised form of a journal: every row that depends on what was traded, in a fixed order
(docs/virtual-clock.md#digest)."""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from kt.store.read_only import read_only, tables
from kt.store.sqlite_errors import mapped

_ENCODE = msgspec.json.Encoder().encode
LEFT_OUT = {"runs": frozenset({"pid", "version"})}
"""Columns that differ between two equal runs."""


def normalised(path: Path) -> Iterator[str]:
    """One line for each row: the table, and the columns by name as JSON. Raises JournalError."""
    with mapped(path), closing(read_only(path)) as db:
        for table in tables(db):
            yield from _rows(db, table)


def _rows(db: sqlite3.Connection, table: str) -> Iterator[str]:
    columns = db.execute(f"SELECT pk, name FROM pragma_table_info('{table}')").fetchall()
    order = ", ".join(f'"{name}"' for place, name in sorted(columns) if place) or "rowid"
    names = sorted({name for _, name in columns} - LEFT_OUT.get(table, frozenset()))
    wanted = ", ".join(f'"{name}"' for name in names)
    for row in db.execute(f'SELECT {wanted} FROM "{table}" ORDER BY {order}'):
        kept = dict(zip(names, row, strict=True))
        if bytes in map(type, row):
            kept = {name: _plain(name, value) for name, value in kept.items()}
        yield f"{table} {_ENCODE(kept).decode()}"


def _plain(name: str, value: Any) -> Any:
    """A packed text unpacked: its packed form depends on the machine's zlib."""
    if not isinstance(value, bytes):
        return value
    return zlib.decompress(value).decode() if name.endswith("_zlib") and value else value.hex()


def digest(path: Path) -> str:
    """The SHA-256 of the normalised journal, in hexadecimal. Raises JournalError."""
    made = hashlib.sha256()
    for line in normalised(path):
        made.update(line.encode() + b"\n")
    return made.hexdigest()

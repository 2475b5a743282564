"""Writes rows without a thread of its own, for a virtual clock: the order of all rows then depends
on nothing but the order of the calls."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import Any

from kt.store.connection import DatabaseFile
from kt.store.writer import Insert, Item, Statement

MOST = 2_000
"""Rows that are kept until the next read."""


class InlineWriter:
    """Implements RowWriter on the journal's own connection."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file
        self._waiting: list[Item] = []

    def put(self, items: Sequence[Item]) -> None:
        self._waiting.extend(items)
        if len(self._waiting) >= MOST:
            self.flush()

    def flush(self) -> None:
        """Write what waits, inside the caller's transaction if there is one."""
        batch, self._waiting = self._waiting, []
        if not batch:
            return
        with self._file.write() as connection:
            for sql, group in groupby(batch, key=_statement):
                connection.executemany(sql, map(_values, group))

    def close(self) -> None:
        self.flush()


def _statement(item: Item) -> str:
    if isinstance(item, Statement):
        return item.sql
    return _insert(item.table, item.ignore, tuple(item.row))


@cache
def _insert(table: str, ignore: bool, columns: tuple[str, ...]) -> str:
    """An INSERT of values by place; there is one for each table."""
    places = ", ".join("?" * len(columns))
    verb = "INSERT OR IGNORE" if ignore else "INSERT"
    return f"{verb} INTO {table} ({', '.join(columns)}) VALUES ({places})"


def _values(item: Item) -> tuple[Any, ...]:
    return tuple(item.row.values()) if isinstance(item, Insert) else item.parameters

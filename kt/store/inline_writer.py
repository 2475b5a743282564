"""Writes rows without a thread of its own, for a virtual clock: the order of all rows then depends
on nothing but the order of the calls."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from kt.store.connection import DatabaseFile
from kt.store.rows import insert_sql
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
            for _, group in groupby(batch, key=_statement):
                items = list(group)
                connection.executemany(_statement(items[0]), map(_values, items))

    def close(self) -> None:
        self.flush()


def _statement(item: Item) -> str:
    if isinstance(item, Statement):
        return item.sql
    return insert_sql(item.table, item.row, verb="INSERT OR IGNORE" if item.ignore else "INSERT")


def _values(item: Item) -> Any:
    return item.row if isinstance(item, Insert) else item.parameters

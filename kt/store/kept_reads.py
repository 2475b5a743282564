"""The records of repeated queries, for a journal that no other process writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, TypeVar

T = TypeVar("T")

MOST = 500
"""Results that are kept at most; beyond it all are dropped."""
_NAME = re.compile(r"\w+")
_CHANGE = re.compile(r"(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM) (\w+)")


class KeptReads:
    """Keeps what was made of a query's rows until a table that the query names has changed."""

    def __init__(self) -> None:
        self._changes: dict[str, int] = {}
        """How many times each table was written."""
        self._found: dict[Hashable, tuple[list[int], Any]] = {}

    def wrote(self, sql: str) -> None:
        """This statement runs."""
        table = _table(sql)
        if table is not None:
            self._changes[table] = self._changes.get(table, 0) + 1

    def clear(self) -> None:
        """Forget everything: a transaction was rolled back."""
        self._found.clear()

    def get(self, sql: str, values: tuple[Any, ...], make: Callable[[], T]) -> T:
        """What `make` returned for this query, or returns now. Nobody may change it."""
        changes = self._changes
        now = [changes[word] for word in _words(sql) if word in changes]
        had = self._found.get((sql, values))
        if had is not None and had[0] == now:
            found: T = had[1]
            return found
        if len(self._found) >= MOST:
            self._found.clear()
        found = make()
        self._found[sql, values] = now, found
        return found


@lru_cache(maxsize=512)
def _table(sql: str) -> str | None:
    """The table that a statement changes; None: it changes none."""
    found = _CHANGE.match(sql)
    return found[1] if found else None


@lru_cache(maxsize=512)
def _words(sql: str) -> tuple[str, ...]:
    """The words of a query, its tables among them, in a fixed order."""
    return tuple(dict.fromkeys(_NAME.findall(sql)))

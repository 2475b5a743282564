"""The few columns of the journal that shell completion shows, read without opening the journal for
writing: a database that is missing, busy or damaged has nothing to offer."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import namedtuple
from pathlib import Path
from typing import Any

from kt.store.read_only import read_only

OPEN = ("ACKED", "PARTIAL", "AMENDING", "CANCELLING")
"""`kt.records.OPEN_STATES`, which would take as long to import as all the rest."""
UNKNOWN = ("PLANNED", "SENDING", "UNKNOWN")
"""`kt.records.UNRESOLVED_STATES`."""
_SECONDS = 0.05
"""How long to wait for another process's lock."""
_MOST = 100

OrderRow = namedtuple("OrderRow", "order_id ord_no side stock_code stock_name quantity price state")


def orders(path: Path, states: tuple[str, ...]) -> list[OrderRow]:
    """The orders in these states, newest first."""
    marks = ", ".join("?" * len(states))
    sql = f"SELECT {', '.join(OrderRow._fields)} FROM orders WHERE state IN ({marks})"
    rows = _read(path, f"{sql} ORDER BY created_at DESC LIMIT {_MOST}", states)
    return [OrderRow(*row) for row in rows]


def positions(path: Path) -> list[tuple[str, str, int]]:
    """Code, name and quantity of what is held."""
    sql = "SELECT stock_code, stock_name, quantity FROM positions WHERE quantity > 0"
    return _read(path, f"{sql} ORDER BY value DESC LIMIT {_MOST}", ())


def ordered(path: Path) -> list[tuple[str, str]]:
    """Code and name of the stocks ordered last, newest first."""
    sql = "SELECT stock_code, max(stock_name) FROM orders GROUP BY stock_code"
    return _read(path, f"{sql} ORDER BY max(created_at) DESC LIMIT 20", ())


def _read(path: Path, sql: str, values: tuple[str, ...]) -> list[Any]:
    if not path.is_file():
        return []
    try:
        with contextlib.closing(read_only(path, timeout=_SECONDS)) as file:
            return file.execute(sql, values).fetchall()
    except sqlite3.Error:
        return []

"""Opens a journal that is only read. It imports next to nothing: a TAB in a shell waits for it."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def read_only(path: Path, *, timeout: float = 5.0) -> sqlite3.Connection:
    """A connection to a file that is there; `timeout` are seconds for a lock of another process.
    Raises sqlite3.Error."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=timeout)


def tables(connection: sqlite3.Connection) -> list[str]:
    """The names of the tables that are kt's own, in order."""
    sql = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
    names = [name for (name,) in connection.execute(sql)]
    return [name for name in names if not name.startswith(("sqlite_", "_sqlite_"))]

"""Imports sqlite-utils without pandas and numpy.

It imports both where they are installed, only to know their types as column types, which the
journal does not use. They take half a second of CPU time in every kt process that writes.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

_NOT_NEEDED = frozenset({"pandas", "numpy"})


class Without:
    """A finder that has the imports of one thread fail for these packages, and no others."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Raises ModuleNotFoundError for a package that is not needed."""
        if name in _NOT_NEEDED and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(name=name)


def import_sqlite_utils() -> Any:
    """The package `sqlite_utils`. Other threads can import pandas and numpy meanwhile."""
    without: Any = Without()
    sys.meta_path.insert(0, without)
    try:
        import sqlite_utils
    finally:
        sys.meta_path.remove(without)
    return sqlite_utils

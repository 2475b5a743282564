"""The nesting depth of parsed JSON."""

from __future__ import annotations

from typing import Any


def deeper_than(levels: int, found: dict[str, Any] | list[Any]) -> bool:
    """Whether lists and objects nest deeper than so many levels. Iterative, so that no input
    exceeds Python's recursion limit."""
    level: list[Any] = [found]
    for _ in range(levels):
        inside = [one.values() if isinstance(one, dict) else one for one in level]
        level = [one for values in inside for one in values if isinstance(one, dict | list)]
        if not level:
            return False
    return True

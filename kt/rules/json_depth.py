"""How deep lists and objects of JSON lie inside one another."""

from __future__ import annotations

from typing import Any


def deeper_than(levels: int, found: dict[str, Any] | list[Any]) -> bool:
    """Measured level by level, so that no depth is too deep to be measured."""
    level: list[Any] = [found]
    for _ in range(levels):
        inside = [one.values() if isinstance(one, dict) else one for one in level]
        level = [one for values in inside for one in values if isinstance(one, dict | list)]
        if not level:
            return False
    return True

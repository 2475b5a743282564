"""Reads values from a provider's JSON, in which any field may be missing or of another type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kt.analyst.failure import one_line

_MOST_TOKENS = 10**9


def as_object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def as_list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def count(value: Any) -> int:
    """A number of tokens; 0 for a value that is not a plausible count."""
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return value if 0 <= value <= _MOST_TOKENS else 0


def short(value: Any) -> str:
    return one_line(str(value))[:60]


def model_name(value: Any) -> str:
    """A model's name as it is journaled: one short line, without Google's prefix `models/`."""
    return one_line(value)[:100].removeprefix("models/") if isinstance(value, str) else ""

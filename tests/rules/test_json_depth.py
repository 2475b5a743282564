"""Levels of JSON are counted as one reads them, however many there are."""

from __future__ import annotations

from typing import Any

import pytest

from kt.rules.json_depth import deeper_than


def nested(levels: int, *, lists: bool) -> Any:
    found: Any = "leaf"
    for _ in range(levels):
        found = [found, 1] if lists else {"a": found, "b": 1}
    return found


@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.parametrize("levels", [1, 2, 32])
def test_json_at_the_depth_limit_is_allowed(levels: int, lists: bool) -> None:
    assert not deeper_than(levels, nested(levels, lists=lists))
    assert deeper_than(levels, nested(levels + 1, lists=lists))


def test_the_deepest_branch_decides_the_depth() -> None:
    assert deeper_than(3, {"flat": [], "deep": nested(3, lists=True)})
    assert not deeper_than(3, {"flat": [], "deep": nested(2, lists=True)})
    assert deeper_than(32, nested(100_000, lists=True))
    assert not deeper_than(1, [])

"""A house of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.day.house import House
from tests.day.house import house as built


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with built(tmp_path) as made:
        yield made

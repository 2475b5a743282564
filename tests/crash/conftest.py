"""One forge and its exchanges for all of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.crash.stage import Stage

THREADS = 3


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    made = Stage(THREADS, speed=20.0)
    made.folder.chmod(0o755)  # for a child that is another user
    yield made
    made.close()

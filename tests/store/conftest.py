"""A journal in a folder of its own, closed at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kt.errors import JournalError
from kt.store.journal import SqliteJournal
from tests.store.make import open_journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    opened = open_journal(tmp_path)
    yield opened
    with suppress(JournalError):  # tests of broken files break it on purpose
        opened.close()

"""The normalised journal: equal for equal runs, different when anything that was traded is."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from kt.clock import ManualClock
from kt.errors import JournalError
from kt.records import KST
from kt.store.journal import SqliteJournal
from kt.store.normalised import digest, normalised


def journal(path: Path, clock: ManualClock, *, alone: bool = True) -> SqliteJournal:
    return SqliteJournal(path / "kt.db", clock, path / "halt.json", "sim", alone=alone)


@pytest.fixture
def clock() -> ManualClock:
    from datetime import datetime

    return ManualClock(datetime(2026, 1, 5, 9, tzinfo=KST))


def written(path: Path, clock: ManualClock, *, alone: bool = True, text: str = "slow") -> Path:
    made = journal(path, clock, alone=alone)
    made.start_run("RUN", "backtest", "1")
    made.error("RUN", "network", "here", text, clock.now())
    made.finish_run("RUN", "done", 0)
    made.close()
    return path / "kt.db"


def test_process_and_version_do_not_count(tmp_path: Path, clock: ManualClock) -> None:
    import sqlite3

    one, two = written(tmp_path / "1", clock), written(tmp_path / "2", clock)
    with sqlite3.connect(two) as db:
        db.execute("UPDATE runs SET pid = pid + 1, version = 'another'")
    assert digest(one) == digest(two)
    with sqlite3.connect(two) as db:
        db.execute("UPDATE runs SET outcome = 'failed'")
    assert digest(one) != digest(two)


def test_a_journal_written_inline_has_the_rows_of_the_live_one(
    tmp_path: Path, clock: ManualClock
) -> None:
    one = written(tmp_path / "1", clock)
    two = written(tmp_path / "2", clock, alone=False)
    assert list(normalised(one)) == list(normalised(two))


def test_rows_are_readable_before_they_are_written(tmp_path: Path, clock: ManualClock) -> None:
    made = journal(tmp_path, clock)
    made.error("RUN", "network", "here", "slow", clock.now())
    assert len(made.events(limit=10)) == 1
    with made.together():
        made.error("RUN", "network", "there", "slow", clock.now())
        made.flush()
    assert len(made.events(limit=10)) == 2
    made.close()


def test_packed_texts_count_unpacked(tmp_path: Path, clock: ManualClock) -> None:
    import sqlite3

    path = written(tmp_path, clock)
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE extra (text_zlib BLOB)")
        db.execute("INSERT INTO extra VALUES (?)", (zlib.compress(b"words", 1),))
    assert 'extra {"text_zlib":"words"}' in list(normalised(path))


def test_no_journal_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError):
        digest(tmp_path / "kt.db")

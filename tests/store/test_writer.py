"""Batched rows: nobody waits for the disk, nothing handed over is lost but by a kill."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from kt.errors import JournalError
from kt.store import writer
from kt.store.journal import SqliteJournal
from tests.store.make import T0, answer, event, open_journal, order, placed

ROOT = Path(__file__).resolve().parents[2]


def count(folder: Path, table: str = "api_calls") -> int:
    with closing(sqlite3.connect(folder / "kt.db")) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def call(journal: SqliteJournal, number: int) -> None:
    journal.api_call("R1", f"ka{number:05d}", T0, 12, 200, "0", "")


def test_rows_keep_their_order_and_are_there_after_a_flush(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        for number in range(1_000):
            call(journal, number)
            if number % 100 == 0:
                journal.heartbeat("R1", "cycle", T0)
        journal.flush()
        assert count(tmp_path) == 1_000
        rows = journal.events(kinds=["api_call"], limit=2_000)
        assert [row["api_id"] for row in rows] == [f"ka{number:05d}" for number in range(1_000)]
        assert journal.runs() == ()
        assert count(tmp_path, "heartbeats") == 1


def test_the_caller_does_not_wait_while_another_process_writes(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal, closing(sqlite3.connect(tmp_path / "kt.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        for number in range(500):
            call(journal, number)
        assert time.monotonic() - started < 1.0
        assert count(tmp_path) == 0
        other.execute("ROLLBACK")
        journal.flush()
        assert count(tmp_path) == 500


def test_closing_writes_what_waits(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    for number in range(50):
        call(journal, number)
    journal.close()
    assert count(tmp_path) == 50
    journal.close()  # again: nothing happens


def test_a_process_that_just_ends_has_written_everything(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.store.make import *;"
        "journal = open_journal(Path(sys.argv[1]));"
        "[journal.api_call('R1', 'ka10001', T0, 1, 200, '0', '') for _ in range(25)]"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=True, timeout=60)
    assert count(tmp_path) == 25


def test_many_threads_hand_over_at_once(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:

        def work(base: int) -> None:
            for number in range(base, base + 200):
                call(journal, number)
                if number % 50 == 0:
                    journal.plan_order(
                        order(f"T{number}", stock_code=f"{number:06d}"),
                        event("PLANNED", f"T{number}"),
                    )

        threads = [threading.Thread(target=work, args=(base,)) for base in range(0, 800, 200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        journal.flush()
        assert count(tmp_path) == 800
        assert len(journal.orders()) == 16


def test_an_unwritable_row_is_reported_and_the_others_are_written(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.answer("R1", answer("good"))
        journal.answer("R1", answer("broken", model="half \ud800"))
        journal.answer("R1", answer("huge", tokens_in=2**70))
        journal.answer("R1", answer("also good"))
        assert journal.find_answer("good") is not None
        assert journal.find_answer("also good") is not None
        assert journal.find_answer("broken") is None
        errors = journal.events(kinds=["error"])
        assert [row["place"] for row in errors] == ["journal.ai_calls"] * 2
        assert all("a row was left out" in row["message"] for row in errors)


def test_a_full_disk_raises_in_the_next_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And when there is space again, what waited is written."""
    full = threading.Event()
    full.set()
    real = writer._write

    def write(db: object, batch: list[writer.Item]) -> None:
        if full.is_set():
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorname = "SQLITE_FULL"
            raise error
        real(db, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(writer, "_write", write)
    with open_journal(tmp_path) as journal:
        call(journal, 1)
        with pytest.raises(JournalError, match="the disk is full"):
            journal.flush()
        with pytest.raises(JournalError, match="the disk is full"):
            call(journal, 2)
        full.clear()
        journal.flush()
        call(journal, 3)
        journal.flush()
        assert count(tmp_path) == 2


def test_rows_are_collected_while_another_process_holds_the_file(tmp_path: Path) -> None:
    """Even for longer than one try lasts: only who asks for it to be written is told."""
    with (
        open_journal(tmp_path, busy_seconds=0.02) as journal,
        closing(sqlite3.connect(tmp_path / "kt.db")) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        call(journal, 1)
        with pytest.raises(JournalError, match="held it for too long"):
            journal.flush()
        for number in range(100):
            call(journal, number)
        other.execute("ROLLBACK")
        journal.flush()
        assert count(tmp_path) == 101


def test_a_full_queue_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "CAPACITY", 3)
    with open_journal(tmp_path) as journal, closing(sqlite3.connect(tmp_path / "kt.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="rows wait to be written"):
            for number in range(20):
                call(journal, number)
        other.execute("ROLLBACK")


def test_money_rows_do_not_wait_for_batched_ones(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        for number in range(200):
            call(journal, number)
        placed(journal)
        assert count(tmp_path, "orders") == 1

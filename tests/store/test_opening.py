"""What can be wrong with the file or the disk is named, with what to do; nothing else leaks."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from kt.errors import JournalError
from kt.records import SymbolLock
from kt.store import connection, schema
from kt.store.journal import SqliteJournal
from tests.store.make import T0, day_result, event, open_journal, order, placed, position


@contextmanager
def as_nobody(*folders: Path) -> Iterator[None]:
    """Root may write everywhere: for the time being this process is somebody else."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def raw(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(folder / "kt.db", isolation_level=None)


def refusal(folder: Path, **changes: object) -> JournalError:
    with pytest.raises(JournalError) as refused:
        open_journal(folder, busy_seconds=0.05, **changes)
    assert str(folder) in refused.value.message
    assert refused.value.hint
    return refused.value


def test_a_new_journal_is_for_its_owner_alone(tmp_path: Path) -> None:
    open_journal(tmp_path / "new" / "folder").close()
    assert (tmp_path / "new" / "folder" / "kt.db").stat().st_mode & 0o777 == 0o600


def test_money_rows_are_written_through(journal: SqliteJournal) -> None:
    """synchronous = 2 is FULL: every commit is on the disk when it returns."""
    with journal._file.write() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_another_profiles_journal_is_refused(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        placed(journal)
    refused = refusal(tmp_path, profile="real")
    assert refused.code == "PROFILE"
    assert "belongs to profile 'sim', not to 'real'" in refused.message
    with open_journal(tmp_path) as journal:
        assert len(journal.orders()) == 1


def test_a_newer_journal_is_refused_and_left_alone(tmp_path: Path) -> None:
    open_journal(tmp_path).close()
    with closing(raw(tmp_path)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    refused = refusal(tmp_path)
    assert refused.code == "NEWER_SCHEMA"
    assert refused.hint == "a newer kt wrote it: update kt"
    with closing(raw(tmp_path)) as connection:
        assert schema.version_of(connection) == schema.VERSION + 1


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "kt.db").write_bytes(b"what is this?" * 100)
    refused = refusal(tmp_path)
    assert refused.code == "SQLITE_NOTADB"
    assert "move it aside" in str(refused.hint)
    assert (tmp_path / "kt.db").read_bytes().startswith(b"what is this?")


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        for index in range(200):
            journal.put_position(position(stock_code=f"{index:06d}"))
    path = tmp_path / "kt.db"
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2 // 4096 * 4096
    whole[middle : middle + 8192] = os.urandom(8192)
    path.write_bytes(whole)
    assert refusal(tmp_path).code == "SQLITE_CORRUPT"


def test_a_file_whose_schema_is_no_text_is_refused(tmp_path: Path) -> None:
    """SQLite quotes the damaged bytes in its own message, which Python cannot decode."""
    with open_journal(tmp_path):
        pass
    path = tmp_path / "kt.db"
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE", b"CREATE \x86ABLE"))
    assert refusal(tmp_path).code == "SQLITE_CORRUPT"


def test_a_cut_off_file_is_refused(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        placed(journal)
    path = tmp_path / "kt.db"
    os.truncate(path, path.stat().st_size // 3)
    assert refusal(tmp_path).code in ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def test_a_busy_file_is_opened_between_others_transactions(tmp_path: Path) -> None:
    """Somebody holds the file nearly always, in a rhythm that the steps in which SQLite itself
    waits (1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100 ms …) miss for long."""
    held, ended = threading.Event(), threading.Event()

    def hold() -> None:
        with closing(raw(tmp_path)) as other:
            while not ended.wait(0.005):
                other.execute("BEGIN EXCLUSIVE")
                held.set()
                time.sleep(0.115)
                other.execute("ROLLBACK")

    with open_journal(tmp_path, busy_seconds=2.0) as journal:
        holder = threading.Thread(target=hold)
        holder.start()
        try:
            for number in range(10):
                held.clear()
                assert held.wait(5), "it is his turn"
                code = f"{number:06d}"
                journal.lock_symbol(SymbolLock(stock_code=code, reason="", order_id="", at=T0))
        finally:
            ended.set()
            holder.join()
        assert len(journal.locks()) == 10


def test_the_first_tries_come_at_once_and_later_ones_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another's commit takes less than a millisecond: who waits for it must not sleep for ten."""
    slept, now = list[float](), 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        slept.append(seconds)
        if now > 2.0:
            other.execute("ROLLBACK")
            monkeypatch.undo()

    with open_journal(tmp_path) as journal, closing(raw(tmp_path)) as other:
        other.execute("BEGIN IMMEDIATE")
        fake = SimpleNamespace(sleep=sleep, monotonic=lambda: now)
        monkeypatch.setattr(connection, "time", fake)
        journal.lock_symbol(SymbolLock(stock_code="005930", reason="", order_id="", at=T0))
    assert max(slept[:10]) <= 0.0003
    assert max(slept[-10:]) <= 0.01
    assert len(slept) < 2_000, "and nobody computes while he waits"


def test_a_file_that_somebody_holds_is_busy(tmp_path: Path) -> None:
    with open_journal(tmp_path, busy_seconds=0.05) as journal, closing(raw(tmp_path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="held it for too long") as busy:
            journal.plan_order(order(), event("PLANNED"))
        assert busy.value.code == "SQLITE_BUSY"
        assert journal.orders() == ()  # readers need not wait
        other.execute("ROLLBACK")
        assert journal.plan_order(order(), event("PLANNED")) == order()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "cannot be opened" in refusal(tmp_path / "file").message


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder everybody may enter (pytest's own are closed to other users)."""
    folder = Path(tempfile.mkdtemp(prefix="kt-store-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_read_only_folder_is_named(open_folder: Path) -> None:
    with as_nobody():
        if os.geteuid() == open_folder.stat().st_uid:
            open_folder.chmod(0o555)
        refused = refusal(open_folder)
    assert refused.code in ("EACCES", "SQLITE_CANTOPEN", "SQLITE_READONLY")


def test_a_read_only_file_is_named(open_folder: Path) -> None:
    with open_journal(open_folder) as journal:
        placed(journal)
    (open_folder / "kt.db").chmod(0o444)
    with as_nobody():
        if os.geteuid() == open_folder.stat().st_uid:
            open_folder.chmod(0o555)
        refused = refusal(open_folder)
    assert refused.code in ("EACCES", "SQLITE_CANTOPEN", "SQLITE_READONLY")


def fill_disk(journal: SqliteJournal) -> None:
    """As if the disk had no page left: SQLite reports both alike (SQLITE_FULL)."""
    with journal._file._lock:
        connection = journal._file._connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_stops_before_anything_is_sent(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        kept = [
            placed(journal, f"A{index}", f"{index + 1}", decision_id=f"A{index}")
            for index in range(3)
        ]
        fill_disk(journal)
        with pytest.raises(JournalError, match="the disk is full") as full:
            for index in range(500):
                placed(journal, f"B{index}", f"{index + 100}", decision_id=f"B{index}")
        assert full.value.code == "SQLITE_FULL"
        assert "free some space" in str(full.value.hint)
        assert set(kept) <= set(journal.orders())
        connection = journal._file._connection
        assert not connection.in_transaction
        connection.execute("PRAGMA max_page_count = 1000000")
        journal.put_day(day_result())  # space was made: it goes on
    with open_journal(tmp_path) as journal:
        assert set(kept) <= set(journal.orders())


def test_a_closed_journal_says_so(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.close()
    with pytest.raises(JournalError):
        journal.positions()
    with pytest.raises(JournalError):
        journal.notice("R1", "info", "t", "x", order().created_at)

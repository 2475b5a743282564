"""The stop is a row and a flag file, the stricter holds, and a broken database still halts."""

from __future__ import annotations

import errno
import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from kt.clock import ManualClock
from kt.errors import JournalError
from kt.records import Stop, StopMode
from kt.rules.risk.stop_rules import in_force
from kt.store import stop_flag
from kt.store.journal import SqliteJournal
from tests.store.make import DAY, T0, later, open_journal


def stop(mode: str, seconds: float = 0, until: date | None = None) -> Stop:
    return Stop(
        mode=StopMode(mode), reason=f"{mode} wanted", by="owner", at=later(seconds), until=until
    )


def test_a_new_journal_has_no_stop(journal: SqliteJournal) -> None:
    assert journal.stop().mode is StopMode.RUNNING


@pytest.mark.parametrize("mode", ["reduce", "flatten", "halt"])
def test_a_stop_is_row_and_file_and_ends_with_resume(tmp_path: Path, mode: str) -> None:
    with open_journal(tmp_path) as journal:
        journal.set_stop(stop(mode))
        assert journal.stop() == stop(mode)
    written = json.loads((tmp_path / "halt.json").read_text())
    assert (written["mode"], written["at"]) == (mode, "2026-11-23T10:00:00+09:00")
    with open_journal(tmp_path) as journal:
        assert journal.stop() == stop(mode)
        journal.set_stop(stop("running", 5))
        assert journal.stop() == stop("running", 5)
        assert not (tmp_path / "halt.json").exists()
        assert [row["by"] for row in journal.events(kinds=["stop"])] == ["owner", "owner"]


@pytest.mark.parametrize(
    ("row", "filed", "holds"),
    [
        ("running", "reduce", "reduce"),
        ("reduce", "running", "reduce"),
        ("reduce", "flatten", "flatten"),
        ("flatten", "reduce", "flatten"),
        ("flatten", "halt", "halt"),
        ("halt", "flatten", "halt"),
        ("halt", None, "halt"),
        ("running", "halt", "halt"),
    ],
)
def test_the_stricter_of_row_and_file_holds(
    tmp_path: Path, row: str, filed: str | None, holds: str
) -> None:
    with open_journal(tmp_path) as journal:
        journal.set_stop(stop(row))
        (tmp_path / "halt.json").unlink(missing_ok=True)
        if filed:
            stop_flag.write_flag(tmp_path / "halt.json", stop(filed, 1))
        assert journal.stop().mode == holds


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"mode": "sideways"}', b"\xff\xfe", b"null", b"[]"]
)
def test_a_flag_file_nobody_can_read_halts(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "halt.json").write_bytes(content)
    with open_journal(tmp_path) as journal:
        held = journal.stop()
    assert held.mode is StopMode.HALT
    assert "halt.json cannot be read" in held.reason


def test_a_flag_that_is_a_folder_halts_too(tmp_path: Path) -> None:
    (tmp_path / "halt.json").mkdir()
    found = stop_flag.read_flag(tmp_path / "halt.json", T0)
    assert found is not None
    assert found.mode is StopMode.HALT


def test_the_flag_needs_no_database(tmp_path: Path) -> None:
    path = tmp_path / "not" / "yet" / "halt.json"
    assert stop_flag.read_flag(path, T0) is None
    stop_flag.write_flag(path, stop("running"))
    assert stop_flag.read_flag(path, T0) is None
    stop_flag.write_flag(path, stop("halt"))
    assert stop_flag.read_flag(path, T0) == stop("halt")
    assert [one.name for one in path.parent.iterdir()] == ["halt.json"]
    stop_flag.write_flag(path, stop("running"))
    assert stop_flag.read_flag(path, T0) is None


def test_a_flag_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(JournalError, match=r"halt\.json"):
        stop_flag.write_flag(tmp_path / "file" / "halt.json", stop("halt"))


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes no more content (the real one is in tests/crash)."""
    write = stop_flag.write_private

    def refuse(path: Path, data: bytes, *, durable: bool = False) -> None:
        if data:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data)

    monkeypatch.setattr(stop_flag, "replace_private", refuse)
    monkeypatch.setattr(stop_flag, "write_private", refuse)


@pytest.mark.parametrize("mode", ["reduce", "flatten", "halt"])
@pytest.mark.parametrize("before", ["", "reduce"])
def test_a_full_disk_has_reserved_space_for_the_flag(
    tmp_path: Path, mode: str, before: str, request: pytest.FixtureRequest
) -> None:
    """Kept since the journal was opened; whole, whatever was in force before."""
    with open_journal(tmp_path) as journal:
        if before:
            journal.set_stop(stop(before))
        request.getfixturevalue("full")
        wanted = replace(stop(mode), reason="왜냐하면 " * 1000)
        stop_flag.write_flag(tmp_path / "halt.json", wanted)
        found = stop_flag.read_flag(tmp_path / "halt.json", T0)
    assert found is not None and found.mode == mode
    assert found.reason and wanted.reason.startswith(found.reason)


@pytest.mark.parametrize("mode", ["reduce", "flatten", "halt"])
def test_on_a_full_disk_a_stop_can_be_written_again(
    tmp_path: Path, mode: str, request: pytest.FixtureRequest
) -> None:
    """`kt halt` writes the flag twice: before the journal is opened, and with the journal row."""
    path = tmp_path / "halt.json"
    stop_flag.keep_room(path)
    request.getfixturevalue("full")
    for _ in range(3):
        stop_flag.write_flag(path, stop(mode))
        assert stop_flag.read_flag(path, T0) == stop(mode)


def test_without_room_a_halt_becomes_an_empty_flag_and_others_say_so(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "halt.json"
    request.getfixturevalue("full")
    with pytest.raises(JournalError, match="the disk is full"):
        stop_flag.write_flag(path, stop("flatten"))
    stop_flag.write_flag(path, stop("halt"))
    found = stop_flag.read_flag(path, T0)
    assert found is not None and found.mode is StopMode.HALT


def test_reserved_space_that_was_cut_short_is_reserved_again(tmp_path: Path) -> None:
    (tmp_path / "halt.room").write_bytes(b"")
    stop_flag.keep_room(tmp_path / "halt.json")
    assert (tmp_path / "halt.room").stat().st_size == stop_flag.ROOM


def test_the_reserved_space_is_restored_after_use(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        (tmp_path / "halt.room").unlink()
        journal.set_stop(stop("halt"))
        journal.set_stop(stop("running"))
    assert (tmp_path / "halt.room").stat().st_size == stop_flag.ROOM


def test_a_stop_ends_on_its_day(tmp_path: Path) -> None:
    clock = ManualClock(T0)
    with open_journal(tmp_path, clock=clock) as journal:
        over = stop("halt", until=DAY + timedelta(days=1))
        journal.set_stop(over)
        clock.set(T0 + timedelta(hours=13, minutes=59))
        assert in_force(journal.stop(), clock.now().date())
        clock.set(T0 + timedelta(hours=14))  # midnight: it is over, and can be lifted
        assert journal.stop() == over
        assert not in_force(journal.stop(), clock.now().date())


def test_a_stop_that_is_over_does_not_hide_one_that_holds(tmp_path: Path) -> None:
    clock = ManualClock(T0)
    with open_journal(tmp_path, clock=clock) as journal:
        journal.set_stop(stop("halt", until=DAY))
        stop_flag.write_flag(tmp_path / "halt.json", stop("reduce", 1))
        assert journal.stop() == stop("reduce", 1)
        journal.set_stop(stop("reduce", 2))
        stop_flag.write_flag(tmp_path / "halt.json", stop("halt", 3, until=DAY))
        assert journal.stop() == stop("reduce", 2)


def test_a_broken_database_still_halts(tmp_path: Path) -> None:
    """The flag is written before the row, and read when the row cannot be."""
    journal = open_journal(tmp_path, busy_seconds=0.05)
    with journal._file.write() as connection:
        connection.execute("DROP TABLE halts")
    assert journal.events() == ()
    with pytest.raises(JournalError):
        journal.stop()
    with pytest.raises(JournalError):
        journal.set_stop(stop("halt"))
    assert journal.stop() == stop("halt")
    journal.close()

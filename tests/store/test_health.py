"""What `kt doctor` says about the journal: it names the cause and changes nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kt.store import health, schema, stop_flag
from kt.store.health import Finding, examine
from tests.store.make import T0, open_journal, placed
from tests.store.test_stops import stop


def look(folder: Path, profile: str = "sim") -> dict[str, Finding]:
    found = examine(folder / "kt.db", profile, folder / "halt.json", T0)
    assert len({finding.name for finding in found}) == len(found)
    return {finding.name: finding for finding in found}


def statuses(folder: Path, profile: str = "sim") -> dict[str, str]:
    return {name: finding.status for name, finding in look(folder, profile).items()}


def test_health_of_a_good_journal_is_ok(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        placed(journal)
    assert set(statuses(tmp_path).values()) == {"ok"}
    assert (
        look(tmp_path)["journal schema"].detail == f"version {schema.VERSION} of {schema.VERSION}"
    )


def test_no_journal_yet_is_no_fault_and_none_is_made(tmp_path: Path) -> None:
    assert set(statuses(tmp_path / "nowhere").values()) == {"ok"}
    assert not (tmp_path / "nowhere").exists()


def test_health_fails_for_another_profiles_journal(tmp_path: Path) -> None:
    open_journal(tmp_path).close()
    finding = look(tmp_path, "real")["journal profile"]
    assert (finding.status, finding.detail) == ("fail", "the file is sim's, this is real")


def test_health_fails_for_a_newer_schema(tmp_path: Path) -> None:
    open_journal(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "kt.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    finding = look(tmp_path)["journal schema"]
    assert (finding.status, finding.hint) == ("fail", "a newer kt wrote it: update kt")


def test_an_older_journal_is_not_touched(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "kt.db", isolation_level=None)) as connection:
        connection.execute("BEGIN")
        schema.migrate(connection, to=1)
        connection.execute("INSERT INTO meta VALUES ('profile', 'sim')")
        connection.execute("COMMIT")
    assert "the next command updates it" in look(tmp_path)["journal schema"].detail
    with closing(sqlite3.connect(tmp_path / "kt.db")) as connection:
        assert schema.version_of(connection) == 1


def test_health_fails_for_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "kt.db").write_bytes(b"garbage" * 1_000)
    finding = look(tmp_path)["journal"]
    assert finding.status == "fail"
    assert "not an SQLite database" in finding.detail
    assert "move it aside" in finding.hint


def test_health_fails_for_a_damaged_journal(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        for index in range(50):
            placed(journal, f"O{index}", stock_code=f"{index:06d}")
    path = tmp_path / "kt.db"
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2 :] = bytes(len(whole) - len(whole) // 2)
    path.write_bytes(whole)
    assert look(tmp_path)["journal"].status == "fail"


def test_health_fails_for_a_journal_locked_by_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_WAIT", 0.05)
    open_journal(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "kt.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        finding = look(tmp_path)["journal writing"]
    assert finding.status == "fail"
    assert "held it for too long" in finding.detail


def test_little_disk_is_a_warning_and_none_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "WARN_FREE", 10**18)
    assert look(tmp_path)["disk"].status == "warn"
    monkeypatch.setattr(health, "FAIL_FREE", 10**18)
    assert look(tmp_path)["disk"].status == "fail"


def test_a_stop_is_shown_from_where_it_stands(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.set_stop(stop("reduce"))
    assert look(tmp_path)["stop"].detail.startswith("flag file: reduce (reduce wanted, by owner); ")
    stop_flag.write_flag(tmp_path / "halt.json", stop("halt"))
    finding = look(tmp_path)["stop"]
    assert finding.status == "warn"
    assert finding.detail.endswith("the stricter one holds")
    (tmp_path / "kt.db").write_bytes(b"garbage" * 1_000)
    assert "flag file: halt" in look(tmp_path)["stop"].detail


def test_health_checks_change_nothing(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        placed(journal)
    before = (tmp_path / "kt.db").read_bytes()
    look(tmp_path)
    assert (tmp_path / "kt.db").read_bytes() == before

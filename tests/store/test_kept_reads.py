"""A journal that nobody else writes keeps what it made of a query until a table of it changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kt.store.connection import DatabaseFile

QUERY = "SELECT count(*) AS locks FROM locks"
LOCK = "INSERT INTO locks (stock_code, reason, at, order_id) VALUES (?, 'r', '2026-01-05', '')"


def counted(file: DatabaseFile, made: list[int]) -> int:
    def make(rows: list[dict[str, Any]]) -> int:
        made.append(1)
        return int(rows[0]["locks"])

    return file.made(QUERY, (), make)


def test_a_query_is_made_again_only_after_a_change_of_its_table(tmp_path: Path) -> None:
    file, made = DatabaseFile(tmp_path / "kt.db", "sim", alone=True), list[int]()
    assert [counted(file, made), counted(file, made)] == [0, 0] and len(made) == 1
    with file.write() as connection:
        connection.execute("INSERT INTO meta VALUES ('a', 'b')")
        assert counted(file, made) == 0 and len(made) == 1
        connection.execute(LOCK, ("005930",))
        assert counted(file, made) == 1
        connection.executemany(LOCK, [("000660",), ("035420",)])
        assert counted(file, made) == 3
        connection.execute("DELETE FROM locks WHERE stock_code = '000660'")
        assert counted(file, made) == 2
    assert counted(file, made) == 2 and len(made) == 4


def test_what_was_made_of_rolled_back_rows_is_forgotten(tmp_path: Path) -> None:
    file, made = DatabaseFile(tmp_path / "kt.db", "sim", alone=True), list[int]()
    with pytest.raises(KeyError), file.write() as connection:
        connection.execute(LOCK, ("005930",))
        assert counted(file, made) == 1
        raise KeyError
    assert counted(file, made) == 0


def test_a_file_of_several_processes_is_always_read(tmp_path: Path) -> None:
    file, other = (DatabaseFile(tmp_path / "kt.db", "sim") for _ in range(2))
    made = list[int]()
    assert counted(file, made) == 0
    with other.write() as connection:
        connection.execute(LOCK, ("005930",))
    assert counted(file, made) == 1

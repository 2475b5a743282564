"""An older journal is brought up to date with everything in it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kt.records import Action
from kt.store import schema
from kt.store.rows import Row, insert_sql, to_row
from tests.store.make import (
    answer,
    cash_note,
    decision,
    later,
    open_journal,
    order,
    outcome,
    placed,
    position,
    trade,
)


def old_journal(folder: Path, version: int) -> None:
    """A file as a kt of that version left it, with a row or two."""
    with closing(sqlite3.connect(folder / "kt.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        schema.migrate(connection, to=version)
        connection.execute("INSERT INTO meta VALUES ('profile', 'sim')")
        row = to_row(order(), day="2026-11-23", planned_price=70_000)
        insert(connection, "orders", row)
        insert(connection, "positions", to_row(position()))
        for name in ("D1", "D2"):
            insert(connection, "decisions", to_row(decision(name), run="R0"))
        insert(connection, "outcomes", to_row(outcome()))
        notice = {"run": "R0", "level": "info", "title": "old", "text": "", "at": "2026-11-22"}
        connection.execute(insert_sql("notices", notice), notice)
        connection.execute("COMMIT")


def insert(connection: sqlite3.Connection, table: str, row: Row) -> None:
    """The columns that the table had at that version."""
    known = {column[1] for column in connection.execute(f"PRAGMA table_info({table})")}
    row = {name: value for name, value in row.items() if name in known}
    connection.execute(insert_sql(table, row), row)


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_every_older_version_is_brought_up_to_date(tmp_path: Path, version: int) -> None:
    old_journal(tmp_path, version)
    with open_journal(tmp_path) as journal:
        assert journal.orders() == (order(),)
        assert journal.positions() == (position(),)
        placed(journal, "O2", stock_code="000660")
        assert journal.cash_note() is None
        journal.put_cash_note(cash_note())
        open_ones = [one.decision_id for one in journal.open_decisions(later(1))]
        older = "0014_decision_scores" not in schema.MIGRATIONS[:version]
        expected = ["D1", "D2"] if older else ["D2"]
        assert open_ones == expected, "what was judged by older rules is judged anew"
        titles = [row.get("title") for row in journal.events() if row["kind"] != "decision"]
        assert titles == ["old", None, None, None]
    with closing(sqlite3.connect(tmp_path / "kt.db")) as connection:
        assert schema.version_of(connection) == schema.VERSION
        names = "SELECT name FROM _sqlite_migrations WHERE migration_set = 'kt' ORDER BY id"
        assert tuple(row[0] for row in connection.execute(names)) == schema.MIGRATIONS


def test_what_no_analyst_answered_is_no_hold_any_more(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "kt.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        schema.migrate(connection, to=6)
        connection.execute("INSERT INTO meta VALUES ('profile', 'sim')")
        forced = decision("D1", action=Action.HOLD, faults=("not answered",))
        held = decision("D2", action=Action.HOLD)
        for made in (forced, held):
            insert(connection, "decisions", to_row(made, run="R0"))
        for name in ("D1", "D2"):
            insert(connection, "outcomes", to_row(outcome(name, action=Action.HOLD)))
        connection.execute("COMMIT")
    with open_journal(tmp_path) as journal:
        assert [one.decision_id for one in journal.open_decisions(later(1))] == ["D2"]
        rows = {row["decision_id"]: row for row in journal.events() if row["kind"] == "decision"}
    assert (rows["D1"]["action"], rows["D1"]["provenance"]) == ("ABSTAIN", "none")
    assert (rows["D2"]["action"], rows["D2"]["provenance"]) == ("HOLD", "own")


def test_old_decisions_are_known_to_be_of_held_stocks_and_judged_anew(tmp_path: Path) -> None:
    """Two shares of before are sold at 10:30, ten are held since 10:00, another stock never was."""
    with closing(sqlite3.connect(tmp_path / "kt.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        schema.migrate(connection, to=schema.MIGRATIONS.index("0014_decision_scores"))
        connection.execute("INSERT INTO meta VALUES ('profile', 'sim')")
        insert(connection, "positions", to_row(position(opened_at=later(60))))
        sold = trade(quantity=2, opened_at=later(-60), closed_at=later(1800))
        insert(connection, "closed_trades", to_row(sold, day="2026-11-23"))
        for name, seconds, code in (
            ("D1", -61, "005930"), ("D2", 0, "005930"), ("D3", 600, "005930"),
            ("D4", 1800, "005930"), ("D5", 600, "000660"),
        ):  # fmt: skip
            made = decision(name, decided_at=later(seconds), stock_code=code)
            insert(connection, "decisions", to_row(made, run="R0"))
            insert(connection, "outcomes", to_row(outcome(name)))
        connection.execute("COMMIT")
    with open_journal(tmp_path) as journal:
        held = {one.decision_id: one.held for one in journal.open_decisions(later(9000))}
        assert journal.outcomes() == ()
    assert held == {"D1": 0, "D2": 2, "D3": 12, "D4": 10, "D5": 0}


def test_replies_are_packed(tmp_path: Path) -> None:
    said = '[{"action": "BUY"}]'
    with closing(sqlite3.connect(tmp_path / "kt.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        schema.migrate(connection, to=schema.MIGRATIONS.index("0010_replies"))
        connection.execute("INSERT INTO meta VALUES ('profile', 'sim')")
        insert(connection, "ai_calls", to_row(answer("k1", raw=said), run="R0"))
        insert(connection, "ai_calls", to_row(answer("k2", raw=""), run="R0"))
        connection.execute("COMMIT")
    with open_journal(tmp_path) as journal:
        found = [journal.find_answer(key) for key in ("k1", "k2")]
    assert [one and (one.raw, one.objects) for one in found] == [(said, ()), ("", answer().objects)]


def test_old_and_new_files_have_the_same_tables(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    old_journal(tmp_path / "old", 1)
    shapes = []
    for name in ("old", "new"):
        open_journal(tmp_path / name).close()
        with closing(sqlite3.connect(tmp_path / name / "kt.db")) as connection:
            sql = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"
            shapes.append(connection.execute(sql).fetchall())
    assert shapes[0] == shapes[1]


def test_a_migration_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kt.errors import JournalError

    old_journal(tmp_path, 1)
    real = schema._sql
    broken = real("0003_judged") + "INSERT INTO nowhere VALUES (1);"
    monkeypatch.setattr(
        schema, "_sql", lambda name: broken if name == "0003_judged" else real(name)
    )
    with pytest.raises(JournalError, match="nowhere"):
        open_journal(tmp_path)
    monkeypatch.undo()
    with closing(sqlite3.connect(tmp_path / "kt.db")) as connection:
        assert schema.version_of(connection) == 1
        found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'log'").fetchone()
        assert found is None
    with open_journal(tmp_path) as journal:
        assert journal.orders() == (order(),)

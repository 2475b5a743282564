"""The rows that decisions depend on come back in a new journal, and nothing else gets in."""

from __future__ import annotations

from pathlib import Path

import pytest

from kt.errors import JournalError
from kt.records import OrderState
from kt.store import schema
from kt.store.journal import SqliteJournal
from kt.store.snapshot import read_rows, write_rows
from tests.store import make


def test_orders_positions_and_questions_come_back(journal: SqliteJournal, tmp_path: Path) -> None:
    journal.plan_order(make.order(), make.event("PLANNED"))
    journal.record(make.event("SENDING"))
    journal.record(make.event("ACKED", ord_no="101"))
    journal.record(make.fill_event(make.fill(0, 10)))
    journal.api_call("R", "ka10001", make.T0, 1, 200, "0", "")
    journal.flush()
    version, rows = read_rows(journal.path)
    assert version == schema.VERSION
    assert "api_calls" not in {table for table, _ in rows}
    (tmp_path / "new").mkdir()
    write_rows(tmp_path / "new" / "kt.db", version, rows)
    with make.open_journal(tmp_path / "new") as again:
        (order,) = again.orders()
        assert order == journal.order("O1") and order.state is OrderState.FILLED
        assert again.fills() == journal.fills()
        assert again.events() == ()


def test_rows_of_an_older_schema_are_brought_up_to_date(tmp_path: Path) -> None:
    lock = {
        "stock_code": "005930",
        "reason": "r",
        "order_id": "O",
        "at": "2026-01-05T10:00:00+09:00",
    }
    rows = [("locks", lock), ("meta", {"key": "profile", "value": "sim"})]
    write_rows(tmp_path / "kt.db", 3, rows)
    with make.open_journal(tmp_path) as journal:
        assert [one.stock_code for one in journal.locks()] == ["005930"]


def test_what_is_no_column_and_no_table_is_left_out(tmp_path: Path) -> None:
    hostile = {"key": "a", "value": "b", "x) VALUES (1); DROP TABLE meta; --": "c"}
    profile = {"key": "profile", "value": "sim"}
    rows = [("meta", profile), ("meta", hostile), ("nonsense", {"a": 1})]
    write_rows(tmp_path / "kt.db", schema.VERSION, rows)
    with make.open_journal(tmp_path) as journal:
        assert journal.orders() == ()


def test_a_schema_of_a_newer_kt_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    write_rows(tmp_path / "kt.db", schema.VERSION + 1, [])
    with pytest.raises(JournalError, match="newer"), make.open_journal(tmp_path) as journal:
        journal.orders()


def test_a_journal_that_is_not_there_has_no_rows(tmp_path: Path) -> None:
    assert read_rows(tmp_path / "none.db") == (schema.VERSION, [])

"""Everything that goes in comes out as it was."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.errors import JournalError
from kt.ports import Journal
from kt.records import KST, CashFlow, Origin, ScanSummary, Side, SymbolLock
from kt.store.journal import SqliteJournal
from kt.store.rows import from_row, json_text, time_text, to_row
from tests.store.make import (
    DAY,
    T0,
    answer,
    candidate,
    cash_note,
    check,
    day_result,
    decision,
    doubt,
    event,
    fill,
    fill_event,
    later,
    open_journal,
    order,
    outcome,
    placed,
    position,
    trade,
)


def test_the_journal_implements_the_port(journal: SqliteJournal) -> None:
    port: Journal = journal
    assert port is journal


def test_answers_are_found_by_their_key(journal: SqliteJournal) -> None:
    journal.answer("R1", answer("other", raw="x"))
    journal.answer("R1", answer())
    assert journal.find_answer("k1") == answer(objects=())
    assert journal.find_answer("k2") is None


def test_a_reply_is_kept_once_and_packed(journal: SqliteJournal, tmp_path: Path) -> None:
    words = '{"reason": "거래량 증가"}' * 40_000
    journal.answer("R1", answer("long", raw=words, objects=({"reason": words},)))
    journal.answer("R1", answer("wordless", raw=""))
    journal.flush()
    found = journal.find_answer("long")
    assert found is not None and found.raw == words
    wordless = journal.find_answer("wordless")
    assert wordless is not None and wordless.objects == answer().objects
    kept = sum(file.stat().st_size for file in tmp_path.glob("kt.db*"))
    assert kept < len(words.encode()) / 2


def test_an_answer_is_preferred_to_a_failure_with_the_same_key(journal: SqliteJournal) -> None:
    journal.answer("R1", answer())
    journal.answer("R1", answer(objects=(), raw="", error="timeout: no answer within 60 s"))
    found = journal.find_answer("k1")
    assert found is not None
    assert found.error == ""


def test_positions_are_replaced_by_code_and_closed_by_zero(journal: SqliteJournal) -> None:
    other = position(stock_code="0156T0", stock_name="첫째", opened_at=later(-60))
    journal.put_position(position())
    journal.put_position(other)
    journal.put_position(position(quantity=5, source="external"))
    assert journal.positions() == (other, position(quantity=5, source="external"))
    journal.put_position(position(quantity=0))
    assert journal.positions() == (other,)


def test_a_trailing_stop_survives_a_restart(tmp_path: Path) -> None:
    risen = position(peak_price=75_000, stop_price=72_800, trailing=True)
    with open_journal(tmp_path) as journal:
        journal.put_position(risen)
    with open_journal(tmp_path) as journal:
        assert journal.positions() == (risen,)


def test_doubts_are_replaced_by_code_oldest_first_and_survive_a_restart(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        assert journal.doubts() == ()
        journal.put_doubt(doubt())
        journal.put_doubt(doubt(stock_code="000660", since=later(-60)))
        journal.put_doubt(doubt(looks=2, seen=later(60)))
        assert journal.events() == (), "what is said of one is a notice"
    with open_journal(tmp_path) as journal:
        other = doubt(stock_code="000660", since=later(-60))
        assert journal.doubts() == (other, doubt(looks=2, seen=later(60)))
        journal.drop_doubt("005930")
        journal.drop_doubt("005930")
        assert journal.doubts() == (other,)


def test_a_check_keeps_its_origin_and_reason(journal: SqliteJournal) -> None:
    exit_check = msgspec.structs.replace(
        check("C9"), origin=Origin.STOP_LOSS, reason="66,000 <= stop 66,500", decision=None
    )
    journal.checks("R1", [exit_check])
    journal.flush()
    (row,) = journal.events(kinds=["check"])
    assert (row["origin"], row["reason"]) == ("stop_loss", "66,000 <= stop 66,500")


def test_trades_and_days_come_by_range_of_days(journal: SqliteJournal) -> None:
    before = trade(closed_at=T0 - timedelta(days=1), order_id="O0")
    for one in (trade(), before):
        journal.add_trade(one)
    assert journal.trades() == (before, trade())
    assert journal.trades(since=DAY) == (trade(),)
    assert journal.trades(until=DAY - timedelta(days=1)) == (before,)

    journal.put_day(day_result(realised=1))
    journal.put_day(day_result())
    yesterday = day_result(day=DAY - timedelta(days=1))
    journal.put_day(yesterday)
    assert journal.days() == (yesterday, day_result())
    assert journal.days(since=DAY, until=DAY) == (day_result(),)


def test_the_cash_note_is_one_row(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    assert journal.cash_note() is None
    journal.put_cash_note(cash_note())
    journal.put_cash_note(cash_note(cash=-5, at=later(61)))
    journal.close()
    again = open_journal(tmp_path)
    assert again.cash_note() == cash_note(cash=-5, at=later(61))
    assert again.events() == (), "a note is no event"
    again.close()


def test_the_cash_flow_is_that_of_all_fills(journal: SqliteJournal) -> None:
    assert journal.cash_flow() == CashFlow()
    placed(journal)
    for _ in range(2):  # the same fill twice counts once
        journal.record(fill_event(fill(0, 10, fee=100), key="1"))
    assert journal.cash_flow() == CashFlow(won=-699_100, fills=1)
    placed(journal, "O2", "0000102", side=Side.SELL)
    sold = fill(0, 10, "O2", side=Side.SELL, ord_no="0000102", fee=100, tax=1_398)
    journal.record(fill_event(sold))
    assert journal.cash_flow() == CashFlow(won=-699_100 + 697_502, fills=2)
    found = order("O3", origin=Origin.EXTERNAL, side=Side.SELL)
    journal.plan_order(found, event("PLANNED", "O3"))
    journal.record(fill_event(fill(0, 10, "O3", side=Side.SELL, ord_no="", fee=0)))
    assert journal.cash_flow() == CashFlow(won=-1_598 + 699_000, fills=3, outside=1)


def test_a_decision_is_open_until_it_has_an_outcome(journal: SqliteJournal) -> None:
    first, second = (
        decision("D1", faults=("price: 1 is off",)),
        decision("D2", decided_at=later(60)),
    )
    journal.decisions("R1", [first, second])
    assert journal.open_decisions(later(61)) == (first, second)
    assert journal.open_decisions(later(60)) == (first,)
    assert journal.open_decisions(later(61), since=later(1)) == (second,)
    journal.put_outcome(outcome("D1"))
    journal.put_outcome(outcome("D1", hit=False))
    assert journal.open_decisions(later(61)) == (second,)
    assert journal.outcomes() == (outcome("D1", hit=False),)
    assert journal.outcomes(since=DAY + timedelta(days=1)) == ()


def test_a_decision_that_comes_twice_through_a_pipe_is_kept_once(journal: SqliteJournal) -> None:
    journal.decisions("R1", [decision("D1")])
    journal.decisions("R2", [decision("D1", reason="told again")])
    assert journal.open_decisions(later(1)) == (decision("D1"),)


def test_locks_hold_until_their_time(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    for_ever = SymbolLock(stock_code="000660", reason="unknown", order_id="O1", at=T0)
    over = SymbolLock(stock_code="005930", reason="pause", order_id="O2", at=T0, until=T0)
    short = SymbolLock(stock_code="035720", reason="pause", order_id="O3", at=T0, until=later(1))
    for lock in (for_ever, over, short):
        journal.lock_symbol(lock)
    assert journal.locks() == (for_ever, short)
    journal.unlock_symbol("000660")
    assert journal.locks() == (short,)
    journal.close()


def test_a_short_lock_does_not_lift_a_long_one(journal: SqliteJournal) -> None:
    unknown = SymbolLock(stock_code="005930", reason="unknown", order_id="O1", at=T0)
    pause = SymbolLock(
        stock_code="005930", reason="pause", order_id="O2", at=later(1), until=later(60)
    )
    journal.lock_symbol(pause)
    journal.lock_symbol(unknown)
    journal.lock_symbol(pause)
    assert journal.locks() == (unknown,)
    same = msgspec.structs.replace(unknown, until=later(5))
    journal.lock_symbol(same)
    assert journal.locks() == (same,)


def test_all_records_survive_a_restart(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.put_position(position())
        journal.answer("R1", answer())
        journal.scan("R1", "deep", T0, [candidate()], ScanSummary())
    with open_journal(tmp_path) as journal:
        assert journal.positions() == (position(),)
        assert journal.find_answer("k1") == answer(objects=())
        assert [event["kind"] for event in journal.events()] == ["answer", "scan"]


@given(
    at=st.datetimes(datetime(2020, 1, 1), datetime(2039, 12, 31)),
    hours=st.integers(-12, 12),
    other=st.datetimes(datetime(2020, 1, 1), datetime(2039, 12, 31)),
)
def test_times_are_korean_and_sort_as_text(at: datetime, hours: int, other: datetime) -> None:
    from datetime import timezone

    here = at.replace(tzinfo=timezone(timedelta(hours=hours)))
    there = other.replace(tzinfo=KST)
    text = time_text(here)
    assert text.endswith("+09:00")
    assert datetime.fromisoformat(text) == here
    assert (text < time_text(there)) == (here < there)


@given(
    name=st.text(max_size=200),
    change=st.floats(-1e9, 1e9),
    net=st.none() | st.integers(-(10**15), 10**15),
    reasons=st.lists(st.text(), max_size=3),
)
def test_records_survive_a_row(
    name: str, change: float, net: int | None, reasons: list[str]
) -> None:
    one = candidate(stock_name=name, change_pct=change, foreign_net=net, reasons=tuple(reasons))
    assert from_row(to_row(one), type(one)) == one


def test_days_are_plain_dates() -> None:
    assert to_row(day_result())["day"] == "2026-11-23"
    assert from_row(to_row(day_result()), type(day_result())).day == date(2026, 11, 23)


def test_a_row_that_was_changed_by_hand_is_named(journal: SqliteJournal) -> None:
    journal.put_position(position())
    with journal._file.write() as connection:
        connection.execute("UPDATE positions SET quantity = 'many'")
    with pytest.raises(JournalError, match="is not a valid Position") as broken:
        journal.positions()
    assert broken.value.code == "ROW"


READS: dict[str, Callable[[SqliteJournal], object]] = {
    "UPDATE steps SET started_at = ?": lambda journal: journal.exits_looked_at(),
    "UPDATE runs SET started_at = ?": lambda journal: journal.sign_of_life(os.getpid(), "run"),
    "UPDATE errors SET at = ?": lambda journal: journal.events(kinds=["error"]),
    "UPDATE decisions SET faults_json = ?": lambda journal: journal.events(kinds=["decision"]),
    "UPDATE positions SET opened_at = ?": lambda journal: journal.positions(),
}


@pytest.mark.parametrize("sql", READS)
@pytest.mark.parametrize("text", ["NaN", "{", "[" * 5_000, "9" * 5_000, "\u202e", b"\xff\xfe"])
def test_a_damaged_cell_is_named(journal: SqliteJournal, sql: str, text: object) -> None:
    read = READS[sql]
    journal.error("R1", "network", "stream", "cut", T0)
    journal.put_position(position())
    journal.start_run("R1", "run", "1.0")
    journal.step("R1", "exits", T0, 1.0, "done", "")
    journal.decisions("R1", [decision()])
    journal.flush()
    read(journal)
    with journal._file.write() as connection:
        connection.execute(sql, (text,))
    with pytest.raises(JournalError) as broken:
        read(journal)
    assert broken.value.code == "ROW"


def test_a_record_with_a_time_without_offset_is_named(journal: SqliteJournal) -> None:
    journal.put_position(position())
    with journal._file.write() as connection:
        connection.execute("UPDATE positions SET opened_at = '2026-11-23T10:00:00'")
    with pytest.raises(JournalError, match="no offset"):
        journal.positions()


@pytest.mark.parametrize("change", [{"quantity": 2**64}, {"stock_name": "half a \ud800"}])
def test_a_value_that_cannot_be_stored_is_named(
    journal: SqliteJournal, change: dict[str, object]
) -> None:
    with pytest.raises(JournalError, match="cannot be stored"):
        journal.put_position(position(**change))
    journal.put_position(position())
    assert journal.positions() == (position(),)


def test_hostile_text_of_a_report_is_stored_as_escapes(journal: SqliteJournal) -> None:
    assert json_text(candidate(stock_name="half \ud800")) == json_text(
        candidate(stock_name="half \\ud800")
    )


def test_many_judged_decisions_do_not_slow_the_search(journal: SqliteJournal) -> None:
    """The plan uses the index of those that are open, not the heap of all."""
    plan = journal._file.read(
        "EXPLAIN QUERY PLAN SELECT * FROM decisions WHERE judged = 0 AND decided_at < '2027'"
    )
    assert any("decisions_open" in step["detail"] for step in plan)

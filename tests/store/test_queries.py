"""One sequence of everything that happened, and what runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from kt.errors import UsageError
from kt.records import Delivery, ScanSummary, Topic
from kt.store.journal import SqliteJournal
from kt.store.queries import KINDS
from tests.store.make import (
    T0,
    advice,
    answer,
    candidate,
    check,
    decision,
    event,
    fill,
    fill_event,
    later,
    open_journal,
    placed,
    position,
    trade,
)
from tests.store.test_stops import stop

DELIVERY = Delivery(
    channel="command mail",
    outcome="failed",
    level="critical",
    title="halted",
    detail="it ended with 1",
    at=later(9),
)


def fill_journal(journal: SqliteJournal) -> None:
    journal.start_run("R1", "kt run", "0.1.0")
    journal.step("R1", "scan.fast", T0, 1.5, "done", "50 candidates")
    journal.api_call("R1", "ka10023", T0, 41, 200, "0", "")
    journal.scan("R1", "fast", T0, [candidate()], ScanSummary())
    journal.answer("R1", answer())
    journal.advice("R1", [advice()])
    journal.decisions("R1", [decision(faults=("price: 1 is off the tick",))])
    journal.checks("R1", [check(passed=False)])
    journal.flush()
    placed(journal)
    journal.record(fill_event(fill(0, 4)))
    journal.exit_set(position(), "opened", later(4))
    journal.add_trade(trade())
    journal.set_stop(stop("halt"))
    journal.error("R1", "network", "stream", "cut", later(9))
    journal.notice("R1", "critical", "halted", "by owner", later(9))
    journal.delivery("R1", DELIVERY)


def test_everything_that_happened_in_its_order(journal: SqliteJournal) -> None:
    fill_journal(journal)
    rows = journal.events()
    assert [row["kind"] for row in rows] == [
        "run",
        "step",
        "api_call",
        "scan",
        "answer",
        "advice",
        "decision",
        "check",
        *["order"] * 4,
        "fill",
        "exit",
        "trade",
        "stop",
        "error",
        "notice",
        "delivery",
    ]
    assert {row["kind"] for row in rows} == set(KINDS)
    assert [row["seq"] for row in rows] == sorted({row["seq"] for row in rows})
    assert all(str(row["at"]).endswith("+09:00") for row in rows)


def test_events_carry_the_columns_of_their_table(journal: SqliteJournal) -> None:
    fill_journal(journal)
    by_kind = {row["kind"]: row for row in journal.events()}
    assert by_kind["decision"]["faults"] == ["price: 1 is off the tick"]
    denied = by_kind["check"]
    assert (denied["passed"], denied["denied_by"]) == (False, "TOTAL_LIMIT")
    assert denied["results"][1] == {
        "code": "TOTAL_LIMIT",
        "passed": False,
        "detail": "6,710,000 > limit 5,000,000",
    }
    told = by_kind["order"]
    assert (told["what"], told["stock_code"], told["side"]) == ("FILL", "005930", "BUY")
    assert (by_kind["error"]["what"], by_kind["error"]["place"]) == ("network", "stream")
    assert (by_kind["stop"]["mode"], by_kind["stop"]["by"]) == ("halt", "owner")
    assert "prompt" not in by_kind["answer"]


def test_events_continue_after_a_sequence_number(journal: SqliteJournal) -> None:
    fill_journal(journal)
    everything = journal.events()
    first = journal.events(limit=5)
    assert first + journal.events(after=first[-1]["seq"], limit=100) == everything
    assert journal.events(after=everything[-1]["seq"]) == ()


def test_a_negative_position_gives_the_newest_events(journal: SqliteJournal) -> None:
    assert journal.events(after=-3) == ()
    fill_journal(journal)
    assert journal.events(after=-3) == journal.events()[-3:]
    orders = journal.events(kinds=["order"])
    assert journal.events(after=-2, kinds=["order"]) == orders[-2:]
    assert journal.events(after=-50, limit=1) == journal.events()[-1:]


def test_events_are_filtered_by_kind(journal: SqliteJournal) -> None:
    fill_journal(journal)
    assert {row["kind"] for row in journal.events(kinds=["fill", "trade"])} == {"fill", "trade"}
    with pytest.raises(UsageError, match="no such kind of event: bananas"):
        journal.events(kinds=["bananas"])


def test_events_of_more_rows_than_one_query_takes(journal: SqliteJournal) -> None:
    for number in range(1_200):
        journal.api_call("R1", f"{number}", T0, 1, 200, "0", "")
    rows = journal.events(limit=2_000)
    assert [row["api_id"] for row in rows] == [str(number) for number in range(1_200)]


def test_sequence_numbers_are_never_used_again(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.notice("R1", "info", "a", "", T0)
        last = journal.events()[-1]["seq"]
        with journal._file.write() as connection:
            connection.execute("DELETE FROM log")
        journal.notice("R1", "info", "b", "", T0)
        assert journal.events()[-1]["seq"] == last + 1


def test_runs_carry_their_heartbeats(journal: SqliteJournal) -> None:
    journal.start_run("R1", "kt run", "0.1.0")
    journal.start_run("R2", "kt balance", "0.1.0")
    journal.heartbeat("R1", "cycle", T0)
    journal.heartbeat("R1", "stream", later(1))
    journal.heartbeat("R1", "cycle", later(20))
    journal.finish_run("R2", "done", 0)
    second, first = journal.runs()
    assert (second["run"], second["outcome"], second["heartbeats"]) == ("R2", "done", {})
    assert (first["outcome"], first["finished_at"]) == (None, None)
    assert first["heartbeats"] == {
        "stream": "2026-11-23T10:00:01+09:00",
        "cycle": "2026-11-23T10:00:20+09:00",
    }
    assert len(journal.runs(limit=1)) == 1


def test_an_order_whose_event_came_first_is_still_told(journal: SqliteJournal) -> None:
    placed(journal)
    journal.record(event("CANCELLED", ord_no="0000102"))
    assert journal.events(kinds=["order"])[-1]["what"] == "CANCELLED"


def test_deliveries_come_back_since_a_time(journal: SqliteJournal) -> None:
    journal.delivery("R1", DELIVERY)
    assert journal.deliveries(later(9)) == (DELIVERY,)
    assert journal.deliveries(later(10)) == ()


def test_answers_are_found_by_topic_subject_and_time(journal: SqliteJournal) -> None:
    other = advice(ref="000660", at=later(2), price=70_500)
    journal.advice("R1", [advice(), other])
    assert journal.advice_since(later(0), Topic.PROFIT) == (advice(), other)
    assert journal.advice_since(later(0), Topic.PROFIT, "000660") == (other,)
    assert journal.advice_since(later(2), Topic.PROFIT) == (other,)
    assert journal.advice_since(later(0), Topic.PLAN) == ()

"""A day of the log, counted: of that day alone; and its report, kept as it was written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from kt.errors import JournalError
from kt.records import AnalystUse, CallCount, DailyReport, DenialCount, ErrorCount, ScanSummary
from kt.store.journal import SqliteJournal
from tests.store.make import (
    DAY,
    T0,
    answer,
    candidate,
    check,
    day_result,
    decision,
    later,
    open_journal,
)

DAYS = timedelta(days=1)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    with open_journal(tmp_path) as found:
        yield found


def report(**changes: object) -> DailyReport:
    values: dict[str, object] = {
        "day": DAY,
        "at": later(20_000),
        "result": day_result(),
        "decided": {"BUY": 1},
        "decisions": (decision(),),
        "next_day": DAY + DAYS,
    }
    empty = ("stocks", "trades", "denials", "errors", "calls", "analysts", "plan")
    return DailyReport(**{name: () for name in empty}, **(values | changes))  # type: ignore[arg-type]


def test_decisions_of_a_day(journal: SqliteJournal) -> None:
    journal.decisions("R", [decision("D0", decided_at=T0 - DAYS), decision("D2"), decision("D1")])
    assert [one.decision_id for one in journal.decisions_of(DAY)] == ["D2", "D1"]


def test_denials_by_rule_with_the_last_ones_arithmetic(journal: SqliteJournal) -> None:
    journal.checks("R", [check("C1"), check("C2", passed=False), check("C3", passed=False)])
    (denial,) = journal.denials_of(DAY)
    assert denial == DenialCount(
        code="TOTAL_LIMIT",
        count=2,
        stock_code="005930",
        stock_name="삼성전자",
        detail="6,710,000 > limit 5,000,000",
    )
    assert journal.denials_of(DAY - DAYS) == ()


def test_errors_by_kind_and_place(journal: SqliteJournal) -> None:
    for place, text in (("scan", "one"), ("scan", "two"), ("place", "three")):
        journal.error("R", "network", place, text, T0)
    journal.error("R", "network", "scan", "yesterday", T0 - DAYS)
    assert journal.errors_of(DAY) == (
        ErrorCount(kind="network", place="scan", count=2, message="two"),
        ErrorCount(kind="network", place="place", count=1, message="three"),
    )


def test_calls_by_api(journal: SqliteJournal) -> None:
    for milliseconds, status, code in ((40, 200, "0"), (60, 200, "20"), (80, 0, ""), (20, 200, "")):
        journal.api_call("R", "ka10023", T0, milliseconds, status, code, "")
    journal.api_call("R", "ka10001", T0, 5, 200, "0", "")
    assert journal.calls_of(DAY) == (
        CallCount(api_id="ka10023", calls=4, failed=2, milliseconds=50),
        CallCount(api_id="ka10001", calls=1, failed=0, milliseconds=5),
    )


def test_what_analysts_cost(journal: SqliteJournal) -> None:
    journal.answer("R", answer())
    journal.answer("R", answer(error="network: down", cost_usd=0.0))
    (use,) = journal.analysts_of(DAY)
    assert isinstance(use, AnalystUse)
    assert (use.calls, use.failed, use.tokens) == (2, 1, 2 * 1_020)


def test_watched_is_what_the_deepest_scan_kept_last(journal: SqliteJournal) -> None:
    assert journal.watched_on(DAY) == ()
    first, second = candidate(stage="ai"), candidate(stage="ai", stock_code="000660")
    journal.scan(
        "R", "fast", later(9), [candidate(stage="fast", stock_code="000270")], ScanSummary()
    )
    assert [one.stage for one in journal.watched_on(DAY)] == ["fast"]
    journal.scan("R", "ai", later(1), [second], ScanSummary())
    journal.scan("R", "ai", later(2), [first, second], ScanSummary())
    journal.scan("R", "ai", later(3), [], ScanSummary())
    assert journal.watched_on(DAY) == (first, second)
    assert journal.watched_on(DAY + DAYS) == ()


def test_a_report_is_kept_by_day(journal: SqliteJournal) -> None:
    assert journal.report(DAY) is None
    journal.put_report(report(decided={}))
    journal.put_report(report())
    assert journal.report(DAY) == report()
    assert journal.report_before(DAY) is None
    assert journal.report_before(DAY + 3 * DAYS) == report()


def test_a_report_that_was_changed_by_hand_says_so(journal: SqliteJournal) -> None:
    journal.put_report(report())
    with closing(sqlite3.connect(journal.path)) as connection, connection:
        connection.execute("UPDATE reports SET report_json = '{}'")
    with pytest.raises(JournalError, match="is no DailyReport"):
        journal.report(DAY)

"""Plain SQL answers what a person asks; these are the questions of `kt help database`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kt.records import ScanSummary, Side
from tests.store.make import (
    T0,
    answer,
    candidate,
    check,
    day_result,
    decision,
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

WHICH_CANDIDATES = """
    SELECT stage, rank, stock_code, stock_name, price, score
    FROM candidates WHERE run = 'R1' ORDER BY at, rank"""

WHICH_DECISION_AND_WHY = """
    SELECT action, stock_code, quantity, price, confidence, reason, analyst
    FROM decisions WHERE run = 'R1' ORDER BY seq"""

WHICH_CHECKS_WITH_WHICH_NUMBERS = """
    SELECT c.stock_code, c.passed, c.denied_by, r.code, r.passed, r.detail
    FROM checks AS c JOIN check_results AS r USING (check_id)
    WHERE c.decision_id = 'D2' ORDER BY r.position"""

WHICH_ORDER = """
    SELECT o.side, o.stock_code, o.quantity, o.price, o.state, o.ord_no, d.reason
    FROM orders AS o JOIN decisions AS d USING (decision_id) WHERE d.decision_id = 'D1'"""

WHICH_FILLS = """
    SELECT f.quantity, f.price, f.fee, f.at
    FROM fills AS f JOIN orders AS o USING (order_id)
    WHERE o.decision_id = 'D1' AND o.side = 'BUY' ORDER BY f.at"""

WHAT_PROFIT = """
    SELECT day, stock_name, quantity, profit, origin, confidence, analyst, reason, ord_no
    FROM trades WHERE profit > 0"""

WHICH_API_CALLS_FAILED = """
    SELECT api_id, http_status, return_code, message FROM api_calls
    WHERE http_status <> 200 OR return_code <> '0'"""

WHAT_DID_THE_ANALYST_COST = """
    SELECT analyst, model, count(*), sum(tokens_in), sum(tokens_out), round(sum(cost_usd), 6)
    FROM ai_calls GROUP BY analyst, model"""

WHAT_WERE_DECISIONS_WORTH = """
    SELECT confidence_from, count(*), avg(hit), round(avg(return_pct), 2)
    FROM decision_outcomes WHERE hit IS NOT NULL GROUP BY confidence_from"""

HOW_WERE_THE_DAYS = "SELECT day, realised, total, trades, wins_pct FROM days ORDER BY day"

WHAT_WENT_WRONG = "SELECT kind, place, message FROM errors ORDER BY seq"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A day of one run, read by plain SQLite."""
    folder = tmp_path_factory.mktemp("views")
    _one_run(folder)
    with closing(sqlite3.connect(folder / "kt.db")) as connection:
        yield connection


def _one_run(folder: Path) -> None:
    with open_journal(folder) as journal:
        journal.start_run("R1", "kt run --once", "0.1.0")
        journal.api_call("R1", "ka10023", T0, 41, 200, "0", "")
        journal.api_call("R1", "kt10000", T0, 52, 200, "20", "[2000](RC4003) off tick")
        journal.scan(
            "R1",
            "fast",
            T0,
            [candidate(stage="fast"), candidate(stock_code="000660")],
            ScanSummary(),
        )
        journal.scan("R1", "ai", later(2), [candidate(score=88.0)], ScanSummary())
        journal.answer("R1", answer())
        refused = decision("D2", stock_code="000660", stock_name="SK하이닉스")
        journal.decisions("R1", [decision(), refused])
        journal.checks("R1", [check(), check("C2", passed=False, of=refused)])
        placed(journal)
        journal.record(fill_event(fill(0, 4)))
        journal.record(fill_event(fill(4, 10, price=70_000)))
        journal.put_position(position())
        journal.exit_set(position(), "opened", T0)
        sell = order("O2", side=Side.SELL, origin="take_profit", decision_id="D1")  # type: ignore[arg-type]
        journal.plan_order(sell, event("PLANNED", "O2"))
        journal.record(event("SENDING", "O2"))
        journal.record(event("ACKED", "O2", ord_no="0000200"))
        journal.add_trade(trade())
        journal.put_day(day_result())
        journal.put_outcome(outcome())
        journal.error("R1", "order", "place.005930", "[RC4003] off tick", T0)
        journal.finish_run("R1", "done", 0)


@pytest.mark.parametrize(
    ("question", "rows"),
    [
        (
            WHICH_CANDIDATES,
            [
                ("fast", 1, "005930", "삼성전자", 70_000, 71.5),
                ("fast", 2, "000660", "삼성전자", 70_000, 71.5),
                ("ai", 1, "005930", "삼성전자", 70_000, 88.0),
            ],
        ),
        (
            WHICH_DECISION_AND_WHY,
            [
                ("BUY", code, 14, 70_100, 0.71, "Buy: buyers lead; score 71 of 100.", "rules")
                for code in ("005930", "000660")
            ],
        ),
        (
            WHICH_CHECKS_WITH_WHICH_NUMBERS,
            [
                ("000660", 0, "TOTAL_LIMIT", "PER_STOCK_LIMIT", 1, "701,000 <= limit 1,000,000"),
                ("000660", 0, "TOTAL_LIMIT", "TOTAL_LIMIT", 0, "6,710,000 > limit 5,000,000"),
            ],
        ),
        (
            WHICH_ORDER,
            [
                ("BUY", "005930", 10, 70_000, "FILLED", "0000101", decision().reason),
                ("SELL", "005930", 10, 70_000, "ACKED", "0000200", decision().reason),
            ],
        ),
        (
            WHICH_FILLS,
            [
                (4, 69_900, 10, "2026-11-23T10:00:04+09:00"),
                (6, 70_000, 10, "2026-11-23T10:00:10+09:00"),
            ],
        ),
        (
            WHAT_PROFIT,
            [
                (
                    "2026-11-23",
                    "삼성전자",
                    10,
                    68_252,
                    "take_profit",
                    0.71,
                    "rules",
                    decision().reason,
                    "0000200",
                )
            ],
        ),
        (WHICH_API_CALLS_FAILED, [("kt10000", 200, "20", "[2000](RC4003) off tick")]),
        (WHAT_DID_THE_ANALYST_COST, [("gemini", "gemini-2.5-flash", 1, 900, 120, 0.00057)]),
        (WHAT_WERE_DECISIONS_WORTH, [(0.7, 1, 1.0, 1.05)]),
        (HOW_WERE_THE_DAYS, [("2026-11-23", 68_252, 67_652, 3, 66.7)]),
        (WHAT_WENT_WRONG, [("order", "place.005930", "[RC4003] off tick")]),
    ],
)
def test_a_documented_query_gives_its_answer(
    database: sqlite3.Connection, question: str, rows: list[tuple[object, ...]]
) -> None:
    assert database.execute(question).fetchall() == rows


def test_a_run_says_how_it_ended(database: sqlite3.Connection) -> None:
    sql = "SELECT command, outcome, exit_code, started_at, finished_at FROM runs"
    at = "2026-11-23T10:00:00+09:00"
    assert database.execute(sql).fetchall() == [("kt run --once", "done", 0, at, at)]


def test_every_table_of_the_design_is_there(database: sqlite3.Connection) -> None:
    wanted = (
        "runs steps api_calls scans candidates ai_calls decisions checks orders order_events "
        "fills positions exits pnl_daily halts locks errors notices heartbeats"
    )
    sql = "SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view')"
    found = set(database.execute(sql).fetchall())
    assert {("table", name) for name in wanted.split()} <= found
    assert {("view", name) for name in ("trades", "days", "decision_outcomes")} <= found

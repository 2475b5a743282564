"""Retention deletes rows that are old and no longer needed, and nothing else."""

from __future__ import annotations

import threading
from pathlib import Path

from kt.store import pruning
from kt.store.journal import SqliteJournal
from tests.store.make import check, decision, later, open_journal, outcome, placed, position, trade
from tests.store.test_queries import fill_journal

LATE = later(1_000)
KEPT = (
    *("orders", "order_events", "fills", "positions", "exits", "closed_trades", "pnl_daily"),
    *("outcomes", "decisions", "halts", "locks", "cash_note", "doubts", "meta"),
)


def counts(journal: SqliteJournal) -> dict[str, int]:
    tables = journal._file.read(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'"
    )
    return {
        name: int(journal._file.read(f"SELECT count(*) AS n FROM {name}")[0]["n"])
        for name in (row["name"] for row in tables)
    }


def test_old_rows_are_deleted_and_needed_ones_stay(journal: SqliteJournal) -> None:
    fill_journal(journal)
    journal.put_position(position())
    journal.put_outcome(outcome())
    journal.finish_run("R1", "done", 0)
    journal.flush()
    before = counts(journal)
    expected = journal.prunable(LATE)
    deleted = journal.prune(LATE)
    after = counts(journal)
    assert {name: before[name] for name in KEPT if name in before} == {
        name: after[name] for name in KEPT if name in before
    }
    assert {"api_calls", "steps", "scans", "candidates", "ai_calls", "errors", "notices"} <= set(
        deleted
    )
    assert deleted == {name: before[name] - after[name] for name in deleted}
    assert {name: deleted[name] for name in expected} == expected
    assert journal.prune(LATE) == {}
    assert {row["kind"] for row in journal.events(limit=1000)} <= {
        *("decision", "order", "fill", "exit", "trade", "stop", "check", "run"),
    }
    assert after["log"] == len(journal.events(limit=1000)), "no row of the log leads nowhere"


def test_recent_rows_stay(journal: SqliteJournal) -> None:
    fill_journal(journal)
    journal.flush()
    before = counts(journal)
    assert journal.prune(later(-1)) == {}
    assert counts(journal) == before


def test_an_unfinished_run_keeps_its_heartbeats(journal: SqliteJournal) -> None:
    journal.start_run("R1", "run", "1")
    journal.heartbeat("R1", "open", later(5))
    journal.prune(LATE)
    (run,) = journal.runs()
    assert list(run["heartbeats"]) == ["open"]


def test_the_run_and_the_check_of_an_order_stay(journal: SqliteJournal) -> None:
    """The reason for an order stays readable."""
    placed(journal)
    ours = journal.orders()[0]
    journal.decisions(ours.run, [decision(ours.decision_id)])
    for number, decision_id in enumerate((ours.decision_id, "D-other")):
        journal.checks(ours.run, [check(f"K{number}", of=decision(decision_id))])
    journal.start_run(ours.run, "run", "1")
    journal.finish_run(ours.run, "done", 0)
    journal.prune(LATE)
    assert [run["run"] for run in journal.runs()] == [ours.run]
    found = counts(journal)
    assert (found["decisions"], found["checks"]) == (1, 1)
    assert found["check_results"] > 0


def test_many_rows_are_deleted_in_batches_and_others_write_in_between(
    tmp_path: Path,
) -> None:
    with open_journal(tmp_path) as journal, open_journal(tmp_path) as other:
        rows = pruning.BATCH * 4
        for number in range(rows):
            journal.api_call("R0", "ka10001", later(number % 60), 1, 200, "0", "")
        journal.flush()
        deleted: list[dict[str, int]] = []
        worker = threading.Thread(target=lambda: deleted.append(journal.prune(LATE)))
        worker.start()
        orders = 0
        while worker.is_alive():
            placed(other, f"O{orders}", f"{orders:07}", stock_code=f"{orders:06}")
            orders += 1
        worker.join()
        assert deleted == [{"api_calls": rows}]
        assert len(other.orders()) == orders


def test_vacuum_frees_space_and_keeps_all_rows(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        placed(journal)
        journal.add_trade(trade())
        for number in range(5_000):
            journal.error("R0", "network", "stream", f"cut {number} " * 20, later(1))
        journal.flush()
        journal.vacuum()
        large = journal.path.stat().st_size
        journal.prune(LATE)
        journal.vacuum()
        assert journal.path.stat().st_size < large / 2
        assert len(journal.orders()) == 1
    with open_journal(tmp_path) as again:
        assert len(again.orders()) == 1

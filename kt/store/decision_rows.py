"""One decision and everything that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from kt.errors import JournalError
from kt.records import (
    AnalystReply,
    Candidate,
    Check,
    Decision,
    DecisionOutcome,
    ExitLevels,
    JournaledQuestion,
    Order,
    Record,
)
from kt.store.journal_part import JournalPart
from kt.store.rows import from_json, from_row, json_text, time_text, unpacked

R = TypeVar("R", bound=Record)

_CANDIDATE = """
SELECT * FROM candidates WHERE run = ? AND stock_code = ? AND at <= ? ORDER BY seq DESC LIMIT 1"""

_RESULTS = "SELECT code, passed, detail FROM check_results WHERE check_id = ? ORDER BY position"

_EXITS = "SELECT * FROM exits WHERE stock_code = ? AND at >= ? AND at <= ? ORDER BY seq"


class DecisionRows(JournalPart):
    """Implements ports.DecisionLog."""

    def decision_ids(self, beginning: str, limit: int) -> tuple[str, ...]:
        sql = (
            "SELECT decision_id FROM decisions WHERE decision_id >= ? AND decision_id < ?"
            " ORDER BY decision_id LIMIT ?"
        )
        rows = self._rows(sql, (beginning, f"{beginning}\U0010ffff", limit))
        return tuple(row["decision_id"] for row in rows)

    def decision(self, decision_id: str) -> tuple[Decision, str] | None:
        found = self._rows("SELECT * FROM decisions WHERE decision_id = ?", (decision_id,))
        return (from_row(found[0], Decision), found[0]["run"]) if found else None

    def question_of(self, key: str) -> JournaledQuestion | None:
        sql = "SELECT question_zlib FROM ai_calls WHERE key = ? AND question_zlib <> x''"
        found = self._rows(f"{sql} ORDER BY seq DESC LIMIT 1", (key,))
        try:
            text = unpacked(found[0]["question_zlib"]) if found else ""
            return from_json(text, JournaledQuestion) if found else None
        except JournalError:
            return None

    def answer_of(self, key: str) -> AnalystReply | None:
        found = self._rows("SELECT * FROM ai_calls WHERE key = ? ORDER BY seq DESC LIMIT 1", (key,))
        if not found:
            return None
        return from_row(found[0] | {"raw": unpacked(found[0]["raw_zlib"])}, AnalystReply)

    def candidate_before(self, run: str, stock_code: str, at: datetime) -> Candidate | None:
        return self._first(_CANDIDATE, (run, stock_code, time_text(at)), Candidate)

    def checks_of(self, decision_id: str) -> tuple[Check, ...]:
        rows = self._rows(
            "SELECT * FROM checks WHERE decision_id = ? AND decision_id <> '' ORDER BY seq",
            (decision_id,),
        )
        found = []
        for row in rows:
            results = self._file.read(_RESULTS, (row["check_id"],))
            told = json_text([result | {"passed": bool(result["passed"])} for result in results])
            found.append(from_row(row | {"results_json": told}, Check))
        return tuple(found)

    def orders_of(self, decision_id: str) -> tuple[Order, ...]:
        sql = "SELECT * FROM orders WHERE decision_id = ? AND decision_id <> '' ORDER BY seq"
        return tuple(from_row(row, Order) for row in self._rows(sql, (decision_id,)))

    def exit_levels(
        self, stock_code: str, since: datetime, until: datetime
    ) -> tuple[ExitLevels, ...]:
        values = (stock_code, time_text(since), time_text(until))
        return tuple(from_row(row, ExitLevels) for row in self._rows(_EXITS, values))

    def outcome(self, decision_id: str) -> DecisionOutcome | None:
        sql = "SELECT * FROM outcomes WHERE decision_id = ?"
        return self._first(sql, (decision_id,), DecisionOutcome)

    def _first(self, sql: str, values: Sequence[Any], kind: type[R]) -> R | None:
        found = self._rows(sql, values)
        return from_row(found[0], kind) if found else None

    def _rows(self, sql: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        self._flush()
        return self._file.read(sql, values)

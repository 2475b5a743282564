"""One day of the journal: its decisions, counts of denials, errors and calls, and its report."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, TypeVar

from kt.records import (
    AnalystUse,
    CallCount,
    Candidate,
    DailyReport,
    Decision,
    DenialCount,
    ErrorCount,
    Record,
)
from kt.store.journal_part import JournalPart
from kt.store.rows import (
    day_text,
    from_json,
    from_row,
    insert_sql,
    json_text,
    time_text,
    update_all,
)

R = TypeVar("R", bound=Record)

_DECISIONS = """
SELECT * FROM decisions WHERE decided_at >= ? AND decided_at < ? AND provenance <> 'shadow'
ORDER BY decided_at, seq"""

_DENIALS = """
SELECT r.code, count(*) AS count, c.stock_code, c.stock_name, r.detail, max(r.seq)
FROM check_results AS r JOIN checks AS c USING (check_id)
WHERE NOT r.passed AND c.checked_at >= ? AND c.checked_at < ?
GROUP BY r.code ORDER BY count DESC, r.code"""

_ERRORS = """
SELECT kind, place, count(*) AS count, message, max(seq)
FROM errors WHERE at >= ? AND at < ? GROUP BY kind, place ORDER BY count DESC, kind, place"""

_CALLS = """
SELECT api_id, count(*) AS calls, cast(avg(milliseconds) AS INTEGER) AS milliseconds,
       sum(http_status <> 200 OR return_code NOT IN ('0', '')) AS failed
FROM api_calls WHERE started_at >= ? AND started_at < ?
GROUP BY api_id ORDER BY calls DESC, api_id"""

_ANALYSTS = """
SELECT analyst, model, count(*) AS calls, sum(error <> '') AS failed,
       sum(tokens_in + tokens_out) AS tokens, sum(cost_usd) AS cost_usd
FROM ai_calls WHERE asked_at >= ? AND asked_at < ? GROUP BY analyst, model ORDER BY calls DESC"""

_WATCHED = """
SELECT * FROM candidates WHERE (stage, at) = (
    SELECT stage, at FROM scans WHERE at >= ? AND at < ? AND found > 0
    ORDER BY stage = 'ai' DESC, stage = 'deep' DESC, at DESC LIMIT 1
) ORDER BY rank"""


class DayRows(JournalPart):
    """Implements ports.DayLog."""

    def decisions_of(self, day: date) -> tuple[Decision, ...]:
        return self._of_day(_DECISIONS, day, Decision)

    def denials_of(self, day: date) -> tuple[DenialCount, ...]:
        return self._of_day(_DENIALS, day, DenialCount)

    def errors_of(self, day: date) -> tuple[ErrorCount, ...]:
        return self._of_day(_ERRORS, day, ErrorCount)

    def calls_of(self, day: date) -> tuple[CallCount, ...]:
        return self._of_day(_CALLS, day, CallCount)

    def analysts_of(self, day: date) -> tuple[AnalystUse, ...]:
        return self._of_day(_ANALYSTS, day, AnalystUse)

    def watched_on(self, day: date) -> tuple[Candidate, ...]:
        return self._of_day(_WATCHED, day, Candidate)

    def put_report(self, report: DailyReport) -> None:
        row = {
            "day": day_text(report.day),
            "at": time_text(report.at),
            "report_json": json_text(report),
        }
        with self._file.write() as connection:
            connection.execute(insert_sql("reports", row, then=update_all(row, "day")), row)

    def report(self, day: date) -> DailyReport | None:
        return self._report("WHERE day = ?", day)

    def report_before(self, day: date) -> DailyReport | None:
        return self._report("WHERE day < ? ORDER BY day DESC LIMIT 1", day)

    def _report(self, which: str, day: date) -> DailyReport | None:
        found = self._file.read(f"SELECT report_json FROM reports {which}", (day_text(day),))
        return from_json(found[0]["report_json"], DailyReport) if found else None

    def _of_day(self, sql: str, day: date, kind: type[R]) -> tuple[R, ...]:
        self._flush()
        between: tuple[Any, Any] = (day_text(day), day_text(day + timedelta(days=1)))
        return tuple(from_row(row, kind) for row in self._file.read(sql, between))

"""One day of the journal: its decisions, counts of denials, errors and calls, and its report."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from kt.records import (
    AnalystUse,
    CallCount,
    Candidate,
    DailyReport,
    Decision,
    DenialCount,
    ErrorCount,
    KeptNotice,
    MinutePrice,
    Record,
    Stop,
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
from kt.store.stops import stop_of

R = TypeVar("R", bound=Record)

DECISIONS = """
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

_STOPS = "SELECT * FROM halts WHERE at >= ? AND at < ? ORDER BY seq"

_WARNINGS = """
SELECT level, title, text, at FROM notices
WHERE level <> 'info' AND at >= ? AND at < ? ORDER BY seq"""

_PRICES = """
SELECT at, price FROM (
    SELECT at, price, 0 AS kept FROM candidates WHERE stock_code = ? AND at >= ? AND at < ?
    UNION ALL
    SELECT at, price, 1 FROM minute_prices WHERE stock_code = ? AND at >= ? AND at < ?
) WHERE price > 0 ORDER BY kept, at"""
"""A candidate's price at each scan, and the minute's last price where that is kept."""

_WATCHED = """
SELECT * FROM candidates WHERE (stage, at) = (
    SELECT stage, at FROM scans WHERE at >= ? AND at < ? AND found > 0
    ORDER BY stage = 'ai' DESC, stage = 'deep' DESC, at DESC LIMIT 1
) ORDER BY rank"""


class DayRows(JournalPart):
    """Implements ports.DayLog."""

    def decisions_of(self, day: date, until: date | None = None) -> tuple[Decision, ...]:
        return self._of_days(DECISIONS, (day, until), Decision)

    def denials_of(self, day: date, until: date | None = None) -> tuple[DenialCount, ...]:
        return self._of_days(_DENIALS, (day, until), DenialCount)

    def errors_of(self, day: date, until: date | None = None) -> tuple[ErrorCount, ...]:
        return self._of_days(_ERRORS, (day, until), ErrorCount)

    def calls_of(self, day: date, until: date | None = None) -> tuple[CallCount, ...]:
        return self._of_days(_CALLS, (day, until), CallCount)

    def analysts_of(self, day: date, until: date | None = None) -> tuple[AnalystUse, ...]:
        return self._of_days(_ANALYSTS, (day, until), AnalystUse)

    def watched_on(self, day: date) -> tuple[Candidate, ...]:
        return self._of_days(_WATCHED, (day, None), Candidate)

    def stops_of(self, day: date, until: date | None = None) -> tuple[Stop, ...]:
        return tuple(stop_of(row) for row in self._rows_of_days(_STOPS, (day, until)))

    def warnings_of(self, day: date, until: date | None = None) -> tuple[KeptNotice, ...]:
        return self._of_days(_WARNINGS, (day, until), KeptNotice)

    def prices(self, stock_code: str, since: datetime, until: datetime) -> tuple[MinutePrice, ...]:
        self._flush()
        span = (stock_code, time_text(since), time_text(until))
        by_minute: dict[datetime, MinutePrice] = {}
        for row in self._file.read(_PRICES, (*span, *span)):
            found = from_row(row, MinutePrice)
            minute = found.at.replace(second=0, microsecond=0)
            by_minute[minute] = MinutePrice(at=minute, price=found.price)
        return tuple(by_minute[minute] for minute in sorted(by_minute))

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

    def _of_days(self, sql: str, days: tuple[date, date | None], kind: type[R]) -> tuple[R, ...]:
        return tuple(from_row(row, kind) for row in self._rows_of_days(sql, days))

    def _rows_of_days(self, sql: str, days: tuple[date, date | None]) -> list[dict[str, Any]]:
        """The rows of the first day to the last, which is the first where there is none."""
        self._flush()
        first, last = days[0], days[1] or days[0]
        return self._file.read(sql, (day_text(first), day_text(last + timedelta(days=1))))

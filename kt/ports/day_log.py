"""What the journal knows about a day, or about several: a part of the journal's interface."""

from __future__ import annotations

from datetime import date, datetime
from typing import Protocol

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
    Stop,
)


class DayLog(Protocol):
    """One day of the log, or the days to `until`, counted; and the report that was written of a
    day."""

    def decisions_of(self, day: date, until: date | None = None) -> tuple[Decision, ...]:
        """All that were taken, oldest first."""
        ...

    def denials_of(self, day: date, until: date | None = None) -> tuple[DenialCount, ...]:
        """By rule, the most frequent first."""
        ...

    def errors_of(self, day: date, until: date | None = None) -> tuple[ErrorCount, ...]:
        """By kind and place, the most frequent first."""
        ...

    def calls_of(self, day: date, until: date | None = None) -> tuple[CallCount, ...]:
        """Requests to the broker by API, the most frequent first."""
        ...

    def analysts_of(self, day: date, until: date | None = None) -> tuple[AnalystUse, ...]:
        """By analyst and model."""
        ...

    def stops_of(self, day: date, until: date | None = None) -> tuple[Stop, ...]:
        """Stops as they were set and lifted, oldest first."""
        ...

    def warnings_of(self, day: date, until: date | None = None) -> tuple[KeptNotice, ...]:
        """Notices of the levels warning and critical, oldest first."""
        ...

    def prices(self, stock_code: str, since: datetime, until: datetime) -> tuple[MinutePrice, ...]:
        """What the journal knows of a stock's price, minute by minute, oldest first: the prices
        kept while it was held or traded, and those at which scans found it."""
        ...

    def watched_on(self, day: date) -> tuple[Candidate, ...]:
        """What the day's last scan kept, the best first: the analyst's choice where there was
        one, else the deep scan's, else the fast one's."""
        ...

    def put_report(self, report: DailyReport) -> None:
        """Insert or replace by day."""
        ...

    def report(self, day: date) -> DailyReport | None: ...
    def report_before(self, day: date) -> DailyReport | None:
        """The newest of an earlier day."""
        ...

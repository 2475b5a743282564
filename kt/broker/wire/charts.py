"""Parses chart bars: ka10079 ticks, ka10080 minutes, ka10081 days, ka10082 weeks, ka10083
months."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from kt.broker.wire.row import OnFault, Row, tolerant
from kt.broker.wire.units import turnover
from kt.records import KST, Bar, Interval


@dataclass(frozen=True, slots=True)
class Chart:
    """The API of an interval's bars, and the bar sizes it accepts."""

    api_id: str
    sizes: tuple[int, ...] = (1,)

    @property
    def dated(self) -> bool:
        """Whether its bars have a date without a time."""
        return len(self.sizes) == 1


CHARTS: dict[Interval, Chart] = {
    Interval.TICK: Chart("ka10079", (1, 3, 5, 10, 30)),
    Interval.MINUTE: Chart("ka10080", (1, 3, 5, 10, 15, 30, 45, 60)),
    Interval.DAY: Chart("ka10081"),
    Interval.WEEK: Chart("ka10082"),
    Interval.MONTH: Chart("ka10083"),
}


def bars(body: Mapping[str, object], interval: Interval, on_fault: OnFault) -> list[Bar]:
    """Newest first, as in the response. The minute bar of 15:30 is the closing auction."""
    chart = CHARTS[interval]

    def one(row: Row) -> Bar:
        close, volume = row.price("cur_prc"), row.price("trde_qty", 0)
        return Bar(
            at=_start(row, chart),
            # A day on which the stock was halted has no open, high and low: its bar is flat.
            open=row.price("open_pric", 0) or close,
            high=row.price("high_pric", 0) or close,
            low=row.price("low_pric", 0) or close,
            close=close,
            volume=volume,
            value=turnover(row.integer("trde_prica", 0), volume, close) if chart.dated else 0,
        )

    return tolerant(body, chart.api_id, one, on_fault)


def _start(row: Row, chart: Chart) -> datetime:
    """A bar with only a date starts at midnight of its (first) day."""
    if not chart.dated:
        return row.moment("cntr_tm", date.min)
    day = row.day("dt")
    return datetime(day.year, day.month, day.day, tzinfo=KST)

"""The envelope of piped documents: one JSON document of one kind from one profile at one time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from kt.records.account_value import Performance
from kt.records.backtest_result import Backtest
from kt.records.base import Name, Record
from kt.records.decision import Candidate, Check, Decision, ScanSummary
from kt.records.journal_comparison import Comparison
from kt.records.order import Fill, Order
from kt.records.order_timing import LatencyFigures
from kt.records.reports import DailyReport
from kt.records.result import Balance, DayResult, Position, RoundTrip, StockResult
from kt.records.scoring import AnalystScore
from kt.records.sweep_result import Sweep
from kt.records.trail import DecisionTrail

VERSION = 1

KINDS: dict[str, Any] = {
    "candidates": Candidate,
    "decisions": Decision,
    "checks": Check,
    "orders": Order,
    "fills": Fill,
    "positions": Position,
    "balance": Balance,
    "pnl": RoundTrip | DayResult | StockResult | Performance | AnalystScore,
    "reports": DailyReport,
    "trails": DecisionTrail,
    "backtests": Backtest,
    "sweeps": Sweep,
    "latencies": LatencyFigures,
    "comparisons": Comparison,
    "events": dict[str, Any],
}
"""The item type of each kind of document."""


class Document(Record, frozen=True, kw_only=True):
    """`{"kt":1,"kind":…,"profile":…,"run":…,"asof":…,"items":[…]}`; a document of the fast or the
    deep scan also has `scan`, its `ScanSummary`, before the items."""

    kt: int
    kind: Name
    profile: Name
    run: Name
    asof: datetime
    scan: ScanSummary | None = None
    items: Annotated[tuple[msgspec.Raw, ...], Meta(max_length=10_000)]

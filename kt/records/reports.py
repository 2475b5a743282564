"""A trading day told whole: what it brought, what was decided and why, what went wrong."""

from __future__ import annotations

from datetime import date, datetime

from kt.records.base import Record
from kt.records.decision import Decision
from kt.records.result import DayResult, RoundTrip, StockResult


class DenialCount(Record, frozen=True, kw_only=True):
    """How often a safety rule said no that day; `detail` is the last time's arithmetic."""

    code: str
    count: int
    stock_code: str
    stock_name: str
    detail: str


class ErrorCount(Record, frozen=True, kw_only=True):
    """How often something failed in one place; `kind` as in the journal's `errors`, `message` the
    last one."""

    kind: str
    place: str
    count: int
    message: str


class KeptNotice(Record, frozen=True, kw_only=True):
    """A notice to the owner as the journal keeps it; `level` is info, warning or critical."""

    level: str
    title: str
    text: str
    at: datetime


class CallCount(Record, frozen=True, kw_only=True):
    """Requests of one API: how many, how many of them failed, and the mean answer time."""

    api_id: str
    calls: int
    failed: int
    milliseconds: int


class AnalystUse(Record, frozen=True, kw_only=True):
    """Questions put to an analyst, and what they cost."""

    analyst: str
    model: str
    calls: int
    failed: int
    tokens: int
    cost_usd: float


class PlannedStock(Record, frozen=True, kw_only=True):
    """One stock of the next day's plan. Held: its quantity and exits in won; else `quantity` is 0
    and the stock is watched. `reason` is the analyst's, or that of the day's last scan."""

    stock_code: str
    stock_name: str
    quantity: int
    price: int
    stop_price: int = 0
    target_price: int = 0
    reason: str = ""


class DailyReport(Record, frozen=True, kw_only=True):
    """One trading day as of `at`. `decided` counts all decisions by action, `decisions` are those
    to buy or sell; `plan` is for `next_day`. Money in won, after all costs."""

    day: date
    at: datetime
    result: DayResult
    stocks: tuple[StockResult, ...]
    trades: tuple[RoundTrip, ...]
    decided: dict[str, int]
    decisions: tuple[Decision, ...]
    denials: tuple[DenialCount, ...]
    errors: tuple[ErrorCount, ...]
    calls: tuple[CallCount, ...]
    analysts: tuple[AnalystUse, ...]
    next_day: date
    plan: tuple[PlannedStock, ...]
    day_plan: str = ""
    """The plan of that day itself, as it was in force."""
    lesson: str = ""
    """What the day taught, in the analyst's words; empty when nobody answered."""
    stance: str = ""
    """TRADE, CAREFUL or AVOID: the analyst's stance for `next_day`."""
    strategy: str = ""
    """Its strategy for `next_day`, in words."""

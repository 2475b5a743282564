"""The questions of the trading day beside the cycle's decisions, and what was answered."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from kt.records.analyst_request import StockContext
from kt.records.base import Provenance, Record
from kt.records.own_orders import OpenOrder, UnderWay
from kt.records.result import DayResult, Position, RoundTrip


class Topic(StrEnum):
    """A question of the trading day. The value names its section in `questions` of the
    configuration."""

    PLAN = "plan"
    """08:30: the strategy of the day, for each position and each stock of the watch list."""
    PROFIT = "profit"
    """A position has reached its target: sell now, or hold on."""
    UNFILLED = "unfilled"
    """An order is open for too long: amend it to which price, or cancel it."""
    CLOSING = "closing"
    """15:20: what to do with each position and each order that is left."""
    LESSON = "lesson"
    """15:30: what the day taught, and the plan for the next day."""


class AdviceChoice(StrEnum):
    """What may be answered about a subject; each subject lists which of these."""

    TRADE = "TRADE"
    """The day: trade as usual."""
    CAREFUL = "CAREFUL"
    """The day: fewer and smaller buys."""
    AVOID = "AVOID"
    """The day: better no buys at all."""
    NOTED = "NOTED"
    """The lesson: the reason is the answer."""
    WATCH = "WATCH"
    SKIP = "SKIP"
    HOLD = "HOLD"
    SELL = "SELL"
    AMEND = "AMEND"
    CANCEL = "CANCEL"
    KEEP = "KEEP"
    RULE = "RULE"
    """Never an answer: nobody answered, and the configured rule decides."""


TODAY, TOMORROW, LESSON = "today", "tomorrow", "lesson"
"""The subjects that are no stock and no order."""


class Subject(Record, frozen=True, kw_only=True):
    """One thing to answer about: a stock, an order, or the day. Money in won."""

    ref: str
    """A stock code, an order's number at the broker, `today`, `tomorrow` or `lesson`."""
    choices: tuple[AdviceChoice, ...]
    stock_code: str = ""
    stock_name: str = ""
    kind: str = "STOCK"
    """STOCK, ETF, …: the tick table of its prices."""
    price: int = 0
    """The price now; before the open the expected price."""
    base_price: int = 0
    """The previous close."""
    position: Position | None = None
    order: OpenOrder | None = None
    stock: StockContext | None = None
    note: str = ""
    """Why it is asked about: the reason of an exit, of a scan, or of yesterday's plan."""


class AdviceRequest(Record, frozen=True, kw_only=True):
    """One question about one or more subjects."""

    topic: Topic
    asof: datetime
    subjects: tuple[Subject, ...]
    under_way: UnderWay = UnderWay()
    plan: str = ""
    """The plan in force, as text: the day's, or in the morning yesterday's."""
    result: DayResult | None = None
    """The day's result, for the lesson."""
    trades: tuple[RoundTrip, ...] = ()


class Advice(Record, frozen=True, kw_only=True):
    """The answer about one subject, or the configured answer for silence; one row of `advice`."""

    topic: Topic
    ref: str
    choice: AdviceChoice
    at: datetime
    stock_code: str = ""
    stock_name: str = ""
    price: int = 0
    """AMEND: the new limit in won; WATCH: the highest price worth paying, 0 for none."""
    asked_price: int = 0
    """The subject's price when it was asked about, in won."""
    reason: str = ""
    analyst: str = ""
    model: str = ""
    provenance: Provenance = Provenance.OWN
    """`none`: nobody answered, and the choice is the configured one."""
    fault: str = ""
    """Why the configured analyst has no answer of its own here; empty when it has one."""
    key: str = ""
    """The hash of the question's input: `ai_calls` has the question and the answer under it."""

    @property
    def silent(self) -> bool:
        return self.provenance is Provenance.NONE

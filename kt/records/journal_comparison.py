"""One trading day as two journals have it, and how they differ (docs/virtual-clock.md#compare)."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from msgspec import field

from kt.records.base import Record, Side
from kt.records.decision import Decision
from kt.records.order import Fill, Order
from kt.records.result import Trade
from kt.records.trail import ExitLevels


class Cause(StrEnum):
    """Why two journals differ in a decision or an order."""

    DATA = "data"
    """Other prices, or other candidates."""
    MODEL = "model"
    """The analyst decided otherwise on equal data."""
    LIMIT = "limit"
    """A safety rule, the size that it allowed, or the stop and target that were set."""
    REFUSAL = "refusal"
    """The broker rejected the order in one of them."""
    LATENCY = "latency"
    """The same order reached the market at another time."""
    UNKNOWN = "unknown"
    """No rule applies."""


class DayDenial(Record, frozen=True, kw_only=True):
    """An order that the safety rules denied. `codes` are those of the rules, with blanks between
    them; `decision_id` is empty for an order of no decision."""

    decision_id: str
    stock_code: str
    side: Side | None
    codes: str
    at: datetime


class JournalDay(Record, frozen=True, kw_only=True):
    """What a journal has of one day, each oldest first. `sent` is when each order was sent, by its
    id; `levels` are stops and targets as they were set."""

    decisions: tuple[Decision, ...] = ()
    denials: tuple[DayDenial, ...] = ()
    orders: tuple[Order, ...] = ()
    sent: dict[str, datetime] = field(default_factory=dict)
    fills: tuple[Fill, ...] = ()
    trades: tuple[Trade, ...] = ()
    levels: tuple[ExitLevels, ...] = ()


class ComparedSide(Record, frozen=True, kw_only=True):
    """A decision or an order in one of the journals. `at` is when it was decided or sent, `filled`
    and `fill_price` (the average, in won) are an order's, `cash` is what its fills changed in cash
    after fees and tax."""

    id: str
    at: datetime
    action: str
    quantity: int
    price: int
    """The limit in won; 0 for a market order."""
    origin: str = ""
    state: str = ""
    filled: int = 0
    fill_price: float | None = None
    filled_at: datetime | None = None
    """Of the first fill."""
    cash: int = 0


class DayDifference(Record, frozen=True, kw_only=True):
    """One difference. `what` is decision, order or held (see `cost`). A side that has nothing is
    None.

    `cost` is the first journal's won less the second's: of an order its `cash`; of `held` the cost
    of the shares that were bought and not sold that day, less that of sold shares of earlier days.
    A decision has no cost of its own, its order has.
    """

    what: str
    stock_code: str
    stock_name: str
    cause: Cause
    detail: str
    cost: int
    live: ComparedSide | None = None
    backtest: ComparedSide | None = None


class CauseCost(Record, frozen=True, kw_only=True):
    """The differences of one cause, and the sum of their costs in won."""

    cause: Cause
    differences: int
    cost: int


class DayCount(Record, frozen=True, kw_only=True):
    """How much each journal has of one thing, and how much of it is in both and equal."""

    what: str
    live: int
    backtest: int
    equal: int


class Comparison(Record, frozen=True, kw_only=True):
    """One day in two journals. `difference` is `live_realised` less `backtest_realised`, in won,
    and the sum of the costs of all differences."""

    day: date
    live: str
    """The file of the first journal."""
    backtest: str
    window_minutes: int
    """Decisions on a stock that are at most so far apart are taken for the same."""
    live_realised: int
    backtest_realised: int
    difference: int
    counts: tuple[DayCount, ...]
    causes: tuple[CauseCost, ...]
    differences: tuple[DayDifference, ...]

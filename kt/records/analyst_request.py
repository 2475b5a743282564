"""What an analyst is asked, and what it answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import field

from kt.records.account import BrokerOrder, Deposit
from kt.records.base import Record
from kt.records.decision import Candidate
from kt.records.market import (
    Bar,
    Book,
    BrokerActivity,
    BuyingStreak,
    Flow,
    ForeignHolding,
    InstitutionDay,
    MarketIndex,
    MarketName,
    Quote,
    SectorFlow,
    Strength,
)
from kt.records.own_orders import SoldToday
from kt.records.result import Position


class Indicators(Record, frozen=True, kw_only=True):
    """Indicators of one stock over its day bars with today's unfinished one (`vwap`: of today
    alone). None: too few bars. Prices in won."""

    sma_5: float | None = None
    sma_20: float | None = None
    sma_60: float | None = None
    rsi_14: float | None = None
    """Wilder's, 0..100."""
    macd: float | None = None
    """EMA 12 less EMA 26."""
    macd_signal: float | None = None
    """EMA 9 of `macd`."""
    bollinger_upper: float | None = None
    """SMA 20 and two population standard deviations."""
    bollinger_lower: float | None = None
    atr_14: float | None = None
    """Wilder's average true range."""
    vwap: float | None = None
    """Today's traded value by its volume."""
    volume_ratio: float | None = None
    """Today's volume by what the last 20 days traded on average in as much of a session."""


class StockContext(Record, frozen=True, kw_only=True):
    """Everything collected about one stock. A part that could not be fetched is None or empty.

    Bars run oldest first, daily rows (flow, foreign, institutions) newest first; the newest of
    each is unfinished while the market is open.
    """

    stock_code: str
    stock_name: str
    quote: Quote
    candidate: Candidate | None = None
    position: Position | None = None
    book: Book | None = None
    ticks: tuple[Bar, ...] = ()
    """Bars of 30 trades."""
    minutes: tuple[Bar, ...] = ()
    days: tuple[Bar, ...] = ()
    weeks: tuple[Bar, ...] = ()
    months: tuple[Bar, ...] = ()
    strength: tuple[Strength, ...] = ()
    flow: tuple[Flow, ...] = ()
    foreign: tuple[ForeignHolding, ...] = ()
    institutions: tuple[InstitutionDay, ...] = ()
    streak: BuyingStreak | None = None
    """None: not in the broker's list of stocks bought several days in a row."""
    brokers: BrokerActivity | None = None
    market: MarketName | None = None
    sector: str = ""
    indicators: Indicators = Indicators()
    missing: tuple[str, ...] = ()
    """The parts that could not be fetched, with the reason."""


class MarketState(Record, frozen=True, kw_only=True):
    """One market as a whole; what could not be fetched is None or empty."""

    market: MarketName
    index: MarketIndex | None = None
    sectors: tuple[SectorFlow, ...] = ()


class TradingRoom(Record, frozen=True, kw_only=True):
    """What the day's limits allow and what is used of them, in won and in orders. None: not known.
    A limit of 0 was not told."""

    total_limit: int = 0
    invested: int | None = None
    """Cost of the positions and of what open buys may still cost."""
    stocks_limit: int = 0
    loss_limit: int = 0
    loss_used: int | None = None
    """Today's realised and unrealised loss; 0 on a day with a profit."""
    orders_limit: int = 0
    orders_sent: int = 0
    return_pct: float | None = None
    """Of all held stocks on their cost (ka10085), before the costs of selling; None without any."""


class SessionTime(Record, frozen=True, kw_only=True):
    """Where the trading day stands."""

    phase: str
    """As in `kt/rules/trading_phases.py`: before, start, prepare, open, closing, settle, idle."""
    minutes_to_last_buy: int | None = None
    minutes_to_close: int | None = None
    """None outside of trading; whole minutes, cut."""


class CostRates(Record, frozen=True, kw_only=True):
    """What a trade of an ordinary stock costs, in percent of its value."""

    buy_pct: float
    sell_pct: float
    """Commission and tax."""


class AnalystRequest(Record, frozen=True, kw_only=True):
    """What the analyst is asked about: the stocks, the market, the account, the limits, the time
    and the analyst's own record. Positions are marked to the newest prices."""

    asof: datetime
    stocks: tuple[StockContext, ...]
    deposit: Deposit
    positions: tuple[Position, ...]
    realised_today: int
    per_stock_limit: int
    lessons: str = ""
    """The analyst's own record, as text."""
    horizon_minutes: int = 60
    """When the decisions are judged: what `confidence` is about."""
    plan: str = ""
    """The plan of the day, as text."""
    sold_today: tuple[SoldToday, ...] = ()
    open_orders: tuple[BrokerOrder, ...] = ()
    markets: tuple[MarketState, ...] = ()
    room: TradingRoom = TradingRoom()
    session: SessionTime | None = None
    costs: CostRates | None = None
    missing: tuple[str, ...] = ()
    """Parts about the account or the market that could not be fetched, with the reason."""


class JournaledQuestion(Record, frozen=True, kw_only=True):
    """A question with all that its answer is checked against: what a replay needs."""

    request: AnalystRequest
    kinds: dict[str, str]
    """Stock code to STOCK, ETF, … as they were listed then."""


class PromptPreview(Record, frozen=True, kw_only=True):
    """What a model would be sent: instructions and data, in one text."""

    version: str
    text: str


FAILURES: dict[str, str] = {
    "auth": "The provider refused the key: set a good one.",
    "model": "The provider has no such model: choose another with analyst.model.",
    "request": "The provider refused the request itself.",
    "quota": "Too many requests, or the account's quota is used up.",
    "timeout": "No answer within analyst.timeout.",
    "unavailable": "The provider has a fault of its own.",
    "unreachable": "The provider could not be reached.",
    "blocked": "The provider's filters stopped the question or the answer.",
    "reply": "An answer came that cannot be read.",
    "paused": "Not asked: it failed before, and its next try is later.",
    "budget": "Not asked: the day's budget is spent.",
    "late": "Not asked: the cycle's earlier questions took analyst.cycle_timeout.",
    "defect": "Something failed that has no other name here.",
}
"""The kinds of failure of an analyst, and what each means."""
LASTING = frozenset({"auth", "model", "request"})
"""Failures that last until a person changes something (a key, the configuration)."""
WITHHELD = frozenset({"paused", "budget", "late"})
"""The analyst was not asked at all."""


class AnalystCall(Record, frozen=True, kw_only=True):
    """One call of an analyst without its texts: for circuit breaker, budget and status."""

    asked_at: datetime
    purpose: str
    analyst: str
    model: str
    asked_model: str
    tokens_in: int
    tokens_out: int
    cost_usd: float
    error: str

    @property
    def kind(self) -> str:
        """The kind of its failure; empty when an answer came."""
        return self.error.partition(":")[0]


class AnalystReply(Record, frozen=True, kw_only=True):
    """An analyst's reply before it is validated; one row of `ai_calls`.

    `objects` are the decision objects as parsed JSON (or shortlist objects `{stock_code, score,
    reason}`); `raw` is the reply as received. `key` is the hash of the whole input: a replay looks
    the answer up by it.
    """

    key: str
    purpose: str
    """decide or shortlist"""
    analyst: str
    model: str
    objects: tuple[dict[str, Any], ...]
    raw: str
    prompt: str
    parameters: dict[str, Any]
    asked_at: datetime
    data_at: datetime
    """The newest data time in the input."""
    latency_ms: int
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0
    error: str = ""
    """Empty, or `kind: words`; the kinds are `FAILURES`."""
    notes: tuple[str, ...] = ()
    """What had to be removed to parse the reply (code fences, surrounding text)."""
    attempts: int = 1
    """How many requests were sent for it."""
    asked_model: str = ""
    """The requested model; `model` is the one that answered."""
    prompt_version: str = ""
    votes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """How each member of a panel voted, by stock code."""

    @property
    def kind(self) -> str:
        """The kind of its failure; empty when an answer came."""
        return self.error.partition(":")[0]

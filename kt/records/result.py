"""What is held, what it brought, and what stops trading."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from kt.records.account import BrokerOrder, Deposit
from kt.records.base import Action, Record


class Position(Record, frozen=True, kw_only=True):
    """What is held in one stock, with its exits. Money in won; `cost` includes the buy fee."""

    stock_code: str
    stock_name: str
    quantity: int
    average_price: int
    cost: int
    opened_at: datetime
    updated_at: datetime
    stop_price: int = 0
    target_price: int = 0
    sellable: int = 0
    price: int = 0
    value: int = 0
    profit: int = 0
    """Net of both fees and the sell tax, at `price`."""
    profit_pct: float = 0.0
    source: str = "kt"
    """kt, or external when the broker holds shares that kt did not buy."""
    peak_price: int = 0
    """The highest price seen since it was opened, where a trailing stop follows it; else 0."""
    trailing: bool = False
    """Whether `stop_price` is the trailing stop's."""
    fees: int = 0
    """The buy fees in `cost`."""


class Doubt(Record, frozen=True, kw_only=True):
    """A stock of which the broker lists another quantity than kt's books, not believed yet: the
    position stays and its exits stay armed. Quantities in shares."""

    stock_code: str
    stock_name: str
    ours: int
    brokers: int
    since: datetime
    """When these two numbers were first seen beside each other."""
    seen: datetime
    looks: int


class CashFlow(Record, frozen=True, kw_only=True):
    """What all booked fills together moved, in won: buys take value and fee, sells bring value
    less fee and tax. `outside` of the `fills` are bookings of trades that kt did not make."""

    won: int = 0
    fills: int = 0
    outside: int = 0


class CashNote(Record, frozen=True, kw_only=True):
    """The cash as the broker told it last, after settlement of all trades (kt00001 `d2_entra`),
    in won, and what the booked fills had moved by then (as in CashFlow)."""

    cash: int
    won: int
    fills: int
    outside: int
    at: datetime


class Balance(Record, frozen=True, kw_only=True):
    """The account in one record. Money in won."""

    account: str
    """Masked: only the last four digits are shown."""
    deposit: Deposit
    positions: tuple[Position, ...]
    open_orders: tuple[BrokerOrder, ...]
    total_cost: int
    total_value: int
    total_profit: int
    total_profit_pct: float
    estimated_assets: int
    realised_today: int
    at: datetime
    doubts: tuple[Doubt, ...] = ()
    """Stocks of which the broker lists fewer shares than kt's books: shown by the books."""


class Trade(Record, tag="sale", tag_field="type", frozen=True, kw_only=True):
    """One execution of a sale with what it sold: a part of a round trip. Money in won.

    `buy_price` is the average price paid, without costs; `fee` and `tax` are the sale's own,
    `buy_fee` is the sold shares' part of the buy fees, and `profit` is what is left after all.
    """

    stock_code: str
    stock_name: str
    quantity: int
    buy_price: float
    sell_price: float
    bought: int
    """What the sold shares were bought for, without costs."""
    buy_fee: int
    fee: int
    tax: int
    profit: int
    profit_pct: float
    opened_at: datetime
    closed_at: datetime
    order_id: str
    origin: str
    decision_id: str = ""


class RoundTrip(Record, tag="trade", tag_field="type", frozen=True, kw_only=True):
    """One trade: a position from its first share to its last, by average cost. Money in won.

    `quantity`, the prices (averages, without costs) and the sums are those of the shares sold so
    far; `fee` holds both sides' commission. `profit` is after all costs, `gross` before them, and
    `profit_pct` is in percent of what was paid, its commission included. While some of it is
    held, `open` is true, and `closed_at` is the last sale so far.
    """

    stock_code: str
    stock_name: str
    quantity: int
    buy_price: float
    sell_price: float
    bought: int
    sold: int
    gross: int
    fee: int
    tax: int
    profit: int
    profit_pct: float
    opened_at: datetime
    closed_at: datetime
    held_minutes: int
    open: bool
    origin: str
    """Why the last share was sold."""
    decision_id: str = ""
    parts: tuple[Trade, ...] = ()
    """Its sales, oldest first."""

    @property
    def won(self) -> bool:
        return self.profit > 0


class DayResult(Record, tag="day", tag_field="type", frozen=True, kw_only=True):
    """Profit and loss of one trading day, in won. `unrealised` is as of `at`."""

    day: date
    realised: int
    unrealised: int
    fees: int
    taxes: int
    trades: int
    wins: int
    bought: int
    sold: int
    at: datetime

    @property
    def total(self) -> int:
        return self.realised + self.unrealised


class StockResult(Record, tag="stock", tag_field="type", frozen=True, kw_only=True):
    """Profit and loss of one stock over a stretch of days, after all costs, in won.

    `quantity` is what is still held; `unrealised` is its profit at the last price.
    """

    stock_code: str
    stock_name: str
    quantity: int
    realised: int
    unrealised: int
    fees: int
    taxes: int
    trades: int
    wins: int

    @property
    def total(self) -> int:
        return self.realised + self.unrealised


class DecisionOutcome(Record, frozen=True, kw_only=True):
    """A decision at its horizon: what it was worth after costs, in percent of the price."""

    decision_id: str
    stock_code: str
    action: Action
    confidence: float
    analyst: str
    model: str
    decided_at: datetime
    horizon_minutes: int
    price_then: int
    price_later: int
    return_pct: float
    hit: bool


class StopMode(StrEnum):
    """The three stops. RUNNING is none of them."""

    RUNNING = "running"
    REDUCE = "reduce"
    """Only orders that shrink a position."""
    HALT = "halt"
    """No new order of any kind; cancels stay allowed."""
    FLATTEN = "flatten"
    """Cancel buys, sell everything at market, then halt."""


class Stop(Record, frozen=True, kw_only=True):
    """The stop in force, who set it and why; `until` is set when it ends by itself."""

    mode: StopMode
    reason: str
    by: str
    at: datetime
    until: date | None = None


class SymbolLock(Record, frozen=True, kw_only=True):
    """A stock that takes no new order until `until`, or until it is resolved (None)."""

    stock_code: str
    reason: str
    order_id: str
    at: datetime
    until: datetime | None = None

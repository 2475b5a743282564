"""Positions, profit and loss, and the stops."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from kt.records.account import BrokerOrder, Deposit
from kt.records.base import Record


class Position(Record, frozen=True, kw_only=True):
    """One position with its exit prices. Money in won; `cost` includes the buy fee."""

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
    """kt, or external for shares that kt did not buy."""
    peak_price: int = 0
    """The highest price since the position was opened, for the trailing stop; 0 without one."""
    trailing: bool = False
    """Whether `stop_price` was set by the trailing stop."""
    fees: int = 0
    """The buy fees that `cost` includes."""


class Doubt(Record, frozen=True, kw_only=True):
    """A stock whose quantity at the broker differs from kt's books, not confirmed yet: the position
    and its exits stay unchanged. Quantities in shares."""

    stock_code: str
    stock_name: str
    ours: int
    brokers: int
    since: datetime
    """When this pair of quantities was first seen."""
    seen: datetime
    looks: int


class CashFlow(Record, frozen=True, kw_only=True):
    """What all booked fills together changed in cash, in won: buys subtract value and fee, sells
    add value less fee and tax. `outside` is how many of the `fills` are trades that kt did not
    make."""

    won: int = 0
    fills: int = 0
    outside: int = 0


class CashNote(Record, frozen=True, kw_only=True):
    """The cash as the broker told it last, after settlement of all trades (kt00001 `d2_entra`),
    in won, and what the booked fills had moved by then (as in CashFlow). `moved` is all that came
    or went without a trade of kt's since the first note: deposits, withdrawals, dividends."""

    cash: int
    won: int
    fills: int
    outside: int
    at: datetime
    moved: int = 0


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
    """Stocks of which the broker lists fewer shares than kt's books; shown with the books'
    quantity."""


class Trade(Record, tag="sale", tag_field="type", frozen=True, kw_only=True):
    """One execution of a sale: a part of a round trip. Money in won.

    `buy_price` is the average price paid, without costs; `fee` and `tax` are the sale's own,
    `buy_fee` is the sold shares' part of the buy fees, and `profit` is net of all of them.
    """

    stock_code: str
    stock_name: str
    quantity: int
    buy_price: float
    sell_price: float
    bought: int
    """What the sold shares cost, without fees."""
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
    far; `fee` holds both sides' commission. `profit` is after all costs, `gross` before them;
    `profit_pct` and `gross_pct` are in percent of what was paid, its commission included, and
    `equity_pct` is `profit` in percent of the account's equity when it began (None: not known).
    While some of it is held, `open` is true, and `closed_at` is the last sale so far.
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
    gross_pct: float | None = None
    equity_pct: float | None = None
    decision_id: str = ""
    parts: tuple[Trade, ...] = ()
    """The sales, oldest first."""

    @property
    def won(self) -> bool:
        return self.profit > 0


class DayResult(Record, tag="day", tag_field="type", frozen=True, kw_only=True):
    """Profit and loss of one trading day, in won. `unrealised` is as of `at`.

    `gross` is the profit before all costs, `invested` what the shares held and those sold were
    paid with, commission included; `invested_pct` and `gross_pct` are the profit in percent of it,
    after and before costs. `equity_pct` and `equity_gross_pct` are what the account gained that day
    in percent of its equity when it began, `moved` (deposits less withdrawals) left out;
    `index_pct` is what KOSPI gained that day, once it is settled. None is "not known".
    """

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
    gross: int | None = None
    invested: int | None = None
    invested_pct: float | None = None
    gross_pct: float | None = None
    equity: int | None = None
    moved: int | None = None
    equity_pct: float | None = None
    equity_gross_pct: float | None = None
    index_pct: float | None = None

    @property
    def total(self) -> int:
        return self.realised + self.unrealised


class StockResult(Record, tag="stock", tag_field="type", frozen=True, kw_only=True):
    """Profit and loss of one stock over a stretch of days, after all costs, in won.

    `quantity` is what is still held; `unrealised` is its profit at the last price. `gross` and
    the percentages are as in DayResult; `equity_pct` is of the equity when these days began.
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
    gross: int
    invested: int
    invested_pct: float | None
    gross_pct: float | None
    equity_pct: float | None = None

    @property
    def total(self) -> int:
        return self.realised + self.unrealised


class Delivery(Record, frozen=True, kw_only=True):
    """What became of one notice to the owner by one channel (`kt.notify.channels`)."""

    channel: str
    """Empty for a notice that was kept back or dropped."""
    outcome: str
    """sent, failed, grouped, quiet or dropped."""
    level: str
    title: str
    detail: str
    """Why it did not leave."""
    at: datetime
    """When the notice was made."""


class StopMode(StrEnum):
    """The stop modes. RUNNING means that nothing is stopped."""

    RUNNING = "running"
    REDUCE = "reduce"
    """Only orders that reduce a position."""
    HALT = "halt"
    """No new order of any kind; cancels stay allowed."""
    FLATTEN = "flatten"
    """Cancel buys, sell everything at market, then halt."""


class Stop(Record, frozen=True, kw_only=True):
    """The stop in force, who set it and why; `until` is the day on which it ends by itself."""

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

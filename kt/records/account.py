"""What the broker says about the account, and what it answers to an order."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Self

from kt.records.base import OrderType, Record, Side


class Deposit(Record, frozen=True, kw_only=True):
    """Cash (kt00001), in won. Buying power is `orderable`, never `cash`."""

    cash: int
    """entr"""
    orderable: int
    """ord_alow_amt"""
    withdrawable: int
    margin: int = 0
    """profa_ch"""
    d1_cash: int = 0
    d2_cash: int = 0


class Orderable(Record, frozen=True, kw_only=True):
    """What may be ordered in one stock at one price (kt00010)."""

    amount: int
    quantity: int


class Holding(Record, frozen=True, kw_only=True):
    """One held stock (kt00018). Money in won; `profit` is net of fees and tax."""

    stock_code: str
    stock_name: str
    quantity: int
    sellable: int
    average_price: int
    price: int
    cost: int
    value: int
    profit: int
    profit_pct: float
    weight_pct: float = 0.0
    previous_close: int = 0


class Holdings(Record, frozen=True, kw_only=True):
    """All held stocks with the account's totals (kt00018)."""

    items: tuple[Holding, ...]
    total_cost: int
    total_value: int
    total_profit: int
    total_profit_pct: float
    estimated_assets: int


class BrokerOrder(Record, frozen=True, kw_only=True):
    """An order as the broker lists it (ka10075 open orders, kt00007 the day's orders). `ord_no`
    keeps its seven digits; compare order numbers as integers. `original_ord_no` is empty for a new
    order. `kind` is NEW, AMEND or CANCEL."""

    ord_no: str
    original_ord_no: str
    stock_code: str
    stock_name: str
    side: Side
    order_type: OrderType
    quantity: int
    price: int
    open_quantity: int
    filled_quantity: int
    fill_price: int
    status: str
    at: datetime
    kind: str = "NEW"
    confirmed_quantity: int = 0


class Execution(Record, frozen=True, kw_only=True):
    """One row of the day's fills (ka10076). The broker gives no execution id; an order may have
    several rows."""

    ord_no: str
    original_ord_no: str
    stock_code: str
    stock_name: str
    side: Side
    order_quantity: int
    order_price: int
    quantity: int
    price: int
    open_quantity: int
    fee: int
    tax: int
    at: datetime


class Realised(Record, frozen=True, kw_only=True):
    """One sale of today and its realised profit (ka10077), in won."""

    stock_code: str
    stock_name: str
    quantity: int
    buy_price: float
    sell_price: int
    profit: int
    profit_pct: float
    fee: int
    tax: int


class AccountReturn(Record, frozen=True, kw_only=True):
    """One stock's part in the account's return (ka10085). `profit_pct` is computed by kt."""

    stock_code: str
    stock_name: str
    price: int
    average_price: int
    cost: int
    quantity: int
    realised_today: int
    fee: int
    tax: int
    profit_pct: float
    day: date | None = None


class OrderTicket(Record, frozen=True, kw_only=True):
    """A new order, as it goes to the broker (kt10000, kt10001). `price` 0 for a market order."""

    side: Side
    stock_code: str
    quantity: int
    order_type: OrderType
    price: int

    @classmethod
    def of(cls, order: Record) -> Self:
        """The ticket for this order, check or intent: all of them have a ticket's fields."""
        return cls(**{name: getattr(order, name) for name in cls.__struct_fields__})


class AmendTicket(Record, frozen=True, kw_only=True):
    """A change of an order (kt10002). `ord_no` is the newest number; quantity 0 = all open."""

    ord_no: str
    stock_code: str
    quantity: int
    price: int


class CancelTicket(Record, frozen=True, kw_only=True):
    """A cancel (kt10003). `ord_no` is the newest number; quantity 0 = all that is open."""

    ord_no: str
    stock_code: str
    quantity: int = 0


class OutcomeStatus(StrEnum):
    """The outcome of one send (docs/orders.md#outcomes)."""

    ACKED = "ACKED"
    REJECTED = "REJECTED"
    NOT_PLACED = "NOT_PLACED"
    UNKNOWN = "UNKNOWN"


class Concern(StrEnum):
    """What a refusal concerns: it decides what may still be ordered, and what is an emergency."""

    ORDER = "order"
    """This order alone (its price, number or quantity): other orders may be accepted."""
    STOCK = "stock"
    """This stock (halted, restricted, not sellable): all orders of it, and of no other."""
    MARKET = "market"
    """The hour or the day: the market accepts no orders now."""
    ACCOUNT = "account"
    """This account: its cash or its permissions."""
    KEY = "key"
    """The app key, the token or this computer: nothing works until a person acts."""


class Outcome(Record, frozen=True, kw_only=True):
    """The answer to one order call. A value and never an exception, so that every send has an
    outcome.

    `ord_no` is the number this call got (ACKED only), `original_ord_no` the root of its chain,
    `quantity` what was really amended or cancelled. `code` is the broker's (RC4003, 571557, 1700,
    …), `evidence` says in words what was seen (`read timeout`, `HTTP 503`, `no ord_no`, …).
    `retryable` is true only where the broker said it did not accept the call (429, 1700).
    """

    status: OutcomeStatus
    evidence: str
    ord_no: str = ""
    original_ord_no: str = ""
    quantity: int = 0
    code: str = ""
    message: str = ""
    http_status: int = 0
    retryable: bool = False
    concerns: Concern | None = None
    """What a refusal concerns; None for other outcomes and for unknown codes."""
    not_enough: bool = False
    """Whether a sell was refused because the broker has fewer shares free than it asks for."""
    sent_at: datetime | None = None
    """When the request was sent, after the wait for the rate limit; None when it was not."""

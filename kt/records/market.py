"""Market data: instruments, prices, order books, bars, flows, rankings and live events."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from kt.records.base import Record, Side


class MarketName(StrEnum):
    KOSPI = "KOSPI"
    KOSDAQ = "KOSDAQ"
    KONEX = "KONEX"


class Instrument(Record, frozen=True, kw_only=True):
    """One listed stock (ka10099). `base_price` is the previous regular close in won.

    `warning` is empty, or the broker's reason to keep away from the stock.
    """

    stock_code: str
    stock_name: str
    market: MarketName
    base_price: int
    listed_shares: int
    warning: str = ""
    kind: str = "STOCK"
    """STOCK, ETF, ETN or ELW: decides the tick table and the sell tax."""
    sector: str = ""
    """The sector's name; where the broker has none, the size class (large, mid, small caps)."""


class MarketIndex(Record, frozen=True, kw_only=True):
    """A market's index in points (ka20001), how far it is from yesterday's close, and how many of
    its stocks rose, stood still and fell."""

    value: float
    change: float
    change_pct: float
    rising: int = 0
    unchanged: int = 0
    falling: int = 0
    at: datetime | None = None


class SectorFlow(Record, frozen=True, kw_only=True):
    """One sector's index change today and who bought it, net (ka10051). Amounts are in the
    broker's unit, which its document does not name: compare them with each other only. The first
    row is the whole market."""

    name: str
    change_pct: float
    individual: int
    foreign: int
    institution: int


class BuyingStreak(Record, frozen=True, kw_only=True):
    """What institutions and foreigners bought of one stock, net in shares, over the period asked
    for, and for how many days in a row they have been buying (ka10131; below 0: selling)."""

    stock_code: str
    stock_name: str
    change_pct: float
    institution: int
    foreign: int
    institution_days: int
    foreign_days: int


class Quote(Record, frozen=True, kw_only=True):
    """A price snapshot (ka10001, ka10095). Prices in won, `value` in won, `volume` in shares."""

    stock_code: str
    stock_name: str
    price: int
    base_price: int
    change: int
    change_pct: float
    volume: int
    open: int = 0
    high: int = 0
    low: int = 0
    upper_limit: int = 0
    lower_limit: int = 0
    value: int = 0
    bid: int = 0
    ask: int = 0
    expected_price: int = 0
    """The expected auction price; 0 outside an auction."""
    expected_volume: int = 0
    listed_shares: int = 0
    at: datetime | None = None


class Level(Record, frozen=True, array_like=True):
    """One price level of the order book."""

    price: int
    quantity: int


class Book(Record, frozen=True, kw_only=True):
    """Order book with up to ten levels a side, best first (ka10004, 0D). Empty levels are left
    out."""

    stock_code: str
    asks: tuple[Level, ...]
    bids: tuple[Level, ...]
    total_ask: int
    total_bid: int
    at: datetime | None = None


class Interval(StrEnum):
    """Chart APIs: ka10079 tick, ka10080 minute, ka10081 day, ka10082 week, ka10083 month."""

    TICK = "tick"
    MINUTE = "minute"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Bar(Record, frozen=True, kw_only=True):
    """One bar; `at` is its start. Sequences of bars run oldest first."""

    at: datetime
    open: int
    high: int
    low: int
    close: int
    volume: int
    value: int = 0


class Strength(Record, frozen=True, kw_only=True):
    """Trade strength (체결강도) at one time (ka10046): bought over sold volume, 100 = even."""

    at: datetime
    price: int
    volume: int
    strength: float
    strength_5m: float
    strength_20m: float
    strength_60m: float


class Flow(Record, frozen=True, kw_only=True):
    """Net bought shares of one day by kind of investor (ka10059). Negative means sold."""

    day: date
    price: int
    volume: int
    individual: int
    foreign: int
    institution: int


class ForeignHolding(Record, frozen=True, kw_only=True):
    """Foreign ownership of one day (ka10008); `change` in shares, `weight_pct` of the shares."""

    day: date
    close: int
    volume: int
    change: int
    shares: int
    weight_pct: float


class InstitutionDay(Record, frozen=True, kw_only=True):
    """Net bought shares of one day (ka10045) and the sum over the period asked for."""

    day: date
    close: int
    volume: int
    institution: int
    foreign: int
    institution_total: int
    foreign_total: int


class BrokerShare(Record, frozen=True, kw_only=True):
    """One member firm's volume today."""

    name: str
    code: str
    quantity: int


class BrokerActivity(Record, frozen=True, kw_only=True):
    """The five busiest member firms on each side (ka10002)."""

    stock_code: str
    sellers: tuple[BrokerShare, ...]
    buyers: tuple[BrokerShare, ...]


class Ranking(StrEnum):
    """The four rankings of the fast scan."""

    VOLUME_SURGE = "volume_surge"
    """ka10023"""
    VOLUME = "volume"
    """ka10030"""
    VALUE = "value"
    """ka10032"""
    CHANGE = "change"
    """ka10027"""


class Ranked(Record, frozen=True, kw_only=True):
    """One row of a ranking, or one match of a condition search (in the broker's order). A value
    that the source does not have is 0 or None."""

    ranking: str
    """A `Ranking`, or `condition:NAME` for a match of a condition search."""
    rank: int
    stock_code: str
    stock_name: str
    price: int
    change_pct: float
    volume: int = 0
    value: int = 0
    surge_pct: float | None = None
    strength: float | None = None


class StreamKind(StrEnum):
    """What can be subscribed to. The values are the WebSocket's type codes."""

    ORDERS = "00"
    BALANCE = "04"
    TRADE = "0B"
    BOOK = "0D"
    SESSION = "0s"
    VI = "1h"


class Tick(Record, tag="trade", tag_field="type", frozen=True, kw_only=True):
    """A trade (0B). `quantity` > 0 and `side` BUY when a buyer hit the ask (FID 15's sign)."""

    stock_code: str
    price: int
    quantity: int
    side: Side
    volume: int
    change_pct: float
    at: datetime
    ask: int = 0
    bid: int = 0
    strength: float = 0.0
    open: int = 0
    high: int = 0
    low: int = 0
    received_at: datetime | None = None
    """When kt read it, by kt's clock; `at` is the broker's, in whole seconds."""


class BookUpdate(Record, tag="book", tag_field="type", frozen=True, kw_only=True):
    """The order book changed (0D)."""

    stock_code: str
    book: Book
    at: datetime


class OrderNotice(Record, tag="order", tag_field="type", frozen=True, kw_only=True):
    """One frame of the account's orders (00).

    `status` is RECEIVED (접수), CONFIRMED (확인: an amend or cancel took effect), FILL (체결),
    CANCELLED (취소) or REJECTED (거부). Fill fields are 0 and `exec_no` empty unless FILL.
    `quantity`, `price`, `open_quantity` are the order's; `fill_quantity` and `fill_price` are
    this execution's own (FIDs 915 and 914; where absent 911 and 910).
    """

    ord_no: str
    original_ord_no: str
    stock_code: str
    stock_name: str
    status: str
    side: Side
    quantity: int
    price: int
    open_quantity: int
    at: datetime
    exec_no: str = ""
    fill_quantity: int = 0
    fill_price: int = 0
    fee: int = 0
    """The order's fee so far today (FID 938)."""
    tax: int = 0
    reject_reason: str = ""
    intent: str = "NEW"
    """NEW, AMEND or CANCEL: what this order number was given for."""


class BalanceNotice(Record, tag="balance", tag_field="type", frozen=True, kw_only=True):
    """A holding changed (04)."""

    stock_code: str
    stock_name: str
    quantity: int
    sellable: int
    average_price: int
    price: int
    realised_today: int
    at: datetime


class SessionNotice(Record, tag="session", tag_field="type", frozen=True, kw_only=True):
    """A market phase message (0s). `code` is FID 215, `left_seconds` FID 214."""

    code: str
    at: datetime
    left_seconds: int = 0


class ViNotice(Record, tag="vi", tag_field="type", frozen=True, kw_only=True):
    """A stock's volatility interruption (VI) began or ended (1h). `price` is the one that triggered
    it."""

    stock_code: str
    active: bool
    price: int
    at: datetime


class StreamState(Record, tag="stream", tag_field="type", frozen=True, kw_only=True):
    """The state of the connection: `connected`, `lost`, `reconnected`, `replaced` or `closed`.

    After `reconnected`, what was missed must be fetched over REST. `replaced` is final: another
    login took the connection.
    """

    state: str
    at: datetime
    detail: str = ""
    attempt: int = 0


StreamEvent = (
    Tick | BookUpdate | OrderNotice | BalanceNotice | SessionNotice | ViNotice | StreamState
)

"""The inputs of the safety rules: the order, the account, the market and the day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kt.config.model import Cooldown, Limits
from kt.records import OrderType, Origin, Side, StopMode

NO_COOLDOWN = Cooldown(stop_loss=0, take_profit=0, other=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskFacts:
    """Every number the rules need. Money in won, quantities in shares.

    None means *not known*, and a rule that needs it denies. For an amend, leave the amended order
    out of all sums and counts.
    """

    side: Side
    stock_code: str
    quantity: int
    price: int
    """The limit; ignored for a market order."""
    order_type: OrderType
    origin: Origin
    now: datetime
    limits: Limits

    stop: StopMode | None = None
    stop_reason: str = ""
    live: bool | None = None
    """Whether this profile may send orders at all."""
    test_mode: bool | None = None

    listed: bool | None = None
    """Whether the stock is in the list of instruments."""
    excluded: bool | None = None
    warning: str | None = None
    """The broker's warning; empty when there is none."""
    kind: str | None = None
    """STOCK, ETF, ETN or ELW."""

    last_price: int | None = None
    lower_limit: int | None = None
    upper_limit: int | None = None

    may_order: bool | None = None
    may_buy: bool | None = None
    phase: str = ""
    orders_from: datetime | None = None
    """When orders may be sent next by the calendar; None when it says now."""
    buys_from: datetime | None = None
    next_day: datetime | None = None
    """When the next trading day opens."""

    decided: bool = False
    """Whether it is based on a decision; its age and confidence are checked then."""
    input_at: datetime | None = None
    """When the decision was made, or the time of the oldest data it is based on."""
    max_age: float = 60.0
    """Seconds."""
    confidence: float | None = None

    held: int | None = None
    sellable: int | None = None
    invested_in_stock: int | None = None
    """Cost of the positions plus what open and unresolved buys may still cost."""
    invested_total: int | None = None
    stocks: int | None = None
    """How many stocks are held or being bought."""
    in_stock: bool | None = None
    """Whether this stock is one of them."""
    cash: int | None = None
    """Orderable cash (`Deposit.orderable`)."""
    orderable: int | None = None
    """Orderable amount for this stock (`Orderable.amount`); where the server does not offer it, the
    same as `cash`."""
    commission_pct: float | None = None
    realised_today: int | None = None
    unrealised: int | None = None

    cooldown: Cooldown = NO_COOLDOWN
    left_by: Origin | None = None
    """How the stock was last sold today; None when it was not."""
    left_at: datetime | None = None
    entries: int | None = None
    """Buys of this stock that were sent today and not refused."""
    bought_today: int | None = None
    """Money of the day's buys in won: the filled part and what open ones may still cost."""
    min_holding_minutes: int = 0
    held_since: datetime | None = None
    """When the stock was bought last; None when kt did not buy it."""

    lock: str | None = None
    """Why the stock is locked; empty when it is not."""
    unresolved: int | None = None
    """Orders of this stock and side whose outcome is unknown."""
    open_orders: int | None = None
    """Orders of this stock and side that may still fill."""
    lost_sells: int | None = None
    """Sells of this stock that were sent today and not found at the broker."""
    orders_last_minute: int | None = None
    orders_today: int | None = None

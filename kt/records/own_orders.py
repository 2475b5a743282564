"""kt's own orders as an analyst sees them: what is open, and what was sold today."""

from __future__ import annotations

from datetime import datetime

from kt.records.base import OrderType, Record, Side
from kt.records.order import Origin


class OpenOrder(Record, frozen=True, kw_only=True):
    """An open order as an analyst sees it; quantities in shares, `price` in won (0 at market)."""

    side: Side
    stock_code: str
    stock_name: str
    quantity: int
    open_quantity: int
    order_type: OrderType
    price: int
    origin: Origin
    since: datetime


class SoldToday(Record, frozen=True, kw_only=True):
    """A sale of today: how many shares, at which average price in won, why, and when."""

    stock_code: str
    stock_name: str
    quantity: int
    price: int
    origin: Origin
    reason: str
    at: datetime


class UnderWay(Record, frozen=True, kw_only=True):
    """What kt itself has in the market and has just done, so that no answer works against it."""

    open_orders: tuple[OpenOrder, ...] = ()
    sold: tuple[SoldToday, ...] = ()

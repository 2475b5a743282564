"""The age of a stock's data: that of its newest part."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from kt.records import AdviceRequest, StockContext


def newest(stocks: Iterable[StockContext], asof: datetime) -> datetime:
    """The newest time in the data of these stocks, never later than `asof`; `asof` itself when no
    part has a time."""
    times = [at for stock in stocks for at in _times(stock)]
    return min(max(times), asof) if times else asof


def stocks_of(request: AdviceRequest) -> tuple[StockContext, ...]:
    """The market data that a question carries."""
    return tuple(one.stock for one in request.subjects if one.stock is not None)


def _times(stock: StockContext) -> list[datetime]:
    found = [stock.quote.at, stock.book.at if stock.book else None]
    found += [bar.at for bar in (*stock.minutes[-1:], *stock.ticks[-1:])]
    found += [entry.at for entry in stock.strength[:1]]
    return [at for at in found if at is not None]

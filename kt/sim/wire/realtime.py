"""Formats live events: rows of types 0B, 0D, 00, 04, 0s, 0H and 1h with every documented FID."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from kt import api_catalog
from kt.records import (
    BalanceNotice,
    BookUpdate,
    MarketName,
    OrderNotice,
    Quote,
    SessionNotice,
    Side,
    StreamEvent,
    Tick,
    ViNotice,
)
from kt.sim.wire import account_rows
from kt.sim.wire.account_rows import RowContext
from kt.sim.wire.book_row import book_values
from kt.sim.wire.call import Row, filled
from kt.sim.wire.values import (
    change_pct,
    clock,
    direction,
    plain_rate,
    price,
    rate,
    signed,
)

NAMES = {
    api_id: api_catalog.api(api_id).name for api_id in api_catalog.ids() if len(api_id) == 2
} | {"04": "현물잔고"}
"""The types that may be registered, with the name in their frames (04 has a name of its own
there). The exchange sends 00, 04, 0B, 0D, 0s, 0H and 1h."""
ACCOUNT_TYPES = frozenset({"00", "04"})
"""Types of the account, registered without a stock."""
BOOK_TYPES = frozenset({"0D", "0H"})
"""Types whose rows are sent when an order book changes."""
MARKET_TYPES = BOOK_TYPES | {"0B"}

TRADE_ROW = api_catalog.api("0B")
INTERRUPTION_ROW = api_catalog.api("1h")


def row(kind: str, item: str, values: Row) -> dict[str, Any]:
    return {"values": values, "type": kind, "name": NAMES[kind], "item": item}


def values(event: StreamEvent, context: RowContext) -> tuple[str, str, Row] | None:
    """(type, stock code, FIDs) of an event; None for an event without a row."""
    if isinstance(event, Tick):
        return "0B", event.stock_code, trade(event, context.quote)
    if isinstance(event, BookUpdate):
        return "0D", event.stock_code, book_values(event, context.quote)
    if isinstance(event, OrderNotice):
        return "00", event.stock_code, account_rows.order(event, context)
    if isinstance(event, BalanceNotice):
        return "04", event.stock_code, account_rows.balance(event, context)
    if isinstance(event, SessionNotice):
        return "0s", "", session(event)
    return None


def trade(tick: Tick, quote: Quote | None) -> Row:
    """FID 15 is signed by the aggressor side, prices by their direction against yesterday's
    close."""
    base = quote.base_price if quote else tick.price
    prices = {
        "10": price(tick.price, base),
        "11": signed(tick.price - base),
        "12": rate(tick.change_pct),
        "27": price(tick.ask, base),
        "28": price(tick.bid, base),
        "16": price(tick.open, base),
        "17": price(tick.high, base),
        "18": price(tick.low, base),
        "25": direction(tick.price, base),
    }
    fixed = {
        "20": clock(tick.at),
        "26": "0",
        "29": "0",
        "30": "0.00",
        "290": "2",
        "691": "0",
        "567": "000000",
        "568": "000000",
        "851": "10000",
        "9081": "KRX",
    }
    parts = (prices, fixed, _volumes(tick, quote), _one_trade(tick), _costs(tick.price))
    return filled(TRADE_ROW.fids, "", **{fid: text for part in parts for fid, text in part.items()})


def _volumes(tick: Tick, quote: Quote | None) -> Row:
    """The day's volume so far; the two sides are computed from the trade strength."""
    value = quote.value if quote else tick.price * tick.volume
    shares = quote.listed_shares if quote else 0
    bought = round(tick.volume * tick.strength / (100 + tick.strength))
    share = bought / tick.volume * 100 if tick.volume else 0.0
    return {
        "13": str(tick.volume),
        "14": str(value // 1_000_000),
        "31": plain_rate(tick.volume / shares * 100 if shares else 0.0),
        "228": plain_rate(tick.strength),
        "311": str(shares * tick.price // 100_000_000),
        "620": str(value // tick.volume if tick.volume else tick.price),
        "1030": str(tick.volume - bought),
        "1031": str(bought),
        "1032": f"{'+' if share >= 50 else '-'}{share:.2f}",
    }


def _one_trade(tick: Tick) -> Row:
    """This trade's fields; those of the passive side are blank or zero (recorded)."""
    bought = tick.side is Side.BUY
    quantity = tick.quantity if bought else -tick.quantity
    return {
        "15": signed(quantity),
        "1313": signed(tick.price * tick.quantity // 1_000 * (1 if bought else -1)),
        "1314": signed(quantity),
        "1315": " 0" if bought else signed(quantity),
        "1316": signed(quantity) if bought else " 0",
    }


def _costs(last: int) -> Row:
    """Costs and margins, in the proportions to the price that were recorded."""
    return {
        "32": str(last * 2_305 // 1_000_000),
        "732": str(last * 5_018 // 1_000_000),
        "852": str(last * 4_014 // 1_000_000),
        "1497": str(last * 40 // 100),
        "1498": str(last * 32 // 100),
    }


def expected(quote: Quote, at: datetime) -> Row:
    """0H: the expected auction price and volume."""
    base, last = quote.base_price, quote.expected_price
    return {
        "20": clock(at),
        "10": price(last, base),
        "11": signed(last - base),
        "12": rate(change_pct(last, base)),
        "15": signed(quote.expected_volume),
        "13": str(quote.volume),
        "25": direction(last, base),
    }


_INTERRUPTED = timedelta(minutes=2)


def interruption(notice: ViNotice, quote: Quote, market: MarketName) -> Row:
    """1h: a static interruption, relative to the day's first price. The document gives no codes
    for 9068; clients of the broker have seen 1 at the beginning and 2 at the end. The frame of
    the beginning carries the expected end."""
    reference = quote.open or quote.base_price
    off = rate(change_pct(notice.price, reference))
    times = {"1223": clock(notice.at), "1224": clock(notice.at + _INTERRUPTED)}
    if not notice.active:
        times = {"1223": clock(notice.at), "1224": clock(notice.at)}
    return filled(
        INTERRUPTION_ROW.fids,
        "0",
        **times,
        **{
            "9001": notice.stock_code,
            "302": quote.stock_name,
            "13": str(quote.volume),
            "14": str(quote.value // 1_000_000),
            "9068": "1" if notice.active else "2",
            "9008": "101" if market is MarketName.KOSDAQ else "001",
            "9075": "1",
            "1221": str(notice.price),
            "1225": "정적",
            "1236": str(reference),
            "1238": off,
            "1239": "0.00",
            "1489": rate(change_pct(notice.price, quote.base_price)),
            "1490": "1",
            "9069": "1" if notice.price >= reference else "2",
            "1279": "+정적" if notice.price >= reference else "-정적",
        },
    )


def session(notice: SessionNotice) -> Row:
    """0s: the market phase; FID 214 is the remaining time as HHMMSS."""
    left = notice.left_seconds
    return {
        "215": notice.code,
        "20": clock(notice.at),
        "214": f"{left // 3600:02d}{left // 60 % 60:02d}{left % 60:02d}",
    }

"""Live events on the wire: rows of types 0B, 0D, 00, 04 and 0s with every documented FID."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kt.records import (
    BalanceNotice,
    BookUpdate,
    OrderNotice,
    Quote,
    SessionNotice,
    Side,
    StreamEvent,
    Tick,
)
from kt.sim.wire.bookrow import book_values
from kt.sim.wire.frame import Row, filled, names
from kt.sim.wire.values import (
    account_code,
    clock,
    direction,
    order_number,
    plain_rate,
    price,
    rate,
    signed,
)

NAMES = {
    "00": "주문체결",
    "04": "현물잔고",
    "0A": "주식기세",
    "0B": "주식체결",
    "0C": "주식우선호가",
    "0D": "주식호가잔량",
    "0E": "주식시간외호가",
    "0F": "주식당일거래원",
    "0G": "ETF NAV",
    "0H": "주식예상체결",
    "0I": "국제금환산가격",
    "0J": "업종지수",
    "0U": "업종등락",
    "0g": "주식종목정보",
    "0m": "ELW 이론가",
    "0s": "장시작시간",
    "0u": "ELW 지표",
    "0w": "종목프로그램매매",
    "1h": "VI발동/해제",
}
"""Every type that may be registered. The exchange sends 00, 04, 0B, 0D and 0s."""
ACCOUNT_TYPES = frozenset({"00", "04"})
"""They belong to the account: registered without a stock."""
WHOLE_MARKET = frozenset({"0s"})

TRADE_FIDS = names("""
20 10 11 12 27 28 15 13 14 16 17 18 25 26 29 30 31 32 228 311 290 691 567 568 851 1890 1891 1892
1030 1031 1032 1071 1072 1313 1315 1316 1314 1497 1498 620 732 852 9081
""")
ORDER_FIDS = names("""
9201 9203 9205 9001 912 913 302 900 901 902 903 904 905 906 907 908 909 910 911 10 27 28 914 915
938 939 919 920 921 922 923 10010 2134 2135 2136
""")
BALANCE_FIDS = names("""
9201 9001 917 916 302 10 930 931 932 933 945 946 950 951 27 28 307 8019 957 958 918 990 991 992
993 959 924
""")
STATES = {
    "RECEIVED": "접수",
    "CONFIRMED": "확인",
    "FILL": "체결",
    "CANCELLED": "취소",
    "REJECTED": "거부",
}
CHANGES = {"NEW": "", "AMEND": "정정", "CANCEL": "취소"}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a row shows beside the event: the stock's prices, the account, the order so far.

    `filled` and `value` are shares and won filled under the order's number, this fill included.
    """

    quote: Quote | None = None
    account: str = ""
    filled: int = 0
    value: int = 0


def row(kind: str, item: str, values: Row) -> dict[str, Any]:
    return {"values": values, "type": kind, "name": NAMES[kind], "item": item}


def values(event: StreamEvent, around: Surroundings) -> tuple[str, str, Row] | None:
    """Type, stock code and FIDs of an event; None for what has no row."""
    if isinstance(event, Tick):
        return "0B", event.stock_code, trade(event, around.quote)
    if isinstance(event, BookUpdate):
        return "0D", event.stock_code, book_values(event, around.quote)
    if isinstance(event, OrderNotice):
        return "00", event.stock_code, order(event, around)
    if isinstance(event, BalanceNotice):
        return "04", event.stock_code, balance(event, around)
    if isinstance(event, SessionNotice):
        return "0s", "", session(event)
    return None


def trade(tick: Tick, quote: Quote | None) -> Row:
    """FID 15 is signed by who hit whom; the prices by their direction against yesterday."""
    base = quote.base_price if quote else tick.price
    bought = tick.side is Side.BUY
    value = quote.value if quote else tick.price * tick.volume
    shares = quote.listed_shares if quote else 0
    moment = {
        "1313": signed((tick.price * tick.quantity // 1_000_000) * (1 if bought else -1)),
        "1315": " 0" if bought else signed(-tick.quantity),
        "1316": signed(tick.quantity) if bought else " 0",
        "1314": signed(tick.quantity if bought else -tick.quantity),
    }
    return filled(
        TRADE_FIDS,
        "",
        **moment,
        **{
            "20": clock(tick.at),
            "10": price(tick.price, base),
            "11": signed(tick.price - base),
            "12": rate(tick.change_pct),
            "27": price(tick.ask, base),
            "28": price(tick.bid, base),
            "15": signed(tick.quantity if bought else -tick.quantity),
            "13": str(tick.volume),
            "14": str(value // 1_000_000),
            "16": price(tick.open, base),
            "17": price(tick.high, base),
            "18": price(tick.low, base),
            "25": direction(tick.price, base),
            "26": "0",
            "29": "0",
            "30": "0.00",
            "31": plain_rate(tick.volume / shares * 100 if shares else 0.0),
            "32": "0",
            "228": plain_rate(tick.strength),
            "311": str(shares * tick.price // 100_000_000),
            "290": "2",
            "691": "0",
            "567": "000000",
            "568": "000000",
            "620": str(value // tick.volume if tick.volume else tick.price),
            "9081": "KRX",
        },
    )


def order(notice: OrderNotice, around: Surroundings) -> Row:
    """910 and 911 are the order's fills so far, 914 and 915 this execution's own."""
    base = around.quote.base_price if around.quote else notice.price
    side = "매수" if notice.side is Side.BUY else "매도"
    sign = "+" if notice.side is Side.BUY else "-"
    change = CHANGES[notice.intent]
    fill = {}
    if notice.status == "FILL":
        fill = {
            "909": notice.exec_no,
            "910": str(notice.fill_price),
            "911": str(around.filled),
            "914": str(notice.fill_price),
            "915": str(notice.fill_quantity),
        }
    return filled(
        ORDER_FIDS,
        "",
        **fill,
        **_prices(around.quote, base),
        **{
            "9201": around.account,
            "9203": order_number(notice.ord_no),
            "9001": account_code(notice.stock_code),
            "912": "JJ",
            "913": STATES[notice.status],
            "302": notice.stock_name,
            "900": str(notice.quantity),
            "901": str(notice.price),
            "902": str(notice.open_quantity),
            "903": str(around.value),
            "904": order_number(notice.original_ord_no),
            "905": f"{sign}{side}{change}",
            "906": "보통" if notice.price else "시장가",
            "907": "2" if notice.side is Side.BUY else "1",
            "908": clock(notice.at),
            "938": str(notice.fee),
            "939": str(notice.tax),
            "919": notice.reject_reason or "0",
            "921": "0701002",
            "922": "00",
            "923": "00000000",
            "2134": "1",
            "2135": "KRX",
            "2136": "N",
        },
    )


def _prices(quote: Quote | None, base: int) -> Row:
    if quote is None:
        return {"10": "0", "27": "0", "28": "0"}
    return {
        "10": price(quote.price, base),
        "27": price(quote.ask, base),
        "28": price(quote.bid, base),
    }


def balance(notice: BalanceNotice, around: Surroundings) -> Row:
    base = around.quote.base_price if around.quote else notice.price
    profit = str(notice.realised_today)
    return filled(
        BALANCE_FIDS,
        "0",
        **{
            **_prices(around.quote, base),
            "9201": around.account,
            "9001": account_code(notice.stock_code),
            "917": "00",
            "916": "00000000",
            "302": notice.stock_name,
            "10": price(notice.price, base),
            "930": str(notice.quantity),
            "931": str(notice.average_price),
            "932": str(notice.quantity * notice.average_price),
            "933": str(notice.sellable),
            "946": "2",
            "950": profit,
            "307": str(base),
            "8019": "0.00",
            "918": "00000000",
            "990": profit,
            "991": "0.00",
            "993": "0.00",
        },
    )


def session(notice: SessionNotice) -> Row:
    """FID 214 counts down as HHMMSS."""
    left = notice.left_seconds
    return {
        "215": notice.code,
        "20": clock(notice.at),
        "214": f"{left // 3600:02d}{left // 60 % 60:02d}{left % 60:02d}",
    }

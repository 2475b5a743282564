"""Formats the account's live rows: 00 (orders and fills) and 04 (balance)."""

from __future__ import annotations

from dataclasses import dataclass

from kt import api_catalog
from kt.records import BalanceNotice, OrderNotice, Quote, Side
from kt.sim.wire.call import Row, filled
from kt.sim.wire.values import account_code, clock, order_number, price

ORDER_ROW = api_catalog.api("00")
BALANCE_ROW = api_catalog.api("04")
STATES = {
    "RECEIVED": "접수",
    "CONFIRMED": "확인",
    "FILL": "체결",
    "CANCELLED": "취소",
    "REJECTED": "거부",
}
CHANGES = {"NEW": "", "AMEND": "정정", "CANCEL": "취소"}


@dataclass(frozen=True, slots=True)
class RowContext:
    """What a row shows in addition to the event: the stock's quote, the account, the order's fills.

    `filled` (shares) and `value` (won) are the totals for the order number, including this fill.
    """

    quote: Quote | None = None
    account: str = ""
    filled: int = 0
    value: int = 0


FIXED = {
    "912": "JJ",
    "921": "0701002",
    "922": "00",
    "923": "00000000",
    "2134": "1",
    "2135": "KRX",
    "2136": "N",
}
"""Constant fields of every order row: business class, terminal, credit and venue."""


def order(notice: OrderNotice, context: RowContext) -> Row:
    """FID 911 is the total filled under the order number; 914 and 915 are this execution's price
    and quantity."""
    base = context.quote.base_price if context.quote else notice.price
    bought = notice.side is Side.BUY
    kind = ("+매수" if bought else "-매도") + CHANGES[notice.intent]
    values = {
        "9201": context.account,
        "9203": order_number(notice.ord_no),
        "9001": account_code(notice.stock_code),
        "913": STATES[notice.status],
        "302": notice.stock_name,
        "900": str(notice.quantity),
        "901": str(notice.price),
        "902": str(notice.open_quantity),
        "903": str(context.value),
        "904": order_number(notice.original_ord_no),
        "905": kind,
        "906": "보통" if notice.price else "시장가",
        "907": "2" if bought else "1",
        "908": clock(notice.at),
        "938": str(notice.fee),
        "939": str(notice.tax),
        "919": notice.reject_reason or "0",
    }
    fill = _fill(notice, context) if notice.status == "FILL" else {}
    return filled(ORDER_ROW.fids, "", **{**FIXED, **values, **fill, **_prices(context.quote, base)})


def _fill(notice: OrderNotice, context: RowContext) -> Row:
    return {
        "909": notice.exec_no,
        "910": str(notice.fill_price),
        "911": str(context.filled),
        "914": str(notice.fill_price),
        "915": str(notice.fill_quantity),
    }


def _prices(quote: Quote | None, base: int) -> Row:
    if quote is None:
        return {"10": "0", "27": "0", "28": "0"}
    return {
        "10": price(quote.price, base),
        "27": price(quote.ask, base),
        "28": price(quote.bid, base),
    }


def balance(notice: BalanceNotice, context: RowContext) -> Row:
    base = context.quote.base_price if context.quote else notice.price
    profit = str(notice.realised_today)
    return filled(
        BALANCE_ROW.fids,
        "0",
        **{
            **_prices(context.quote, base),
            "9201": context.account,
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

"""Formats the lists of orders and fills: kt00007 (day's orders), ka10075 (open), ka10076
(fills)."""

from __future__ import annotations

from kt import api_catalog
from kt.records import BrokerOrder, Execution, OrderType, Side
from kt.sim.wire.call import SHOWN, Call, CallReply, Row, filled
from kt.sim.wire.values import (
    SIDE_NAMES,
    account_code,
    clock,
    day,
    order_number,
    padded,
    price,
)

OPEN_ORDERS = api_catalog.api("ka10075")
FILLS = api_catalog.api("ka10076")
DAY_ORDERS = api_catalog.api("kt00007")
TYPE_NAMES = {OrderType.LIMIT: "보통", OrderType.MARKET: "시장가"}
CHANGES = {"NEW": "", "AMEND": "정정", "CANCEL": "취소"}
NXT = "2"
OTHER_VENUES = frozenset({"NXT", "SOR"})
BONDS = "2"
"""stk_bond_tp for bonds, which this exchange does not have."""


def open_orders(call: Call) -> CallReply:
    """ka10075, newest first: plain codes, no padding."""
    code = call.code() if call.text("all_stk_tp") == "1" else ""
    found = [
        order
        for order in call.broker.open_orders(code or None)
        if wanted(order.side, call.text("trde_tp", "0")) and call.text("stex_tp") != NXT
    ]
    found.sort(key=lambda order: int(order.ord_no), reverse=True)
    account = call.broker.account()
    rows = [open_order(order, account, call) for order in found]
    return CallReply(rows_name=OPEN_ORDERS.row_list, rows=rows, message=SHOWN)


def open_order(order: BrokerOrder, account: str, call: Call) -> Row:
    # `체결` with an open quantity is a partial fill.
    status = "체결" if order.filled_quantity else "접수"
    quote = call.market.quote(order.stock_code)
    return filled(
        OPEN_ORDERS.row_fields,
        "",
        acnt_no=account,
        ord_no=order_number(order.ord_no),
        stk_cd=order.stock_code,
        ord_stt=status,
        stk_nm=order.stock_name,
        ord_qty=str(order.quantity),
        ord_pric=str(order.price),
        oso_qty=str(order.open_quantity),
        cntr_tot_amt=str(order.filled_quantity * order.fill_price),
        orig_ord_no=order_number(order.original_ord_no),
        io_tp_nm=SIDE_NAMES[order.side],
        trde_tp=TYPE_NAMES[order.order_type],
        tm=clock(order.at),
        cntr_pric=str(order.fill_price),
        cntr_qty=str(order.filled_quantity),
        cur_prc=price(quote.price, quote.base_price),
        sel_bid=price(quote.ask, quote.base_price) if quote.ask else "0",
        buy_bid=price(quote.bid, quote.base_price) if quote.bid else "0",
        tdy_trde_cmsn="0",
        tdy_trde_tax="0",
        stex_tp="1",
        stex_tp_txt="KRX",
        sor_yn="N",
        stop_pric="0",
    )


def fills(call: Call) -> CallReply:
    """ka10076, newest first; with `ord_no`, only fills of orders with a lower number."""
    code = call.code() if call.text("qry_tp") == "1" else ""
    before = call.whole("ord_no")
    rows = [
        fill(item)
        for item in reversed(call.broker.executions(code or None))
        if wanted(item.side, call.text("sell_tp", "0"))
        and call.text("stex_tp") != NXT
        and (not before or int(item.ord_no) < before)
    ]
    return CallReply(rows_name=FILLS.row_list, rows=rows, message=SHOWN)


def fill(item: Execution) -> Row:
    return filled(
        FILLS.row_fields,
        "0",
        ord_no=order_number(item.ord_no),
        stk_nm=item.stock_name,
        io_tp_nm=SIDE_NAMES[item.side],
        ord_pric=str(item.order_price),
        ord_qty=str(item.order_quantity),
        cntr_pric=str(item.price),
        cntr_qty=str(item.quantity),
        oso_qty=str(item.open_quantity),
        tdy_trde_cmsn=str(item.fee),
        tdy_trde_tax=str(item.tax),
        ord_stt="체결",
        trde_tp="보통" if item.order_price else "시장가",
        orig_ord_no=order_number(item.original_ord_no),
        ord_tm=clock(item.at),
        stk_cd=item.stock_code,
        stex_tp="1",
        stex_tp_txt="KRX",
        sor_yn="N",
    )


def day_orders(call: Call) -> CallReply:
    """kt00007: today's orders from `fr_ord_no` on; `qry_tp` 1 oldest first, 2 newest first, 3 only
    open ones, 4 only filled ones. Empty for other days: only the session's orders are kept."""
    name, message = DAY_ORDERS.row_list, "모의투자 조회완료"
    query, start = call.text("qry_tp"), max(0, call.whole("fr_ord_no"))
    elsewhere = call.text("dmst_stex_tp") in OTHER_VENUES or call.text("stk_bond_tp") == BONDS
    if elsewhere or call.text("ord_dt", day(call.now)) != day(call.now):
        return CallReply(rows_name=name, message=message)
    found = [
        order
        for order in call.broker.day_orders(str(start))
        if wanted(order.side, call.text("sell_tp", "0"))
        and call.code() in {"", order.stock_code}
        and _asked(order, query)
    ]
    found.sort(key=lambda order: int(order.ord_no), reverse=query == "2")
    return CallReply(rows_name=name, rows=[day_order(order) for order in found], message=message)


def _asked(order: BrokerOrder, query: str) -> bool:
    if query == "3":
        return order.open_quantity > 0
    return query != "4" or order.filled_quantity > 0


def day_order(order: BrokerOrder) -> Row:
    """One row of kt00007: `A` codes, ten-digit numbers, times with colons, side without a sign."""
    change = CHANGES[order.kind]
    return filled(
        DAY_ORDERS.row_fields,
        "",
        ord_no=order_number(order.ord_no),
        stk_cd=account_code(order.stock_code),
        trde_tp=TYPE_NAMES[order.order_type],
        crd_tp="보통매매",
        ord_qty=padded(order.quantity, 10),
        ord_uv=padded(order.price, 10),
        cnfm_qty=padded(order.confirmed_quantity, 10),
        acpt_tp="확인" if change else "접수",
        ord_tm=order.at.strftime("%H:%M:%S"),
        ori_ord=order_number(order.original_ord_no),
        stk_nm=order.stock_name,
        io_tp_nm=("현금매수" if order.side is Side.BUY else "현금매도") + change,
        cntr_qty=padded(order.filled_quantity, 10),
        cntr_uv=padded(order.fill_price, 10),
        ord_remnq=padded(order.open_quantity, 10),
        comm_ord_tp="REST API",
        mdfy_cncl=change,
        cnfm_tm=order.at.strftime("%H:%M:%S") if change else "",
        dmst_stex_tp="KRX",
        cond_uv=padded(0, 10),
    )


def wanted(side: Side, asked: str) -> bool:
    """Whether a side matches the request's code: 1 sells, 2 buys, any other both."""
    return asked not in {"1", "2"} or (side is Side.SELL) == (asked == "1")

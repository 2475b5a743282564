"""Order requests: kt10000 buy, kt10001 sell, kt10002 amend, kt10003 cancel."""

from __future__ import annotations

from kt.records import AmendTicket, CancelTicket, OrderTicket, OrderType, Outcome, Side
from kt.sim.wire import error_bodies
from kt.sim.wire.call import Call, CallReply, names
from kt.sim.wire.values import order_number, padded

OFFERED = {"0": OrderType.LIMIT, "3": OrderType.MARKET}
NOT_OFFERED = frozenset(names("5 6 7 10 13 16 20 23 26 28 29 30 31 61 62 81"))
"""Order types of the real server that this exchange does not support: refused with the mock
server's code for a missing service. Other codes get the real server's refusal for a wrong one."""


def buy(call: Call) -> CallReply:
    return _new(call, Side.BUY, "모의투자 매수주문완료")


def sell(call: Call) -> CallReply:
    return _new(call, Side.SELL, "모의투자 매도주문완료")


def _new(call: Call, side: Side, message: str) -> CallReply:
    _only_krx(call)
    kind = _order_type(call.text("trde_tp"))
    price = call.whole("ord_uv") if kind is OrderType.LIMIT else 0
    if kind is OrderType.LIMIT and price <= 0:
        raise error_bodies.order_refused("308003")
    ticket = OrderTicket(
        side=side,
        stock_code=call.code(),
        quantity=call.whole("ord_qty"),
        order_type=kind,
        price=price,
    )
    outcome = _accepted(call.gateway.place(ticket))
    fields = {"ord_no": order_number(outcome.ord_no), "dmst_stex_tp": "KRX"}
    return CallReply(fields, message=message)


def amend(call: Call) -> CallReply:
    """The reply's order number replaces the original one."""
    _only_krx(call)
    ticket = AmendTicket(
        ord_no=order_number(call.text("orig_ord_no")),
        stock_code=call.code(),
        quantity=call.whole("mdfy_qty"),
        price=call.whole("mdfy_uv"),
    )
    outcome = _accepted(call.gateway.amend(ticket))
    return _changed(outcome, "mdfy_qty", "모의투자 정정주문완료")


def cancel(call: Call) -> CallReply:
    _only_krx(call)
    ticket = CancelTicket(
        ord_no=order_number(call.text("orig_ord_no")),
        stock_code=call.code(),
        quantity=call.whole("cncl_qty"),
    )
    outcome = _accepted(call.gateway.cancel(ticket))
    return _changed(outcome, "cncl_qty", "모의투자 취소주문완료")


def _changed(outcome: Outcome, quantity_name: str, message: str) -> CallReply:
    fields = {
        "ord_no": order_number(outcome.ord_no),
        "base_orig_ord_no": order_number(outcome.original_ord_no),
        quantity_name: padded(outcome.quantity, 12),
        "dmst_stex_tp": "KRX",
    }
    return CallReply(fields, message=message)


def _only_krx(call: Call) -> None:
    """The mock server accepts only KRX orders."""
    if call.text("dmst_stex_tp") != "KRX":
        raise error_bodies.order_refused("RC9000")


def _order_type(code: str) -> OrderType:
    if code in NOT_OFFERED:
        raise error_bodies.order_refused("RC9000")
    if code not in OFFERED:
        raise error_bodies.order_refused("407022")
    return OFFERED[code]


def _accepted(outcome: Outcome) -> Outcome:
    refusal = error_bodies.from_outcome(outcome)
    if refusal is not None:
        raise refusal
    return outcome

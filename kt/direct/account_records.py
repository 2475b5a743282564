"""The answers of the account queries as records (see `market_records`). The port asks for all sides
and all venues; an answer of more than one page is the wire's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from kt.broker.wire.account import percent
from kt.direct.market_records import PAGE, NotDirect, Reader
from kt.records import (
    AccountReturn,
    BrokerOrder,
    Deposit,
    Execution,
    Holdings,
    Orderable,
    Realised,
)
from kt.sim.wire.call import SHOWN, Call
from kt.sim.wire.holdings import PAGE as HOLDINGS_PAGE

ALL = frozenset({"", "0"})
"""Codes of all sides and all venues."""


def _needs(call: Call, **codes: str) -> None:
    """NotDirect unless the fields have these codes, where `0` is all."""
    for name, code in codes.items():
        asked = call.text(name)
        if asked != code and not (code == "0" and asked in ALL):
            raise NotDirect


def _one_page(rows: Sequence[object], page: int = PAGE) -> None:
    if len(rows) > page:
        raise NotDirect


def deposit(call: Call) -> Deposit:
    """kt00001."""
    return call.broker.deposit()


def orderable(call: Call) -> Orderable:
    """kt00010."""
    found = call.broker.orderable(call.code(), call.whole("uv"))
    return found or Orderable(amount=0, quantity=0)


def holdings(call: Call) -> Holdings:
    """kt00018."""
    held = call.broker.holdings()
    _one_page(held.items, HOLDINGS_PAGE)
    items = tuple(
        replace(item, profit_pct=item.profit_pct + 0.0, weight_pct=item.weight_pct + 0.0)
        for item in held.items
    )
    return replace(held, items=items, total_profit_pct=held.total_profit_pct + 0.0)


def open_orders(call: Call) -> list[BrokerOrder]:
    """ka10075, newest first; an order with an original one is the result of an amend."""
    _needs(call, trde_tp="0", stex_tp="0")
    code = call.code() if call.text("all_stk_tp") == "1" else ""
    found = list(call.broker.open_orders(code or None))
    _one_page(found)
    found.sort(key=lambda order: int(order.ord_no), reverse=True)
    return [
        replace(
            order,
            **_numbers(order),
            status="FILL" if order.filled_quantity else "RECEIVED",
            kind="AMEND" if int(order.original_ord_no or 0) else "NEW",
            confirmed_quantity=0,
        )
        for order in found
    ]


def executions(call: Call) -> list[Execution]:
    """ka10076, newest first."""
    _needs(call, sell_tp="0", stex_tp="0", ord_no="")
    code = call.code() if call.text("qry_tp") == "1" else ""
    found = call.broker.executions(code or None)
    _one_page(found)
    return [replace(fill, **_numbers(fill)) for fill in reversed(found) if fill.quantity]


def day_orders(call: Call) -> list[BrokerOrder]:
    """kt00007, oldest first."""
    _needs(call, ord_dt=call.now.strftime("%Y%m%d"), qry_tp="1", stk_bond_tp="1", sell_tp="0")
    _needs(call, stk_cd="", dmst_stex_tp="%")
    found = list(call.broker.day_orders(str(max(0, call.whole("fr_ord_no")))))
    _one_page(found)
    found.sort(key=lambda order: int(order.ord_no))
    return [replace(order, **_numbers(order), status=_status(order)) for order in found]


def _status(order: BrokerOrder) -> str:
    if order.filled_quantity:
        return "FILL"
    return "RECEIVED" if order.kind == "NEW" else "CONFIRMED"


def _numbers(row: BrokerOrder | Execution) -> dict[str, object]:
    """Numbers of seven digits, none for zero, and a time of whole seconds."""
    original = int(row.original_ord_no or 0)
    return {
        "ord_no": f"{int(row.ord_no):07d}",
        "original_ord_no": f"{original:07d}" if original else "",
        "at": row.at.replace(microsecond=0),
    }


def realised(call: Call) -> list[Realised]:
    """ka10077."""
    found = call.broker.realised(call.code())
    _one_page(found)
    return [
        replace(sale, buy_price=round(sale.buy_price, 7), profit_pct=sale.profit_pct + 0.0)
        for sale in found
    ]


def returns(call: Call) -> list[AccountReturn]:
    """ka10085, which has no rate of return: it is computed from price and cost."""
    found = call.broker.returns()
    _one_page(found)
    return [
        replace(row, profit_pct=percent(row.price * row.quantity - row.cost, row.cost))
        for row in found
    ]


@dataclass(frozen=True, slots=True)
class AccountForm:
    """The records of an account query, and the message of its answer."""

    read: Reader
    message: str


TOLD = "모의투자 조회완료"
ACCOUNT_FORMS: Mapping[str, AccountForm] = {
    "kt00001": AccountForm(deposit, TOLD),
    "kt00010": AccountForm(orderable, "주문/인출가능금액 시뮬레이션 조회완료하였습니다."),
    "kt00018": AccountForm(holdings, TOLD),
    "kt00007": AccountForm(day_orders, TOLD),
    "ka10075": AccountForm(open_orders, SHOWN),
    "ka10076": AccountForm(executions, SHOWN),
    "ka10077": AccountForm(realised, SHOWN),
    "ka10085": AccountForm(returns, SHOWN),
}

"""Formats the account number (ka00001), the deposit (kt00001) and the buying power (kt00010)."""

from __future__ import annotations

from kt import api_catalog
from kt.sim.wire.call import Call, CallReply, filled
from kt.sim.wire.values import padded

DEPOSIT = api_catalog.api("kt00001")
ORDERABLE = api_catalog.api("kt00010")
MARGINS = (20, 30, 40, 50, 60)
"""The margin rates, other than 100 %, that have a field of their own."""


def account(call: Call) -> CallReply:
    """ka00001: the account number."""
    return CallReply({"acctNo": call.broker.account()})


def deposit(call: Call) -> CallReply:
    """kt00001: all amounts padded to 15 digits."""
    cash = call.broker.deposit()
    amounts = {
        "entr": cash.cash,
        "profa_ch": cash.margin,
        "ord_alow_amt": cash.orderable,
        "pymn_alow_amt": cash.withdrawable,
        "100stk_ord_alow_amt": cash.orderable,
        "d1_entra": cash.d1_cash,
        "d2_entra": cash.d2_cash,
        "d1_pymn_alow_amt": cash.withdrawable,
        "d2_pymn_alow_amt": cash.d2_cash,
    }
    for margin in MARGINS:
        # Rounded to the nearest won, as recorded: 10,000,000 at 60 % is 16,666,667.
        amounts[f"{margin}stk_ord_alow_amt"] = (cash.orderable * 200 + margin) // (2 * margin)
    values = {name: padded(amount) for name, amount in amounts.items()}
    fields = filled(DEPOSIT.fields, padded(0), **values)
    return CallReply({**fields, DEPOSIT.row_list: []}, message="모의투자 조회완료")


def orderable(call: Call) -> CallReply:
    """kt00010, for the requested price: amounts padded to 12 digits, quantities to 10."""
    stock, price = call.code(), call.whole("uv")
    cash = call.broker.deposit()
    found = call.broker.orderable(stock, price)
    amount = found.amount if found else 0
    quantity = found.quantity if found else 0
    values = {
        "entr": padded(cash.cash, 12),
        "ord_alowa": padded(cash.orderable, 12),
        "wthd_alowa": padded(cash.withdrawable, 12),
        "nxdy_wthd_alowa": padded(cash.d2_cash, 12),
        "d2entra": padded(cash.d2_cash, 12),
        "profa_rdex_aplc_tp": "0",
    }
    for name in ("100", "60", "50", "40", "30", "20", "rdex_60"):
        values[f"profa_{name}ord_alow_amt"] = padded(amount, 12)
        values[f"profa_{name}ord_alowq"] = padded(quantity, 10)
    fields = filled(ORDERABLE.fields, padded(0, 12), **values)
    return CallReply(fields, message="주문/인출가능금액 시뮬레이션 조회완료하였습니다.")

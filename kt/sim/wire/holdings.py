"""Formats holdings and profit: kt00018 (padded, `A` codes), ka10085 and ka10077."""

from __future__ import annotations

from kt import api_catalog
from kt.records import Holding, Realised, Side
from kt.rules.fees import commission, sell_tax
from kt.sim.wire.call import SHOWN, Call, CallReply, Row, filled
from kt.sim.wire.values import (
    account_code,
    bare_code,
    padded,
    padded_rate,
    price,
    rate,
)

HOLDINGS = api_catalog.api("kt00018")
RETURNS = api_catalog.api("ka10085")
REALISED = api_catalog.api("ka10077")
PAGE = 50
"""The rows of a page of kt00018."""


def holdings(call: Call) -> CallReply:
    """kt00018: all holdings with their totals."""
    held = call.broker.holdings()
    fields = filled(
        HOLDINGS.fields,
        padded(0),
        tot_pur_amt=padded(held.total_cost),
        tot_evlt_amt=padded(held.total_value),
        tot_evlt_pl=padded(held.total_profit),
        tot_prft_rt=padded_rate(held.total_profit_pct),
        prsm_dpst_aset_amt=padded(held.estimated_assets),
    )
    rows = [holding(item, call) for item in held.items]
    return CallReply(fields, HOLDINGS.row_list, rows, page=PAGE, message="모의투자 조회완료")


def holding(item: Holding, call: Call) -> Row:
    """One row of kt00018: amounts padded to 15 digits, both prices to 12."""
    tax, selling, buying = _costs(item, call)
    bought, sold = bought_and_sold(item.stock_code, call)
    amounts = {
        "evltv_prft": item.profit,
        "pur_pric": item.average_price,
        "rmnd_qty": item.quantity,
        "trde_able_qty": item.sellable,
        "pur_amt": item.cost,
        "evlt_amt": item.value,
        "tdy_buyq": bought,
        "tdy_sellq": sold,
        "pur_cmsn": buying,
        "sell_cmsn": selling,
        "tax": tax,
        "sum_cmsn": buying + selling,
    }
    return filled(
        HOLDINGS.row_fields,
        padded(0),
        stk_cd=account_code(item.stock_code),
        stk_nm=item.stock_name,
        prft_rt=padded_rate(item.profit_pct),
        pred_close_pric=padded(item.previous_close, 12),
        cur_prc=padded(item.price, 12),
        poss_rt=padded_rate(item.weight_pct),
        crd_tp="00",
        crd_tp_nm="",
        crd_loan_dt="",
        **{name: padded(amount) for name, amount in amounts.items()},
    )


def _costs(item: Holding, call: Call) -> tuple[int, int, int]:
    """(sell tax, estimated sell commission, buy commission) in won: the costs that `evltv_prft`
    is net of."""
    stock = call.instruments.get(item.stock_code)
    market, kind = (stock.market.value, stock.kind) if stock else ("KOSPI", "STOCK")
    tax = sell_tax(item.value, market, kind, call.now.date())
    selling = commission(item.value, call.commission_pct)
    return tax, selling, max(0, item.value - item.cost - item.profit - tax - selling)


def bought_and_sold(stock_code: str, call: Call) -> tuple[int, int]:
    """(bought, sold) shares of today."""
    fills = call.broker.executions(stock_code)
    bought = sum(fill.quantity for fill in fills if fill.side is Side.BUY)
    return bought, sum(fill.quantity for fill in fills) - bought


def returns(call: Call) -> CallReply:
    """ka10085: plain codes, no padding and no rate of return."""
    rows = [
        filled(
            RETURNS.row_fields,
            "0",
            dt="",
            stk_cd=item.stock_code,
            stk_nm=item.stock_name,
            cur_prc=price(item.price, call.base(item.stock_code)),
            pur_pric=str(item.average_price),
            pur_amt=str(item.cost),
            rmnd_qty=str(item.quantity),
            tdy_sel_pl=str(item.realised_today),
            tdy_trde_cmsn=str(item.fee),
            tdy_trde_tax=str(item.tax),
            crd_tp="00",
            loan_dt="00000000",
            setl_remn=str(item.quantity),
            clrn_alow_qty=str(item.quantity),
            expr_dt="00000000",
        )
        for item in call.broker.returns()
    ]
    return CallReply(rows_name=RETURNS.row_list, rows=rows, message=SHOWN)


def realised(call: Call) -> CallReply:
    """ka10077: one stock's sales of today; `A` codes, no padding, average price with decimals."""
    sales = call.broker.realised(bare_code(call.text("stk_cd")))
    rows = [sale(item) for item in sales]
    total = {"tdy_rlzt_pl": str(sum(item.profit for item in sales))}
    return CallReply(total, REALISED.row_list, rows, message=SHOWN)


def sale(item: Realised) -> Row:
    return filled(
        REALISED.row_fields,
        "0",
        stk_nm=item.stock_name,
        cntr_qty=str(item.quantity),
        buy_uv=f"{item.buy_price:.7f}".rstrip("0").rstrip("."),
        cntr_pric=str(item.sell_price),
        tdy_sel_pl=str(item.profit),
        pl_rt=rate(item.profit_pct),
        tdy_trde_cmsn=str(item.fee),
        tdy_trde_tax=str(item.tax),
        stk_cd=account_code(item.stock_code),
    )

"""APIs that only other clients use, not kt: ka10003, ka10100, kt00004 and kt00005."""

from __future__ import annotations

from kt import api_catalog
from kt.errors import UnknownStock
from kt.records import Bar, Deposit, Holding, Interval, Quote
from kt.sim.wire.call import Call, CallReply, Row, filled
from kt.sim.wire.deposit import MARGINS
from kt.sim.wire.holdings import bought_and_sold
from kt.sim.wire.quotes import listing, listing_market
from kt.sim.wire.values import (
    account_code,
    change_pct,
    clock,
    direction,
    padded,
    plain_rate,
    price,
    rate,
    signed,
)

TRADE_LIST = api_catalog.api("ka10003")
STATUS = api_catalog.api("kt00004")
FILLED = api_catalog.api("kt00005")
WIDTH = 12
TRADES = 100


def trades(call: Call) -> CallReply:
    """ka10003: trades, newest first; the day's running totals count down from now."""
    try:
        quote = call.market.quote(call.code())
        bars = call.market.bars(call.code(), Interval.TICK, TRADES)
        strength = next(iter(call.market.strength(call.code())), None)
    except UnknownStock:
        return CallReply(rows_name=TRADE_LIST.row_list)
    today = [bar for bar in reversed(bars) if bar.at.date() == call.now.date()]
    volume, value, rows = quote.volume, quote.value, []
    for bar in today:
        row = _trade(bar, quote, volume, value)
        rows.append({**row, "cntr_str": plain_rate(strength.strength if strength else 0.0)})
        volume, value = max(0, volume - bar.volume), max(0, value - bar.volume * bar.close)
    return CallReply(rows_name=TRADE_LIST.row_list, rows=rows)


def _trade(bar: Bar, quote: Quote, volume: int, value: int) -> Row:
    base = quote.base_price
    return filled(
        TRADE_LIST.row_fields,
        "",
        tm=clock(bar.at),
        cur_prc=price(bar.close, base),
        pred_pre=signed(bar.close - base),
        pre_rt=rate(change_pct(bar.close, base)),
        pri_sel_bid_unit=price(quote.ask, base),
        pri_buy_bid_unit=price(quote.bid, base),
        cntr_trde_qty=str(bar.volume),
        sign=direction(bar.close, base, quote.upper_limit, quote.lower_limit),
        acc_trde_qty=str(volume),
        acc_trde_prica=str(value),
        stex_tp="KRX",
    )


def instrument(call: Call) -> CallReply:
    """ka10100: one stock, as ka10099 lists it; all fields are blank for an unknown one."""
    stock = call.instruments.get(call.code())
    if stock is None:
        known = next(iter(call.instruments.values()))
        return CallReply(dict.fromkeys(listing(known, "", ""), ""))
    market, name = listing_market(stock)
    return CallReply(listing(stock, market, name))


def account_status(call: Call) -> CallReply:
    """kt00004: amounts padded to 12 digits; values are net of the costs of a sale."""
    cash, held = call.broker.deposit(), call.broker.holdings()
    amounts = {
        "entr": cash.cash,
        "d2_entra": cash.d2_cash,
        "tot_est_amt": held.total_value,
        "aset_evlt_amt": held.estimated_assets,
        "tot_pur_amt": held.total_cost,
        "prsm_dpst_aset_amt": held.estimated_assets,
    }
    rates = dict.fromkeys(("tdy_lspft_rt", "lspft_ratio", "lspft_rt"), "0.00")
    fields = filled(
        STATUS.fields, padded(0, WIDTH), acnt_nm="kt", brch_nm="", **rates, **_padded(amounts)
    )
    rows = [_status(item, call) for item in held.items]
    return CallReply(fields, STATUS.row_list, rows, message="모의투자 조회완료")


def _status(item: Holding, call: Call) -> Row:
    bought, sold = bought_and_sold(item.stock_code, call)
    amounts = {
        "rmnd_qty": item.quantity,
        "avg_prc": item.average_price,
        "cur_prc": item.price,
        "evlt_amt": item.cost + item.profit,
        "pl_amt": item.profit,
        "pur_amt": item.cost,
        "setl_remn": item.quantity,
        "tdy_buyq": bought,
        "tdy_sellq": sold,
    }
    return filled(
        STATUS.row_fields,
        padded(0, WIDTH),
        stk_cd=account_code(item.stock_code),
        stk_nm=item.stock_name,
        pl_rt=f"{item.profit_pct:.4f}",
        loan_dt="",
        **_padded(amounts),
    )


def filled_holdings(call: Call) -> CallReply:
    """kt00005: cash and holdings by trade date."""
    cash, held = call.broker.deposit(), call.broker.holdings()
    fields = filled(
        FILLED.fields,
        padded(0, WIDTH),
        tot_pl_rt=f"{held.total_profit_pct:.4f}",
        crd_grnt_rt="0.00",
        **_padded(_cash(cash)),
        **_padded(
            {
                "stk_buy_tot_amt": held.total_cost,
                "evlt_amt_tot": held.total_cost + held.total_profit,
                "tot_pl_tot": held.total_profit,
            }
        ),
    )
    rows = [_filled(item) for item in held.items]
    return CallReply(fields, FILLED.row_list, rows, message="모의투자 조회완료")


def _cash(cash: Deposit) -> dict[str, int]:
    found = {
        "entr": cash.cash,
        "entr_d1": cash.d1_cash,
        "entr_d2": cash.d2_cash,
        "pymn_alow_amt": cash.withdrawable,
        "ord_alowa": cash.orderable,
        "profa_ch": cash.margin,
        "tot_re_buy_alowa": cash.orderable,
        "100ord_alow_amt": cash.orderable,
    }
    return found | {f"{margin}ord_alow_amt": cash.orderable for margin in MARGINS}


def _filled(item: Holding) -> Row:
    amounts = {
        "setl_remn": item.quantity,
        "cur_qty": item.quantity,
        "cur_prc": item.price,
        "buy_uv": item.average_price,
        "pur_amt": item.cost,
        "evlt_amt": item.cost + item.profit,
        "evltv_prft": item.profit,
    }
    return filled(
        FILLED.row_fields,
        "",
        crd_tp="00",
        stk_cd=account_code(item.stock_code),
        stk_nm=item.stock_name,
        pl_rt=f"{item.profit_pct:.4f}",
        **_padded(amounts),
    )


def _padded(amounts: dict[str, int]) -> Row:
    return {name: padded(amount, WIDTH) for name, amount in amounts.items()}

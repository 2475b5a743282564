"""What other programs ask and kt does not: ka10003 trades, ka10100, kt00004 and kt00005."""

from __future__ import annotations

from kt.errors import UnknownStock
from kt.records import Bar, Deposit, Holding, Interval, Quote
from kt.sim.wire.deposit import MARGINS
from kt.sim.wire.frame import Call, Reply, Row, filled, names
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

WIDTH = 12
TRADES = 100
TRADE_FIELDS = names("""
tm cur_prc pred_pre pre_rt pri_sel_bid_unit pri_buy_bid_unit cntr_trde_qty sign acc_trde_qty
acc_trde_prica cntr_str stex_tp
""")
STATUS_FIELDS = names("""
acnt_nm brch_nm entr d2_entra tot_est_amt aset_evlt_amt tot_pur_amt prsm_dpst_aset_amt
tot_grnt_sella tdy_lspft_amt invt_bsamt lspft_amt tdy_lspft lspft2 lspft tdy_lspft_rt lspft_ratio
lspft_rt
""")
STATUS_ROW = names("""
stk_cd stk_nm rmnd_qty avg_prc cur_prc evlt_amt pl_amt pl_rt loan_dt pur_amt setl_remn pred_buyq
pred_sellq tdy_buyq tdy_sellq
""")
FILLED_FIELDS = names("""
entr entr_d1 entr_d2 pymn_alow_amt uncl_stk_amt repl_amt rght_repl_amt ord_alowa ch_uncla
crd_int_npay_gold etc_loana nrpy_loan profa_ch repl_profa stk_buy_tot_amt evlt_amt_tot tot_pl_tot
tot_pl_rt tot_re_buy_alowa 20ord_alow_amt 30ord_alow_amt 40ord_alow_amt 50ord_alow_amt
60ord_alow_amt 100ord_alow_amt crd_loan_tot crd_loan_ls_tot crd_grnt_rt dpst_grnt_use_amt_amt
grnt_loan_amt
""")
FILLED_ROW = names("""
crd_tp loan_dt expr_dt stk_cd stk_nm setl_remn cur_qty cur_prc buy_uv pur_amt evlt_amt evltv_prft
pl_rt
""")


def trades(call: Call) -> Reply:
    """ka10003: the newest trades first; the day's sums run back from now."""
    name = "cntr_infr"
    try:
        quote = call.market.quote(call.code())
        bars = call.market.bars(call.code(), Interval.TICK, TRADES)
        strength = next(iter(call.market.strength(call.code())), None)
    except UnknownStock:
        return Reply(rows_name=name)
    today = [bar for bar in reversed(bars) if bar.at.date() == call.now.date()]
    volume, value, rows = quote.volume, quote.value, []
    for bar in today:
        row = _trade(bar, quote, volume, value)
        rows.append({**row, "cntr_str": plain_rate(strength.strength if strength else 0.0)})
        volume, value = max(0, volume - bar.volume), max(0, value - bar.volume * bar.close)
    return Reply(rows_name=name, rows=rows)


def _trade(bar: Bar, quote: Quote, volume: int, value: int) -> Row:
    base = quote.base_price
    return filled(
        TRADE_FIELDS,
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


def instrument(call: Call) -> Reply:
    """ka10100: one stock as ka10099 lists it; an unknown one is all blanks."""
    stock = call.instruments.get(call.code())
    if stock is None:
        known = next(iter(call.instruments.values()))
        return Reply(dict.fromkeys(listing(known, "", ""), ""))
    market, name = listing_market(stock)
    return Reply(listing(stock, market, name))


def account_status(call: Call) -> Reply:
    """kt00004: twelve digits; values after what a sale would cost."""
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
        STATUS_FIELDS, padded(0, WIDTH), acnt_nm="kt", brch_nm="", **rates, **_padded(amounts)
    )
    rows = [_status(item, call) for item in held.items]
    return Reply(fields, "stk_acnt_evlt_prst", rows, message="모의투자 조회완료")


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
        STATUS_ROW,
        padded(0, WIDTH),
        stk_cd=account_code(item.stock_code),
        stk_nm=item.stock_name,
        pl_rt=f"{item.profit_pct:.4f}",
        loan_dt="",
        **_padded(amounts),
    )


def filled_holdings(call: Call) -> Reply:
    """kt00005: cash and holdings by trade date."""
    cash, held = call.broker.deposit(), call.broker.holdings()
    fields = filled(
        FILLED_FIELDS,
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
    return Reply(fields, "stk_cntr_remn", rows, message="모의투자 조회완료")


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
        FILLED_ROW,
        "",
        crd_tp="00",
        stk_cd=account_code(item.stock_code),
        stk_nm=item.stock_name,
        pl_rt=f"{item.profit_pct:.4f}",
        **_padded(amounts),
    )


def _padded(amounts: dict[str, int]) -> Row:
    return {name: padded(amount, WIDTH) for name, amount in amounts.items()}

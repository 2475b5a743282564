"""Cash on the wire: account number (ka00001), deposit (kt00001), what may be ordered (kt00010)."""

from __future__ import annotations

from kt.sim.wire.frame import Call, Reply, filled, names
from kt.sim.wire.values import padded

DEPOSIT_FIELDS = names("""
entr profa_ch bncr_profa_ch nxdy_bncr_sell_exct fc_stk_krw_repl_set_amt crd_grnta_ch crd_grnt_ch
add_grnt_ch etc_profa uncl_stk_amt shrts_prica crd_set_grnta chck_ina_amt etc_chck_ina_amt
crd_grnt_ruse knx_asset_evltv elwdpst_evlta crd_ls_rght_frcs_amt lvlh_join_amt lvlh_trns_alowa
repl_amt remn_repl_evlta trst_remn_repl_evlta bncr_remn_repl_evlta profa_repl crd_grnta_repl
crd_grnt_repl add_grnt_repl rght_repl_amt pymn_alow_amt wrap_pymn_alow_amt ord_alow_amt
bncr_buy_alowa 20stk_ord_alow_amt 30stk_ord_alow_amt 40stk_ord_alow_amt 100stk_ord_alow_amt
ch_uncla ch_uncla_dlfe ch_uncla_tot crd_int_npay int_npay_amt_dlfe int_npay_amt_tot etc_loana
etc_loana_dlfe etc_loan_tot nrpy_loan loan_sum ls_sum crd_grnt_rt mdstrm_usfe min_ord_alow_yn
loan_remn_evlt_amt dpst_grntl_remn sell_grntl_remn d1_entra d1_slby_exct_amt d1_buy_exct_amt
d1_out_rep_mor d1_sel_exct_amt d1_pymn_alow_amt d2_entra d2_slby_exct_amt d2_buy_exct_amt
d2_out_rep_mor d2_sel_exct_amt d2_pymn_alow_amt 50stk_ord_alow_amt 60stk_ord_alow_amt
""")
ORDERABLE_FIELDS = names("""
profa_20ord_alow_amt profa_20ord_alowq profa_30ord_alow_amt profa_30ord_alowq
profa_40ord_alow_amt profa_40ord_alowq profa_50ord_alow_amt profa_50ord_alowq
profa_60ord_alow_amt profa_60ord_alowq profa_rdex_60ord_alow_amt profa_rdex_60ord_alowq
profa_100ord_alow_amt profa_100ord_alowq pred_reu_alowa tdy_reu_alowa entr repl_amt uncla
ord_pos_repl ord_alowa wthd_alowa nxdy_wthd_alowa pur_amt cmsn pur_exct_amt d2entra
profa_rdex_aplc_tp
""")
MARGINS = (20, 30, 40, 50, 60)
"""The margin rates that have a field of their own beside 100 %."""


def account(call: Call) -> Reply:
    """ka00001"""
    return Reply({"acctNo": call.broker.account()})


def deposit(call: Call) -> Reply:
    """kt00001: everything padded to 15 digits."""
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
        # Rounded, as recorded: 10,000,000 at 60 % is 16,666,667.
        amounts[f"{margin}stk_ord_alow_amt"] = (cash.orderable * 200 + margin) // (2 * margin)
    values = {name: padded(amount) for name, amount in amounts.items()}
    fields = filled(DEPOSIT_FIELDS, padded(0), **values)
    return Reply({**fields, "stk_entr_prst": []}, message="모의투자 조회완료")


def orderable(call: Call) -> Reply:
    """kt00010: amounts of 12 digits, quantities of 10, for the price asked about."""
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
    fields = filled(ORDERABLE_FIELDS, padded(0, 12), **values)
    return Reply(fields, message="주문/인출가능금액 시뮬레이션 조회완료하였습니다.")

"""The account: deposit, buying power, holdings, profit. Read strictly: money follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kt.broker.wire.row import Row, rows
from kt.records import AccountReturn, Deposit, Holding, Holdings, Orderable, Realised

Body = Mapping[str, object]


def account(body: Body) -> str:
    """ka00001: the whole account number."""
    return Row(body, "ka00001").text("acctNo")


def deposit(body: Body) -> Deposit:
    """kt00001."""
    row = Row(body, "kt00001")
    return Deposit(
        cash=row.integer("entr"),
        orderable=row.integer("ord_alow_amt"),
        withdrawable=row.integer("pymn_alow_amt", 0),
        margin=row.integer("profa_ch", 0),
        d1_cash=row.integer("d1_entra", 0),
        d2_cash=row.integer("d2_entra", 0),
    )


def orderable(body: Body) -> Orderable:
    """kt00010: what can be bought with cash alone (the part with a margin of 100 %)."""
    row = Row(body, "kt00010")
    return Orderable(
        amount=row.integer("profa_100ord_alow_amt"), quantity=row.integer("profa_100ord_alowq")
    )


def holdings(pages: Iterable[Body]) -> Holdings:
    """kt00018, all pages. Totals that are not told are summed from the rows."""
    first: Row | None = None
    items: list[Holding] = []
    for body in pages:
        first = first or Row(body, "kt00018")
        items += [_holding(row) for row in rows(body, "acnt_evlt_remn_indv_tot", "kt00018")]
    totals = first or Row({}, "kt00018")
    cost = totals.integer("tot_pur_amt", sum(item.cost for item in items))
    value = totals.integer("tot_evlt_amt", sum(item.value for item in items))
    profit = totals.integer("tot_evlt_pl", sum(item.profit for item in items))
    return Holdings(
        items=tuple(item for item in items if item.quantity),
        total_cost=cost,
        total_value=value,
        total_profit=profit,
        total_profit_pct=totals.rate("tot_prft_rt", percent(profit, cost)),
        estimated_assets=totals.integer("prsm_dpst_aset_amt", value),
    )


def _holding(row: Row) -> Holding:
    return Holding(
        stock_code=row.code("stk_cd"),
        stock_name=row.text("stk_nm", ""),
        quantity=row.integer("rmnd_qty"),
        sellable=row.integer("trde_able_qty"),
        average_price=row.price("pur_pric"),
        price=row.price("cur_prc"),
        cost=row.integer("pur_amt"),
        value=row.integer("evlt_amt"),
        profit=row.integer("evltv_prft"),
        profit_pct=row.rate("prft_rt"),
        weight_pct=row.rate("poss_rt", 0.0),
        previous_close=row.price("pred_close_pric", 0),
    )


def realised(body: Body) -> list[Realised]:
    """ka10077, one page."""
    return [
        Realised(
            stock_code=row.code("stk_cd"),
            stock_name=row.text("stk_nm", ""),
            quantity=row.integer("cntr_qty"),
            buy_price=row.rate("buy_uv"),
            sell_price=row.price("cntr_pric"),
            profit=row.rounded("tdy_sel_pl"),
            profit_pct=row.rate("pl_rt"),
            fee=row.integer("tdy_trde_cmsn", 0),
            tax=row.integer("tdy_trde_tax", 0),
        )
        for row in rows(body, "tdy_rlzt_pl_dtl", "ka10077")
    ]


def returns(body: Body) -> list[AccountReturn]:
    """ka10085, one page. Its rows tell no rate: price x quantity against the cost."""
    found = []
    for row in rows(body, "acnt_prft_rt", "ka10085"):
        price, quantity = row.price("cur_prc"), row.integer("rmnd_qty")
        cost = row.integer("pur_amt")
        found.append(
            AccountReturn(
                stock_code=row.code("stk_cd"),
                stock_name=row.text("stk_nm", ""),
                price=price,
                average_price=row.price("pur_pric"),
                cost=cost,
                quantity=quantity,
                realised_today=row.rounded("tdy_sel_pl", 0),
                fee=row.integer("tdy_trde_cmsn", 0),
                tax=row.integer("tdy_trde_tax", 0),
                profit_pct=percent(price * quantity - cost, cost),
                day=row.day("dt") if row.has("dt") else None,
            )
        )
    return found


def percent(part: int, whole: int) -> float:
    """To two places; 0 of nothing."""
    return round(part / whole * 100, 2) if whole else 0.0

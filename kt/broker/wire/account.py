"""The account: deposit, buying power, holdings, profit. Read strictly: money follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from kt.broker.wire.row import Row, rows
from kt.errors import WireError
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


CASH = frozenset({"", "0", "00"})
"""crd_tp of shares that were bought with cash; anything else was bought on credit."""
COST_TOLERANCE, VALUE_TOLERANCE = 0.001, 0.1
"""So far may a total be from what its rows add up to. Costs stand still; prices move from one
page to the next, and rows and totals need not be of the same second."""
ROUNDING = 10
"""Won that a row's own cost may be off."""


def holdings(pages: Iterable[Body]) -> Holdings:
    """kt00018, all pages; whether it can be believed is asked by `believed`.

    One stock is one holding. The same row twice (a page that came again) counts once, also when
    its price moved in between. Other rows of one stock (cash, and each loan) are added up; what
    was bought on credit takes an order of another kind (kt10007), so it counts as held and not
    as sellable. Totals stand on every page: the first page's count, and those that are not told
    are summed from the rows.
    """
    first: Row | None = None
    rows_of: dict[str, dict[tuple[object, ...], Holding]] = {}
    for body in pages:
        first = first or Row(body, "kt00018")
        for row in rows(body, "kt00018"):
            item, credit = _holding(row), row.text("crd_tp", "")
            same = (credit, row.text("crd_loan_dt", ""), item.quantity, item.cost)
            if item.quantity:
                rows_of.setdefault(item.stock_code, {})[same] = item
    items = tuple(_merged(list(found.values())) for found in rows_of.values())
    totals = first or Row({}, "kt00018")
    cost = totals.integer("tot_pur_amt", sum(item.cost for item in items))
    value = totals.integer("tot_evlt_amt", sum(item.value for item in items))
    profit = totals.integer("tot_evlt_pl", sum(item.profit for item in items))
    return Holdings(
        items=items,
        total_cost=cost,
        total_value=value,
        total_profit=profit,
        total_profit_pct=totals.rate("tot_prft_rt", percent(profit, cost)),
        estimated_assets=totals.integer("prsm_dpst_aset_amt", value),
    )


def check_totals(held: Holdings) -> Holdings:
    """The same, if its rows add up to its own totals. Raises WireError when they do not.

    For a moment a broker may leave rows out, or all of them: to believe that would empty the
    books. Neither total holds fees: pur_amt is price x quantity, and so is evlt_amt.
    """
    checks = (
        ("tot_pur_amt", held.total_cost, sum(item.cost for item in held.items), COST_TOLERANCE),
        ("tot_evlt_amt", held.total_value, sum(item.value for item in held.items), VALUE_TOLERANCE),
    )
    for name, total, added, share in checks:
        allowed = share * max(abs(total), abs(added)) + ROUNDING * len(held.items)
        if abs(total - added) > allowed:
            rows_say = f"the holdings listed with it ({len(held.items)}) make {added:,}"
            raise WireError(
                f"kt00018.{name}",
                f"{total:,} won, but {rows_say}",
                hint="The broker's answer contradicts itself and is not believed: ask again soon.",
            )
    return held


def _holding(row: Row) -> Holding:
    """One row."""
    sellable = row.integer("trde_able_qty")
    return Holding(
        stock_code=row.code("stk_cd"),
        stock_name=row.text("stk_nm", ""),
        quantity=row.integer("rmnd_qty"),
        sellable=sellable if row.text("crd_tp", "") in CASH else 0,
        average_price=row.price("pur_pric"),
        price=row.price("cur_prc"),
        cost=row.integer("pur_amt"),
        value=row.integer("evlt_amt"),
        profit=row.integer("evltv_prft"),
        profit_pct=row.rate("prft_rt"),
        weight_pct=row.rate("poss_rt", 0.0),
        previous_close=row.price("pred_close_pric", 0),
    )


def _merged(lots: list[Holding]) -> Holding:
    """All rows of one stock as one; prices are those of the row that was read last."""
    if len(lots) == 1:
        return lots[0]
    quantity, cost = sum(lot.quantity for lot in lots), sum(lot.cost for lot in lots)
    profit = sum(lot.profit for lot in lots)
    return msgspec.structs.replace(
        lots[-1],
        quantity=quantity,
        sellable=sum(lot.sellable for lot in lots),
        average_price=round(abs(cost / quantity)) if quantity else 0,
        cost=cost,
        value=sum(lot.value for lot in lots),
        profit=profit,
        profit_pct=percent(profit, cost),
        weight_pct=round(sum(lot.weight_pct for lot in lots), 2),
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
        for row in rows(body, "ka10077")
    ]


def returns(body: Body) -> list[AccountReturn]:
    """ka10085, one page. Its rows tell no rate: price x quantity against the cost."""
    found = []
    for row in rows(body, "ka10085"):
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

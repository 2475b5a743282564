"""Parses the account: deposit, buying power, holdings, profit. Strict: any invalid row is an
error, because orders are sized from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from kt.broker.wire.row import Row, rows
from kt.errors import WireError
from kt.records import AccountReturn, Deposit, Holding, Holdings, Orderable, Realised

Body = Mapping[str, object]


def account(body: Body) -> str:
    """ka00001: the full account number."""
    return Row(body, "ka00001").text("acctNo")


def deposit(body: Body) -> Deposit:
    """kt00001: the deposit, in won."""
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
    """kt00010: what can be bought with cash only (the fields for a margin of 100 %)."""
    row = Row(body, "kt00010")
    return Orderable(
        amount=row.integer("profa_100ord_alow_amt"), quantity=row.integer("profa_100ord_alowq")
    )


CASH = frozenset({"", "0", "00"})
"""crd_tp of shares bought with cash; any other value means bought on credit."""
COST_TOLERANCE, VALUE_TOLERANCE = 0.001, 0.1
"""The allowed relative difference between a total and the sum of its rows. Costs do not change,
but prices may move between two pages and between the rows and the totals."""
ROUNDING = 10
"""Allowed rounding difference of each row, in won."""


def holdings(pages: Iterable[Body]) -> Holdings:
    """kt00018, all pages; `check_totals` checks them for consistency.

    The result has one holding per stock. A row that occurs twice (a repeated page) counts once,
    even if its price has changed. Other rows of the same stock (cash and each loan) are added
    up. Shares bought on credit need another kind of order (kt10007), so they count as held but
    not as sellable. Every page has the totals: the first page's are used, and missing ones are
    computed from the rows.
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
    """Return the holdings if the rows add up to the totals; raises WireError if they do not.

    A broker may briefly omit some rows or all of them; accepting such a response would empty the
    position book. Neither total includes fees: pur_amt and evlt_amt are price x quantity.
    """
    checks = (
        ("tot_pur_amt", held.total_cost, sum(item.cost for item in held.items), COST_TOLERANCE),
        ("tot_evlt_amt", held.total_value, sum(item.value for item in held.items), VALUE_TOLERANCE),
    )
    for name, total, added, share in checks:
        allowed = share * max(abs(total), abs(added)) + ROUNDING * len(held.items)
        if abs(total - added) > allowed:
            sum_of_rows = f"the sum of its {len(held.items)} holdings is {added:,}"
            raise WireError(
                f"kt00018.{name}",
                f"{total:,} won, but {sum_of_rows}",
                hint="The broker's response is inconsistent and was not used; try again soon.",
            )
    return held


def _holding(row: Row) -> Holding:
    """One row of kt00018."""
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
    """All rows of one stock as one holding; the prices are the last row's."""
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
    """ka10085, one page. Its rows have no rate of return: it is computed from price x quantity
    and the cost."""
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
    """A percentage with two decimals; 0 if the whole is 0."""
    return round(part / whole * 100, 2) if whole else 0.0

"""The part of a brief about the account and the markets, as tables."""

from __future__ import annotations

from collections.abc import Iterable

from kt.analyst.compact import age, amount, cell, decimal, exact, price, table
from kt.records import KST, AnalystRequest, MarketIndex

LESSONS = 1_500
PLAN = 1_500


def account_tables(brief: AnalystRequest) -> Iterable[str]:
    yield _time(brief)
    yield _limits(brief)
    yield _markets(brief)
    yield _sectors(brief)
    yield _positions(brief)
    yield _orders(brief)
    yield _sold(brief)
    if brief.plan:
        yield f"plan: {cell(brief.plan, PLAN)}"
    if brief.lessons:
        yield f"learnt: {cell(brief.lessons, LESSONS)}"


def _time(brief: AnalystRequest) -> str:
    told = f"asof: {brief.asof.astimezone(KST):%Y-%m-%d %a %H:%M:%S}"
    told += f", horizon {brief.horizon_minutes} minutes"
    session = brief.session
    if session is None:
        return told
    told += f", phase {session.phase}"
    if session.minutes_to_close is not None:
        told += f", minutes to last buy {session.minutes_to_last_buy}"
        told += f", to close {session.minutes_to_close}"
    return told


def _limits(brief: AnalystRequest) -> str:
    room, costs = brief.room, brief.costs
    left = None if room.invested is None else max(0, room.total_limit - room.invested)
    figures = {
        "cash": exact(brief.deposit.orderable),
        "per_stock_limit": exact(brief.per_stock_limit),
        "total_limit": exact(room.total_limit or None),
        "total_left": exact(left),
        "held": f"{len(brief.positions)} of {exact(room.stocks_limit or None)}",
        "realised_today": exact(brief.realised_today),
        "loss_used": f"{exact(room.loss_used)} of {exact(room.loss_limit or None)}",
        "orders": f"{room.orders_sent} of {exact(room.orders_limit or None)}",
        "return%": decimal(room.return_pct),
        "buy_cost%": decimal(costs.buy_pct if costs else None, 3),
        "sell_cost%": decimal(costs.sell_pct if costs else None, 3),
    }
    return table("account", list(figures), [list(figures.values())])


def _markets(brief: AnalystRequest) -> str:
    rows = []
    for state in brief.markets:
        index, whole = state.index, state.sectors[0] if state.sectors else None
        rows.append(
            [
                state.market.value,
                age(index.at if index else None, brief.asof),
                decimal(index.value if index else None, 0),
                decimal(index.change_pct if index else None),
                *(exact(n) for n in _breadth(state.index)),
                *(
                    amount(n)
                    for n in ((whole.foreign, whole.institution) if whole else (None,) * 2)
                ),
            ]
        )
    columns = ["age_s", "index", "chg%", "rising", "unchanged", "falling", "foreign", "institution"]
    return table("market", ["market", *columns], rows)


def _breadth(index: MarketIndex | None) -> tuple[int | None, int | None, int | None]:
    if index is None or not index.rising + index.unchanged + index.falling:
        return None, None, None
    return index.rising, index.unchanged, index.falling


def _sectors(brief: AnalystRequest) -> str:
    """The sectors of the stocks in question."""
    wanted = {(stock.market, _plain(stock.sector)) for stock in brief.stocks if stock.sector}
    rows = [
        [cell(s.name, 20), state.market.value, decimal(s.change_pct), amount(s.foreign),
         amount(s.institution)]
        for state in brief.markets
        for s in state.sectors
        if (state.market, _plain(s.name)) in wanted
    ]  # fmt: skip
    return table("sector", ["sector", "market", "chg%", "foreign", "institution"], rows)


def _plain(sector: str) -> str:
    """The list of stocks and the list of sectors spell names differently (`전기·전자`,
    `전기/전자`)."""
    return "".join(letter for letter in sector if letter.isalnum())


def _positions(brief: AnalystRequest) -> str:
    rows = [
        [p.stock_code, str(p.quantity), str(p.sellable), price(p.average_price), price(p.price),
         price(p.stop_price), price(p.target_price), exact(p.profit), decimal(p.profit_pct),
         f"{p.opened_at.astimezone(KST):%m-%d %H:%M}"]
        for p in brief.positions
    ]  # fmt: skip
    columns = ["code", "qty", "sellable", "average", "price", "stop", "target", "profit"]
    return table("position", [*columns, "profit%", "since"], rows)


def _orders(brief: AnalystRequest) -> str:
    rows = [
        [o.stock_code, o.side.value, f"{o.open_quantity}/{o.quantity}",
         str(o.price) if o.price else "market", f"{o.at.astimezone(KST):%H:%M:%S}",
         cell(o.status, 12)]
        for o in brief.open_orders
    ]  # fmt: skip
    return table("order", ["code", "side", "open/qty", "price", "at", "state"], rows)


def _sold(brief: AnalystRequest) -> str:
    """Today's sales with their reasons, so that nothing is bought back without thought."""
    rows = [
        [one.stock_code, cell(one.stock_name), str(one.quantity), price(one.price),
         one.origin.value, f"{one.at.astimezone(KST):%H:%M:%S}", cell(one.reason, 80)]
        for one in brief.sold_today
    ]  # fmt: skip
    return table("sold", ["code", "name", "qty", "price", "origin", "at", "why"], rows)

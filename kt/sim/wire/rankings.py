"""The four rankings on the wire: ka10023 surges, ka10030 volume, ka10032 value, ka10027 change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kt.records import Book, MarketName, Quote, Ranked, Ranking
from kt.sim.wire.frame import Call, Reply, Row, filled, names
from kt.sim.wire.values import (
    counter,
    direction,
    millions,
    plain_rate,
    price,
    rate,
    signed,
)

SURGE_FIELDS = names("""
stk_cd stk_nm cur_prc pred_pre_sig pred_pre flu_rt prev_trde_qty now_trde_qty sdnin_qty sdnin_rt
""")
VOLUME_FIELDS = names("""
stk_cd stk_nm cur_prc pred_pre_sig pred_pre flu_rt trde_qty pred_rt trde_tern_rt trde_amt
opmr_trde_qty opmr_pred_rt opmr_trde_rt opmr_trde_amt af_mkrt_trde_qty af_mkrt_pred_rt
af_mkrt_trde_rt af_mkrt_trde_amt bf_mkrt_trde_qty bf_mkrt_pred_rt bf_mkrt_trde_rt bf_mkrt_trde_amt
""")
VALUE_FIELDS = names("""
stk_cd now_rank pred_rank stk_nm cur_prc pred_pre_sig pred_pre flu_rt sel_bid buy_bid now_trde_qty
pred_trde_qty trde_prica
""")
CHANGE_FIELDS = names("""
stk_cls stk_cd stk_nm cur_prc pred_pre_sig pred_pre flu_rt sel_req buy_req now_trde_qty cntr_str cnt
""")
MARKETS = {"001": MarketName.KOSPI, "101": MarketName.KOSDAQ}
LEAST_PRICE = {
    "ka10023": {"2": 50_000, "5": 10_000, "6": 5_000, "8": 1_000, "9": 100_000},
    "ka10030": {"2": 1_000, "5": 5_000, "7": 10_000, "8": 50_000, "9": 100_000},
    "ka10027": {"5": 10_000, "8": 1_000},
}
"""The `at least` codes of the price filter; each API has its own."""
THOUSAND_SHARES = 1_000
VALUE_UNIT = 10_000_000
"""Value filters count in ten millions of won (1: 10 million, 10: 100 million …)."""

Keep = Callable[[Ranked], bool]


def _kept(call: Call, ranking: Ranking, keep: Keep) -> list[Ranked]:
    """One ranking, of the market asked about, through the request's filters."""
    market = MARKETS.get(call.text("mrkt_tp"))
    found = []
    for item in call.market.ranking(ranking):
        stock = call.instruments.get(item.stock_code)
        if market is not None and (stock is None or stock.market is not market):
            continue
        if keep(item):
            found.append(item)
    return found


def _keep(api: str, call: Call, volume: str = "", price_code: str = "", value: str = "") -> Keep:
    """Filters on volume (thousands of shares), price and value (ten millions)."""
    least_volume = (call.whole(volume) if volume else 0) * THOUSAND_SHARES
    least_value = (call.whole(value) if value else 0) * VALUE_UNIT
    least_price = LEAST_PRICE[api].get(call.text(price_code), 0)

    def keep(item: Ranked) -> bool:
        return (
            item.volume >= least_volume and item.value >= least_value and item.price >= least_price
        )

    return keep


def _stock(item: Ranked, call: Call) -> Row:
    base = call.base(item.stock_code)
    return {
        "stk_cd": item.stock_code,
        "stk_nm": item.stock_name,
        "cur_prc": price(item.price, base),
        "pred_pre_sig": direction(item.price, base),
        "pred_pre": signed(item.price - base),
        "flu_rt": rate(item.change_pct),
    }


def surges(call: Call) -> Reply:
    """ka10023: volume against yesterday's; sort 1 by shares, 2 by rate, 3 and 4 the other way."""
    found = _kept(call, Ranking.VOLUME_SURGE, _keep("ka10023", call, "trde_qty_tp", "pric_tp"))
    sort = call.text("sort_tp")
    by_rate = sort in {"2", "4"}
    found.sort(
        key=lambda item: (item.surge_pct or 0.0) if by_rate else item.volume - before(item),
        reverse=sort in {"1", "2"},
    )
    rows = [surge(item, call) for item in found]
    return Reply(rows_name="trde_qty_sdnin", rows=rows)


def earlier(volume: int, surge_pct: float) -> int:
    """The volume that a surge rate compares with."""
    return round(volume / (1 + surge_pct / 100)) if volume and surge_pct > -100 else 0


def before(item: Ranked) -> int:
    return earlier(item.volume, item.surge_pct or 0.0)


def surge(item: Ranked, call: Call) -> Row:
    compared = before(item)
    return filled(
        SURGE_FIELDS,
        "",
        **_stock(item, call),
        prev_trde_qty=counter(compared),
        now_trde_qty=counter(item.volume),
        sdnin_qty=signed(item.volume - compared),
        sdnin_rt=rate(item.surge_pct or 0.0),
    )


def volumes(call: Call) -> Reply:
    """ka10030: sort 1 volume, 2 turnover, 3 value; the value in millions of won."""
    keep = _keep("ka10030", call, "trde_qty_tp", "pric_tp", "trde_prica_tp")
    found = _kept(call, Ranking.VOLUME, keep)
    orders: dict[str, Callable[[Ranked], float]] = {
        "1": lambda item: item.volume,
        "2": lambda item: turnover(item, call),
        "3": lambda item: item.value,
    }
    found.sort(key=orders.get(call.text("sort_tp"), orders["1"]), reverse=True)
    surges = _surges(call)
    rows = [volume(item, surges.get(item.stock_code, 0.0), call) for item in found]
    return Reply(rows_name="tdy_trde_qty_upper", rows=rows)


def turnover(item: Ranked, call: Call) -> float:
    stock = call.instruments.get(item.stock_code)
    return item.volume / stock.listed_shares * 100 if stock and stock.listed_shares else 0.0


def _surges(call: Call) -> dict[str, float]:
    """Today's volume against yesterday's, in percent."""
    return {
        item.stock_code: item.surge_pct or 0.0 for item in call.market.ranking(Ranking.VOLUME_SURGE)
    }


def volume(item: Ranked, surge_pct: float, call: Call) -> Row:
    session = {
        "trde_qty": counter(item.volume),
        "pred_rt": rate(surge_pct),
        "trde_tern_rt": rate(turnover(item, call)),
        "trde_amt": millions(item.value),
    }
    regular = {
        "opmr_trde_qty": session["trde_qty"],
        "opmr_pred_rt": session["pred_rt"],
        "opmr_trde_rt": session["trde_tern_rt"],
        "opmr_trde_amt": session["trde_amt"],
    }
    rates = {name: "0.00" for name in VOLUME_FIELDS if name.endswith("_rt")}
    return filled(VOLUME_FIELDS, "0", **{**rates, **_stock(item, call), **session, **regular})


def values(call: Call) -> Reply:
    """ka10032: the value in millions of won."""
    found = _kept(call, Ranking.VALUE, lambda item: True)
    quotes, surges = _quotes(call, found), _surges(call)
    rows = []
    for position, item in enumerate(found, 1):
        quote, base = quotes[item.stock_code], call.base(item.stock_code)
        rows.append(
            filled(
                VALUE_FIELDS,
                "0",
                **_stock(item, call),
                now_rank=str(position),
                pred_rank=str(position),
                sel_bid=price(quote.ask, base),
                buy_bid=price(quote.bid, base),
                now_trde_qty=counter(item.volume),
                pred_trde_qty=counter(earlier(item.volume, surges.get(item.stock_code, 0.0))),
                trde_prica=millions(item.value),
            )
        )
    return Reply(rows_name="trde_prica_upper", rows=rows)


def _quotes(call: Call, items: Sequence[Ranked]) -> dict[str, Quote]:
    return {
        quote.stock_code: quote for quote in call.market.quotes([item.stock_code for item in items])
    }


def changes(call: Call) -> Reply:
    """ka10027: sort 1, 2 rising by rate or won; 3, 4 falling; 5 unchanged."""
    keep = _keep("ka10027", call, "trde_qty_cnd", "pric_cnd", "trde_prica_cnd")
    found = [
        item
        for item in _kept(call, Ranking.CHANGE, keep)
        if _moves(item.change_pct, call.text("sort_tp"))
    ]
    by_won = call.text("sort_tp") in {"2", "4"}
    found.sort(
        key=lambda item: (
            abs(item.price - call.base(item.stock_code)) if by_won else abs(item.change_pct)
        ),
        reverse=True,
    )
    rows = [change(item, call) for item in found]
    return Reply(rows_name="pred_pre_flu_rt_upper", rows=rows)


def _moves(change_pct: float, sort: str) -> bool:
    if sort in {"1", "2"}:
        return change_pct > 0
    return change_pct < 0 if sort in {"3", "4"} else change_pct == 0


def change(item: Ranked, call: Call) -> Row:
    book: Book = call.market.book(item.stock_code)
    return filled(
        CHANGE_FIELDS,
        "0",
        **_stock(item, call),
        sel_req=counter(book.total_ask),
        buy_req=counter(book.total_bid),
        now_trde_qty=counter(item.volume),
        cntr_str=plain_rate(item.strength or 0.0),
        cnt="1",
    )

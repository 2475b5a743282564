"""Formats the rankings: ka10023 volume surge, ka10030 volume, ka10032 value, ka10027 change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

from kt import api_catalog
from kt.records import Book, Interval, Quote, Ranked, Ranking
from kt.sim.wire import filters
from kt.sim.wire.call import Call, CallReply, Row, filled
from kt.sim.wire.values import (
    counter,
    direction,
    millions,
    plain_rate,
    price,
    rate,
    signed,
)

SURGES = api_catalog.api("ka10023")
VOLUMES = api_catalog.api("ka10030")
VALUES = api_catalog.api("ka10032")
CHANGES = api_catalog.api("ka10027")
OUT_OF_HOURS = frozenset("23")
"""mrkt_open_tp for before and after the session, when there are no trades here."""
MOST_MINUTES = 99


class SurgeRow(NamedTuple):
    """A stock's volume and the earlier volume it is compared with."""

    item: Ranked
    before: int
    percent: float

    @property
    def shares(self) -> int:
        return self.item.volume - self.before


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


def surges(call: Call) -> CallReply:
    """ka10023."""
    rows = [surge(one, call) for one in surging(call)]
    return CallReply(rows_name=SURGES.row_list, rows=rows)


def surging(call: Call) -> list[SurgeRow]:
    """Sorted by rising shares (1) or rate (2), or by falling ones (3, 4). Compared with yesterday
    at this time (tm_tp 2), or with the day's volume up to `tm` minutes ago (1)."""
    before = _minutes_ago(call) if call.text("tm_tp") == "1" else yesterday
    found = filters.filtered(
        call, Ranking.VOLUME_SURGE, SURGES.api_id,
        volume="trde_qty_tp", price="pric_tp", condition="stk_cnd",
    )  # fmt: skip
    surges = [before(item) for item in found]
    sort = call.text("sort_tp")
    if falling := sort in {"3", "4"}:
        surges = [one for one in surges if one.shares < 0]
    by_rate = sort in {"2", "4"}
    surges.sort(key=lambda one: one.percent if by_rate else one.shares, reverse=not falling)
    return surges


def volume_before(volume: int, surge_pct: float) -> int:
    """The earlier volume, computed back from the surge rate."""
    return round(volume / (1 + surge_pct / 100)) if volume and surge_pct > -100 else 0


def yesterday(item: Ranked) -> SurgeRow:
    percent = item.surge_pct or 0.0
    return SurgeRow(item, volume_before(item.volume, percent), percent)


def _minutes_ago(call: Call) -> Callable[[Ranked], SurgeRow]:
    """Compares with the day's volume `tm` minutes ago (1 by default)."""
    minutes = min(MOST_MINUTES, max(1, call.whole("tm")))
    since = call.now - timedelta(minutes=minutes)

    def before(item: Ranked) -> SurgeRow:
        bars = call.market.bars(item.stock_code, Interval.MINUTE, minutes + 1)
        volume = max(0, item.volume - sum(bar.volume for bar in bars if bar.at > since))
        return SurgeRow(item, volume, (item.volume - volume) / max(1, volume) * 100)

    return before


def surge(one: SurgeRow, call: Call) -> Row:
    return filled(
        SURGES.row_fields,
        "",
        **_stock(one.item, call),
        prev_trde_qty=counter(one.before),
        now_trde_qty=counter(one.item.volume),
        sdnin_qty=signed(one.shares),
        sdnin_rt=rate(one.percent),
    )


def volumes(call: Call) -> CallReply:
    """ka10030; values in millions of won."""
    surges = _surges(call)
    rows = [volume(item, surges.get(item.stock_code, 0.0), call) for item in by_volume(call)]
    return CallReply(rows_name=VOLUMES.row_list, rows=rows)


def by_volume(call: Call) -> list[Ranked]:
    """Sorted by volume (1), turnover rate (2) or value (3)."""
    found = filters.filtered(
        call, Ranking.VOLUME, VOLUMES.api_id, volume="trde_qty_tp", price="pric_tp",
        value="trde_prica_tp", condition="mang_stk_incls", credit="crd_tp",
    )  # fmt: skip
    if call.text("mrkt_open_tp") in OUT_OF_HOURS:
        found = []
    orders: dict[str, Callable[[Ranked], float]] = {
        "1": lambda item: item.volume,
        "2": lambda item: turnover(item, call),
        "3": lambda item: item.value,
    }
    found.sort(key=orders.get(call.text("sort_tp"), orders["1"]), reverse=True)
    return found


def turnover(item: Ranked, call: Call) -> float:
    stock = call.instruments.get(item.stock_code)
    return item.volume / stock.listed_shares * 100 if stock and stock.listed_shares else 0.0


def _surges(call: Call) -> dict[str, float]:
    """Today's volume compared with yesterday's, in percent, by stock code."""
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
    rates = {name: "0.00" for name in VOLUMES.row_fields if name.endswith("_rt")}
    return filled(VOLUMES.row_fields, "0", **{**rates, **_stock(item, call), **session, **regular})


def values(call: Call) -> CallReply:
    """ka10032: by traded value, in millions of won."""
    found = by_value(call)
    quotes, surges = _quotes(call, found), _surges(call)
    rows = []
    for position, item in enumerate(found, 1):
        quote, base = quotes[item.stock_code], call.base(item.stock_code)
        rows.append(
            filled(
                VALUES.row_fields,
                "0",
                **_stock(item, call),
                now_rank=str(position),
                pred_rank=str(position),
                sel_bid=price(quote.ask, base),
                buy_bid=price(quote.bid, base),
                now_trde_qty=counter(item.volume),
                pred_trde_qty=counter(volume_before(item.volume, surges.get(item.stock_code, 0.0))),
                trde_prica=millions(item.value),
            )
        )
    return CallReply(rows_name=VALUES.row_list, rows=rows)


def by_value(call: Call) -> list[Ranked]:
    """By traded value."""
    return filters.without_managed(call, filters.filtered(call, Ranking.VALUE))


def _quotes(call: Call, items: Sequence[Ranked]) -> dict[str, Quote]:
    return {
        quote.stock_code: quote for quote in call.market.quotes([item.stock_code for item in items])
    }


def changes(call: Call) -> CallReply:
    """ka10027."""
    rows = [change(item, call) for item in by_change(call)]
    return CallReply(rows_name=CHANGES.row_list, rows=rows)


def by_change(call: Call) -> list[Ranked]:
    """Rising by rate (1) or won (2), falling by rate (3) or won (4), unchanged (5)."""
    asked = filters.filtered(
        call, Ranking.CHANGE, CHANGES.api_id, volume="trde_qty_cnd", price="pric_cnd",
        value="trde_prica_cnd", condition="stk_cnd", credit="crd_cnd",
    )  # fmt: skip
    found = [
        item
        for item in filters.within_limits(call, asked)
        if _moves(item.change_pct, call.text("sort_tp"))
    ]
    by_won = call.text("sort_tp") in {"2", "4"}
    found.sort(
        key=lambda item: (
            abs(item.price - call.base(item.stock_code)) if by_won else abs(item.change_pct)
        ),
        reverse=True,
    )
    return found


def _moves(change_pct: float, sort: str) -> bool:
    if sort in {"1", "2"}:
        return change_pct > 0
    return change_pct < 0 if sort in {"3", "4"} else change_pct == 0


def change(item: Ranked, call: Call) -> Row:
    book: Book = call.market.book(item.stock_code)
    return filled(
        CHANGES.row_fields,
        "0",
        **_stock(item, call),
        sel_req=counter(book.total_ask),
        buy_req=counter(book.total_bid),
        now_trde_qty=counter(item.volume),
        cntr_str=plain_rate(item.strength or 0.0),
        cnt="1",
    )

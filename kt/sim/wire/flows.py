"""Formats investor flows (ka10008, ka10045, ka10059) and trade strength (ka10046)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from kt import api_catalog
from kt.errors import UnknownStock
from kt.records import Flow, ForeignHolding, InstitutionDay, Strength
from kt.sim.wire.call import Call, CallReply, Row, filled
from kt.sim.wire.values import (
    change_pct,
    clock,
    counter,
    direction,
    millions,
    plain_rate,
    price,
    rate,
    signed,
)

FOREIGN = api_catalog.api("ka10008")
INSTITUTIONS = api_catalog.api("ka10045")
STRENGTH = api_catalog.api("ka10046")
INVESTORS = api_catalog.api("ka10059")
ROWS_KEPT = 8_000
"""100 days of the 50 stocks that a deep scan asks about, and some more; 2 KB each."""
INSTITUTION_SPLIT_PCT = {
    "fnnc_invt": 40,
    "penfnd_etc": 25,
    "invtrt": 20,
    "insrnc": 5,
    "samo_fund": 5,
    "bank": 3,
    "etc_fnnc": 2,
}
"""How the institutions' total is split by kind, in percent; the first also takes the rounding
remainder."""
VOLUME_SHARE_PCT = {"individual": 60, "foreign": 25, "institution": 15}
"""Each investor type's share of the volume in percent, for gross buying and selling."""


def foreign(call: Call) -> CallReply:
    """ka10008, newest first; weights are signed."""
    try:
        days = call.market.foreign(call.code())
    except UnknownStock:
        days = ()
    closes = [item.close for item in days]
    rows = [_foreign(item, before) for item, before in zip(days, _earlier(closes), strict=True)]
    return CallReply(rows_name=FOREIGN.row_list, rows=rows)


def _earlier(closes: Sequence[int]) -> list[int]:
    """Each day's previous close, newest first; the oldest day gets its own close."""
    return [*closes[1:], *closes[-1:]]


def _foreign(item: ForeignHolding, before: int) -> Row:
    limit = round(item.shares * 100 / item.weight_pct) if item.weight_pct else item.shares
    return filled(
        FOREIGN.row_fields,
        "0",
        dt=item.day.strftime("%Y%m%d"),
        close_pric=price(item.close, before),
        pred_pre=signed(item.close - before),
        trde_qty=counter(item.volume),
        chg_qty=str(item.change),
        poss_stkcnt=str(item.shares),
        wght=rate(item.weight_pct),
        gain_pos_stkcnt=str(limit - item.shares),
        frgnr_limit=str(limit),
        limit_exh_rt=rate(item.weight_pct),
    )


def institutions(call: Call) -> CallReply:
    """ka10045 for the requested days: daily net buying and its sum over the period."""
    start, end = call.date("strt_dt"), call.date("end_dt")
    try:
        days = call.market.institutions(call.code(), start, end)
        weights = {item.day: item.weight_pct for item in call.market.foreign(call.code())}
    except UnknownStock:
        days, weights = (), {}
    average = str(sum(item.close for item in days) // len(days)) if days else "0"
    closes = [item.close for item in days]
    rows = [
        _institution(item, before, weights.get(item.day, 0.0))
        for item, before in zip(days, _earlier(closes), strict=True)
    ]
    fields = {"orgn_prsm_avg_pric": average, "for_prsm_avg_pric": average}
    return CallReply(fields, INSTITUTIONS.row_list, rows)


def _institution(item: InstitutionDay, before: int, weight: float) -> Row:
    return filled(
        INSTITUTIONS.row_fields,
        "0",
        dt=item.day.strftime("%Y%m%d"),
        close_pric=price(item.close, before),
        pre_sig=direction(item.close, before),
        pred_pre=signed(item.close - before),
        flu_rt=rate(change_pct(item.close, before)),
        trde_qty=counter(item.volume),
        orgn_dt_acc=str(item.institution_total),
        orgn_daly_nettrde_qty=str(item.institution),
        for_dt_acc=str(item.foreign_total),
        for_daly_nettrde_qty=str(item.foreign),
        limit_exh_rt=rate(weight),
    )


def strength(call: Call) -> CallReply:
    """ka10046, newest first; the accumulated volume counts down from today's total."""
    code = call.code()
    try:
        quote, found = call.market.quote(code), call.market.strength(code)
    except UnknownStock:
        return CallReply(rows_name=STRENGTH.row_list)
    rows, volume, value = [], quote.volume, quote.value
    for item in found:
        rows.append(_strength(item, quote.base_price, volume, value))
        volume, value = max(0, volume - item.volume), max(0, value - item.volume * item.price)
    return CallReply(rows_name=STRENGTH.row_list, rows=rows)


def _strength(item: Strength, base: int, volume: int, value: int) -> Row:
    return filled(
        STRENGTH.row_fields,
        "",
        cntr_tm=clock(item.at),
        cur_prc=price(item.price, base),
        pred_pre=signed(item.price - base),
        pred_pre_sig=direction(item.price, base),
        flu_rt=rate(change_pct(item.price, base)),
        trde_qty=counter(item.volume),
        acc_trde_prica=millions(value),
        acc_trde_qty=counter(volume),
        cntr_str=plain_rate(item.strength),
        cntr_str_5min=plain_rate(item.strength_5m),
        cntr_str_20min=plain_rate(item.strength_20m),
        cntr_str_60min=plain_rate(item.strength_60m),
        stex_tp="KRX",
    )


def investors(call: Call) -> CallReply:
    """ka10059 from the requested day backwards: in shares (amt_qty_tp 2) or millions of won (1);
    net, bought or sold."""
    last = call.date("dt")
    try:
        days = [item for item in call.market.flow(call.code()) if item.day <= last]
    except UnknownStock:
        days = []
    shape = call.text("trde_tp"), call.text("amt_qty_tp"), call.text("unit_tp")
    rows = [
        _investors(item, before, *shape)
        for item, before in zip(days, _earlier([item.price for item in days]), strict=True)
    ]
    return CallReply(rows_name=INVESTORS.row_list, rows=rows)


@lru_cache(maxsize=ROWS_KEPT)
def _investors(item: Flow, before: int, kind: str, amount: str, unit: str) -> Row:
    """One day's row; a finished day's is asked for again and again."""
    value = item.volume * item.price
    return filled(
        INVESTORS.row_fields,
        "0",
        dt=item.day.strftime("%Y%m%d"),
        cur_prc=price(item.price, before),
        pre_sig=direction(item.price, before),
        pred_pre=signed(item.price - before),
        # Only this API omits the decimal point: +698 is 6.98 %.
        flu_rt=signed(round(change_pct(item.price, before) * 100)),
        acc_trde_qty=counter(item.volume),
        acc_trde_prica=millions(value),
        **_nets(item, kind, amount, unit),
    )


def _nets(item: Flow, kind: str, amount: str, unit: str) -> Row:
    def shown_of(net: int, investor: str) -> int:
        return _shown(net, item, investor, kind, amount, unit)

    shown = {
        "ind_invsr": shown_of(item.individual, "individual"),
        "frgnr_invsr": shown_of(item.foreign, "foreign"),
        "orgn": shown_of(item.institution, "institution"),
    }
    parts = {name: shown["orgn"] * part // 100 for name, part in INSTITUTION_SPLIT_PCT.items()}
    parts["fnnc_invt"] += shown["orgn"] - sum(parts.values())
    rest = -(item.individual + item.foreign + item.institution)
    shown["etc_corp"] = _scaled(rest, item, amount, unit) if kind == "0" else 0
    return {name: str(amount) for name, amount in {**shown, **parts}.items()}


def _shown(net: int, item: Flow, investor: str, kind: str, amount: str, unit: str) -> int:
    """Net buying (0), or the gross bought (1) or sold (2) amount of one investor type."""
    if kind in {"", "0"}:
        return _scaled(net, item, amount, unit)
    gross = max(abs(net), item.volume * VOLUME_SHARE_PCT[investor] // 100)
    bought = (gross + net) // 2
    return _scaled(bought if kind == "1" else gross - bought, item, amount, unit)


def _scaled(shares: int, item: Flow, amount: str, unit: str) -> int:
    if amount == "1":
        return round(shares * item.price / 1_000_000)
    return shares if unit == "1" else round(shares / 1_000)

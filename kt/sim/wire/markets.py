"""Formats what is told of a market as a whole: its index (ka20001), its sectors (ka10051), the
stocks that were bought most (ka10131)."""

from __future__ import annotations

from kt import api_catalog
from kt.records import BuyingStreak, MarketName, SectorFlow
from kt.sim.wire import error_bodies
from kt.sim.wire.call import SHOWN, Call, CallReply, Row, filled
from kt.sim.wire.values import clock, direction, rate, signed

INDEX = api_catalog.api("ka20001")
SECTOR_FLOWS = api_catalog.api("ka10051")
STREAKS = api_catalog.api("ka10131")
BY_INDEX = {"001": MarketName.KOSPI, "101": MarketName.KOSDAQ}
BY_SECTOR = {"0": MarketName.KOSPI, "1": MarketName.KOSDAQ}
SECTOR_CODES = {MarketName.KOSPI: 1, MarketName.KOSDAQ: 101}
"""The code of the first sector, the whole market; the following ones are counted up."""
BASE = 100_000
"""The index of every sector at yesterday's close, without its point: 1,000.00."""


def index(call: Call) -> CallReply:
    """ka20001 of the two markets as a whole; other sectors are not followed. Its list by time has
    one row, of now."""
    market = BY_INDEX.get(call.text("inds_cd"))
    if market is None:
        raise error_bodies.bad_field("inds_cd", "001, 101 만 제공합니다")
    found = call.market.index(market)
    rate_sign = direction(round(100 * found.change), 0)
    sign = {"2": "+", "5": "-", "3": ""}[rate_sign]
    value = f"{sign}{found.value:.2f}"
    told = filled(
        INDEX.fields,
        "0",
        cur_prc=value,
        pred_pre_sig=rate_sign,
        pred_pre=rate(found.change),
        flu_rt=rate(found.change_pct),
        rising=str(found.rising),
        stdns=str(found.unchanged),
        fall=str(found.falling),
    )
    row = filled(
        INDEX.row_fields,
        "",
        tm_n=clock(found.at or call.now),
        cur_prc_n=value,
        pred_pre_sig_n=rate_sign,
        pred_pre_n=rate(found.change),
        flu_rt_n=rate(found.change_pct),
        trde_qty_n="0",
        acc_trde_qty_n="0",
    )
    return CallReply(told, INDEX.row_list, [row], message=SHOWN)


def sectors(call: Call) -> CallReply:
    """ka10051: index and rate without their point (`352` is 3.52 %), net buying signed."""
    market = BY_SECTOR.get(call.text("mrkt_tp"))
    if market is None:
        raise error_bodies.bad_field("mrkt_tp", "0, 1 만 제공합니다")
    first = SECTOR_CODES[market]
    rows = [
        _sector(found, f"{number:03d}")
        for number, found in enumerate(call.market.sectors(market), first)
    ]
    return CallReply(rows_name=SECTOR_FLOWS.row_list, rows=rows)


def _sector(found: SectorFlow, code: str) -> Row:
    change = round(found.change_pct * BASE / 100)
    return filled(
        SECTOR_FLOWS.row_fields,
        "+0",
        inds_cd=code,
        inds_nm=found.name,
        cur_prc=f"{'-' if change < 0 else '+'}{BASE + change}",
        pre_smbol=direction(change, 0),
        pred_pre=signed(change),
        flu_rt=str(round(found.change_pct * 100)),
        trde_qty="0",
        ind_netprps=f"{found.individual:+d}",
        frgnr_netprps=f"{found.foreign:+d}",
        orgn_netprps=f"{found.institution:+d}",
    )


def streaks(call: Call) -> CallReply:
    """ka10131 in shares over five days; other periods are not followed."""
    market = BY_INDEX.get(call.text("mrkt_tp"))
    if market is None:
        raise error_bodies.bad_field("mrkt_tp", "001, 101 만 제공합니다")
    if call.text("dt") != "5":
        raise error_bodies.bad_field("dt", "5 만 제공합니다")
    found = call.market.streaks(market)
    rows = [_streak(streak, rank) for rank, streak in enumerate(found, 1)]
    return CallReply(rows_name=STREAKS.row_list, rows=rows)


def _streak(streak: BuyingStreak, rank: int) -> Row:
    total = streak.institution + streak.foreign
    return filled(
        STREAKS.row_fields,
        "+0",
        rank=str(rank),
        stk_cd=streak.stock_code,
        stk_nm=streak.stock_name,
        prid_stkpc_flu_rt=rate(streak.change_pct),
        orgn_nettrde_qty=f"{streak.institution:+d}",
        orgn_cont_netprps_dys=f"{streak.institution_days:+d}",
        frgnr_nettrde_qty=f"{streak.foreign:+d}",
        frgnr_cont_netprps_dys=f"{streak.foreign_days:+d}",
        nettrde_qty=f"{total:+d}",
        tot_cont_netprps_dys=f"{streak.institution_days + streak.foreign_days:+d}",
    )

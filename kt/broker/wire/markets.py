"""Parses what is told of a market as a whole: its index, its sectors, who bought its stocks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from kt import api_catalog
from kt.broker.wire.row import OnFault, Row, tolerant
from kt.records import BuyingStreak, MarketIndex, MarketName, SectorFlow

Body = Mapping[str, object]

INDICES = {
    MarketName.KOSPI: {"mrkt_tp": "0", "inds_cd": "001"},
    MarketName.KOSDAQ: {"mrkt_tp": "1", "inds_cd": "101"},
}
"""The request body of ka20001 for a market's own index."""
SECTOR_MARKETS = {MarketName.KOSPI: "0", MarketName.KOSDAQ: "1"}
"""mrkt_tp of ka10051."""
STREAK_MARKETS = {MarketName.KOSPI: "001", MarketName.KOSDAQ: "101"}
"""mrkt_tp of ka10131."""


def index(body: Body, today: date) -> MarketIndex:
    """ka20001: a market index. The value's sign is its direction; those of the changes are
    arithmetic. Its time is that of the newest row of the list by time, if there is one."""
    row = Row(body, "ka20001")
    return MarketIndex(
        value=abs(row.rate("cur_prc")),
        change=row.rate("pred_pre"),
        change_pct=row.rate("flu_rt"),
        rising=row.integer("rising", 0),
        unchanged=row.integer("stdns", 0),
        falling=row.integer("fall", 0),
        at=_newest(body, today),
    )


def _newest(body: Body, today: date) -> datetime | None:
    if not isinstance(body.get(api_catalog.api("ka20001").row_list), list):
        return None
    times = tolerant(body, "ka20001", lambda row: row.moment("tm_n", today), lambda fault: None)
    return max(times, default=None)


def sectors(body: Body, on_fault: OnFault) -> list[SectorFlow]:
    """ka10051. The rate is computed: the broker sends it without its decimal point (`352` is
    3.52 %), as it does the index and its change."""

    def one(row: Row) -> SectorFlow:
        now, change = abs(row.rate("cur_prc")), row.rate("pred_pre")
        before = now - change
        return SectorFlow(
            name=row.text("inds_nm"),
            change_pct=round(100 * change / before, 2) if before else 0.0,
            individual=row.integer("ind_netprps", 0),
            foreign=row.integer("frgnr_netprps", 0),
            institution=row.integer("orgn_netprps", 0),
        )

    return tolerant(body, "ka10051", one, on_fault)


def streaks(body: Body, on_fault: OnFault) -> list[BuyingStreak]:
    """ka10131. The days in a row are in the document's example only, so they may be missing."""

    def one(row: Row) -> BuyingStreak:
        return BuyingStreak(
            stock_code=row.code("stk_cd"),
            stock_name=row.text("stk_nm", ""),
            change_pct=row.rate("prid_stkpc_flu_rt", 0.0),
            institution=row.integer("orgn_nettrde_qty", 0),
            foreign=row.integer("frgnr_nettrde_qty", 0),
            institution_days=row.integer("orgn_cont_netprps_dys", 0),
            foreign_days=row.integer("frgnr_cont_netprps_dys", 0),
        )

    return tolerant(body, "ka10131", one, on_fault)

"""Parses the four rankings of the fast scan."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from kt.broker.wire.row import OnFault, Row, tolerant
from kt.broker.wire.units import turnover
from kt.records import Ranked, Ranking


@dataclass(frozen=True, slots=True)
class Shape:
    """The API of a ranking and the names of its fields."""

    api_id: str
    volume: str
    value: str = ""
    surge: str = ""
    strength: str = ""


SHAPES: dict[Ranking, Shape] = {
    Ranking.VOLUME_SURGE: Shape("ka10023", "now_trde_qty", surge="sdnin_rt"),
    Ranking.VOLUME: Shape("ka10030", "trde_qty", value="trde_amt"),
    Ranking.VALUE: Shape("ka10032", "now_trde_qty", value="trde_prica"),
    Ranking.CHANGE: Shape("ka10027", "now_trde_qty", strength="cntr_str"),
}


def ranked(body: Mapping[str, object], ranking: Ranking, on_fault: OnFault) -> list[Ranked]:
    """Best first. A saturated volume (4294967295) is kept: it means "at least"."""
    shape = SHAPES[ranking]
    places = itertools.count(1)

    def one(row: Row) -> Ranked:
        place = next(places)
        price, volume = row.price("cur_prc"), row.price(shape.volume, 0)
        traded = row.integer(shape.value, 0) if shape.value else 0
        return Ranked(
            ranking=ranking,
            rank=place,
            stock_code=row.code("stk_cd"),
            stock_name=row.text("stk_nm"),
            price=price,
            change_pct=row.rate("flu_rt"),
            volume=volume,
            value=turnover(traded, volume, price),
            surge_pct=row.rate(shape.surge) if shape.surge else None,
            strength=row.rate(shape.strength) if shape.strength else None,
        )

    return tolerant(body, shape.api_id, one, on_fault)

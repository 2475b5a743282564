"""The four rankings of the whole market at a moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kt.records import Ranked, Ranking
from kt.sim.market.board import Board, Moment
from kt.sim.market.listing import Listing
from kt.sim.market.path import SessionPath


@dataclass(frozen=True, slots=True)
class _Row:
    listing: Listing
    path: SessionPath
    price: int
    volume: int
    change_pct: float
    value: int
    surge_pct: float | None


_ORDER: dict[Ranking, Callable[[_Row], float]] = {
    Ranking.VOLUME_SURGE: lambda row: row.surge_pct or 0.0,
    Ranking.VOLUME: lambda row: row.volume,
    Ranking.VALUE: lambda row: row.value,
    Ranking.CHANGE: lambda row: row.change_pct,
}


def rank(board: Board, moment: Moment, ranking: Ranking) -> tuple[Ranked, ...]:
    """Every stock that has traded, best first."""
    wants_surge = ranking is Ranking.VOLUME_SURGE
    rows = [_row(board, listing, moment, wants_surge) for listing in board.listings]
    traded = [row for row in rows if row.volume]
    traded.sort(key=lambda row: (-_ORDER[ranking](row), row.listing.code))
    return tuple(_ranked(row, ranking, at, moment) for at, row in enumerate(traded, start=1))


def _row(board: Board, listing: Listing, moment: Moment, wants_surge: bool) -> _Row:
    path = board.path(listing.code, moment.session)
    price, volume = path.price_at(moment.second), path.volume_at(moment.second)
    return _Row(
        listing=listing,
        path=path,
        price=price,
        volume=volume,
        change_pct=round(100 * (price - path.base) / path.base, 2),
        value=path.value_at(moment.second),
        surge_pct=_surge(board, listing, moment, volume) if wants_surge else None,
    )


def _surge(board: Board, listing: Listing, moment: Moment, volume: int) -> float:
    """The change of volume against the previous session at the same time, in percent."""
    before, skip = moment.session - 1, board.skip(moment.session - 1)
    usual = board.chain.volume_by(listing, before, skip, moment.second)
    if not usual:
        return 0.0
    return round(100 * (volume - usual) / usual, 2)


def _ranked(row: _Row, ranking: Ranking, at: int, moment: Moment) -> Ranked:
    return Ranked(
        ranking=ranking,
        rank=at,
        stock_code=row.listing.code,
        stock_name=row.listing.name,
        price=row.price,
        change_pct=row.change_pct,
        volume=row.volume,
        value=row.value,
        surge_pct=row.surge_pct,
        strength=row.path.strength_at(moment.second) if ranking is Ranking.CHANGE else None,
    )

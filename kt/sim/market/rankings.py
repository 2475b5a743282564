"""The four rankings of the whole market at a moment."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from kt.records import Ranked, Ranking
from kt.sim.market.board import Board, Moment
from kt.sim.market.noise import hundredths
from kt.sim.market.path import Traded
from kt.sim.market.session_days import AUCTION_SECOND

_ORDER: dict[Ranking, Callable[[Traded], float]] = {
    Ranking.VOLUME: attrgetter("volume"),
    Ranking.VALUE: attrgetter("value"),
    Ranking.CHANGE: attrgetter("change_pct"),
}


def rank(board: Board, moment: Moment, ranking: Ranking) -> tuple[Ranked, ...]:
    """Every stock that has traded, best first."""
    traded = board.traded(moment)
    surges = _surges(board, moment) if ranking is Ranking.VOLUME_SURGE else None
    order = surges or [_ORDER[ranking](figures) for figures in traded]
    # Sorting keeps the order of equals, which is that of the codes.
    places = [place for place in board.by_code if traded[place].volume]
    places.sort(key=order.__getitem__, reverse=True)
    strength = _strengths(board, moment) if ranking is Ranking.CHANGE else None
    listings, found = board.listings, []
    for at, place in enumerate(places, start=1):
        listing, (price, volume, value, change_pct) = listings[place], traded[place]
        found.append(
            Ranked(
                ranking=ranking,
                rank=at,
                stock_code=listing.code,
                stock_name=listing.name,
                price=price,
                change_pct=change_pct,
                volume=volume,
                value=value,
                surge_pct=surges[place] if surges else None,
                strength=strength(place) if strength else None,
            )
        )
    return tuple(found)


def _strengths(board: Board, moment: Moment) -> Callable[[int], float]:
    """Trade strength now by place among the listings."""
    paths, traded, second = board.paths(moment), board.traded(moment), moment.second
    if not 0 <= second < AUCTION_SECOND:
        return lambda place: paths[place].strength_at(second)
    minute = second // 60
    return lambda place: paths[place].strength_at(
        second, 0, traded[place].volume - paths[place].cumulative[minute]
    )


def _surges(board: Board, moment: Moment) -> list[float]:
    """The change of volume against the previous session at the same time, in percent."""
    before = moment.session - 1
    usual = board.daily(
        moment,
        "volumes before",
        lambda: [
            board.chain.volumes(listing, before, board.skip(before)) for listing in board.listings
        ],
    )
    found = []
    for traded, by in zip(board.traded(moment), usual, strict=True):
        then = by(moment.second)
        found.append(hundredths(100 * (traded.volume - then) / then) if then else 0.0)
    return found

"""Two sample condition searches. The broker's own are made in its trading program; accounts here
have these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kt.errors import UnknownCondition
from kt.records import Ranked, Ranking
from kt.sim.market import rankings
from kt.sim.market.board import Board, Moment

CONDITION = "condition:"


@dataclass(frozen=True, slots=True)
class Condition:
    """A saved search: the rows of a ranking that pass a test, in the ranking's order."""

    name: str
    ranking: Ranking
    passes: Callable[[Ranked], bool]


def _surging(row: Ranked) -> bool:
    return (row.surge_pct or 0.0) >= 200 and row.change_pct > 0


def _bought(row: Ranked) -> bool:
    return (row.strength or 0.0) >= 110 and row.change_pct >= 1


CONDITIONS = (
    Condition("거래량 급증", Ranking.VOLUME_SURGE, _surging),
    Condition("체결강도 상승", Ranking.CHANGE, _bought),
)
"""Volume at least three times yesterday's by this time, and rising; trade strength of at least
110, and up by at least 1 %."""


def matches(board: Board, moment: Moment, name: str) -> tuple[Ranked, ...]:
    """The stocks that match a condition now. Raises UnknownCondition."""
    found = next((condition for condition in CONDITIONS if condition.name == name), None)
    if found is None:
        raise UnknownCondition(name, tuple(condition.name for condition in CONDITIONS))
    rows = filter(found.passes, rankings.rank(board, moment, found.ranking))
    return tuple(
        Ranked(
            ranking=CONDITION + name,
            rank=place,
            stock_code=row.stock_code,
            stock_name=row.stock_name,
            price=row.price,
            change_pct=row.change_pct,
            volume=row.volume,
        )
        for place, row in enumerate(rows, 1)
    )

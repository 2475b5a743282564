"""A candidate's score, 0 to 100, as a sum of named parts that can be checked by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import Any

import msgspec

from kt.records import Book, BrokerActivity, Candidate, Flow, Ranked, Ranking, Strength

RANK_POINTS: dict[Ranking, float] = {
    Ranking.VOLUME_SURGE: 30.0,
    Ranking.VALUE: 25.0,
    Ranking.CHANGE: 20.0,
    Ranking.VOLUME: 15.0,
}
"""Points for the first place of a ranking; the hundredth place gets none."""

_RISE_POINTS = 10.0
_FAST_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class ScorePart:
    """One part of the score: its points, its maximum, and the number behind it."""

    name: str
    points: float
    most: float
    detail: str

    def __str__(self) -> str:
        return f"{self.name} {self.detail}: {self.points:.1f} of {self.most:g}"


@dataclass(frozen=True, slots=True)
class Score:
    parts: tuple[ScorePart, ...]

    @property
    def total(self) -> float:
        """0..100, to one digit."""
        return round(min(100.0, max(0.0, sum(part.points for part in self.parts))), 1)

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(str(part) for part in self.parts)


def fast_score(rows: Sequence[Ranked]) -> Score:
    """The score of one stock from its places in the rankings and its change today."""
    places: dict[Ranking, Ranked] = {}
    for row in rows:
        if row.ranking not in places or row.rank < places[row.ranking].rank:
            places[row.ranking] = row
    parts = [
        _place(ranking, places[ranking], most)
        for ranking, most in RANK_POINTS.items()
        if ranking in places
    ]
    return Score((*parts, _rise(rows[0].change_pct)))


def deep_candidate(candidate: Candidate, answers: Mapping[str, Any]) -> Candidate:
    """The candidate after the deep scan, with the fetched figures and the new score.

    `answers` by the Market's method (see DEEP_SCAN), lists newest first. A figure that could not be
    fetched counts half: neither for nor against the stock.
    """
    figures = {item.name: item.figure(answers) for item in DEEP_SCAN}
    if figures["strength"] is None:
        figures["strength"] = candidate.strength  # from the ranking by change
    days: Sequence[Flow] = answers.get("flow", ())
    volume = days[0].volume if days and days[0].volume > 0 else candidate.volume
    score = deep_score(figures, candidate.score, volume)
    return msgspec.structs.replace(
        candidate,
        stage="deep",
        score=score.total,
        reasons=score.reasons,
        **{item.field: figures[item.name] for item in DEEP_SCAN if item.field},
    )


Figure = float | None


def deep_score(figures: Mapping[str, Figure], fast: float, volume: int) -> Score:
    """The deep scan's score from each ingredient's figure by its name. `volume` is the day's volume
    in shares; flows are measured relative to it."""
    first = ScorePart("fast scan", fast * _FAST_SHARE, 100 * _FAST_SHARE, f"{fast:.1f}")
    return Score((first, *(item.part(figures.get(item.name), volume) for item in DEEP_SCAN)))


def _place(ranking: Ranking, row: Ranked, most: float) -> ScorePart:
    name = ranking.value.replace("_", " ")
    points = most * max(0.0, 1 - (row.rank - 1) / 99)
    surge = f" ({row.surge_pct:+.0f} %)" if row.surge_pct is not None else ""
    return ScorePart(name, points, most, f"place {row.rank}{surge}")


def _rise(change_pct: float) -> ScorePart:
    """Full points from +1 % to +10 %, fading to nothing at −2 % and at +20 %."""
    up = _between(change_pct, -2.0, 1.0)
    spent = 1 - _between(change_pct, 10.0, 20.0)
    return ScorePart("change", _RISE_POINTS * min(up, spent), _RISE_POINTS, f"{change_pct:+.2f} %")


def _strength(strength: float, volume: int) -> tuple[float, str]:
    """0 at 80 (selling pressure), half at 100, full at 120 (buying pressure)."""
    return _between(strength, 80.0, 120.0), f"{strength:.1f}"


def _book(ratio: float, volume: int) -> tuple[float, str]:
    """0 at half as many bids as asks, half when even, full at twice as many."""
    return _between(log2(ratio), -1.0, 1.0) if ratio > 0 else 0.0, f"bid/ask {ratio:.2f}"


def _net(net: float, volume: int) -> tuple[float, str] | None:
    """0 when 5 % of the volume was sold net, half when even, full at 5 % bought net."""
    if volume <= 0:
        return None
    share = net * 100 / volume
    return _between(share, -5.0, 5.0), f"{share:+.2f} % of volume"


def _between(value: float, low: float, high: float) -> float:
    """0 at `low` and below, 1 at `high` and above, linear in between."""
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _newest_strength(rows: Sequence[Strength]) -> Figure:
    return rows[0].strength if rows else None


def _book_ratio(book: Book) -> Figure:
    if book.total_bid + book.total_ask <= 0:
        return None
    return round(book.total_bid / max(1, book.total_ask), 2)


def _foreign_net(days: Sequence[Flow]) -> Figure:
    return days[0].foreign if days else None


def _institution_net(days: Sequence[Flow]) -> Figure:
    return days[0].institution if days else None


def _broker_net(brokers: BrokerActivity) -> Figure:
    if not (brokers.buyers or brokers.sellers):
        return None
    bought = sum(share.quantity for share in brokers.buyers)
    return bought - sum(share.quantity for share in brokers.sellers)


@dataclass(frozen=True, slots=True)
class Ingredient:
    """One ingredient of the deep scan: the query, the figure in its answer, and how it is
    scored."""

    name: str
    """The name shown in the reasons."""
    question: str
    """The method of the Market port, called with the stock's code alone."""
    most: float
    """Maximum points. Those of all ingredients add up to 70; the fast scan's are the other 30."""
    read: Callable[[Any], Figure]
    """Reads the figure from the answer; None when the answer has none."""
    rate: Callable[[float, int], tuple[float, str] | None]
    """From the figure and the day's volume: the fraction of the points (0..1) and words for it."""
    field: str = ""
    """The candidate's field that holds the figure; without one it is in the reasons only."""

    def figure(self, answers: Mapping[str, Any]) -> Figure:
        return self.read(answers[self.question]) if self.question in answers else None

    def part(self, figure: Figure, volume: int) -> ScorePart:
        rated = None if figure is None else self.rate(figure, volume)
        share, detail = rated or (0.5, "not known")
        return ScorePart(self.name, self.most * share, self.most, detail)


DEEP_SCAN = (
    Ingredient("strength", "strength", 20.0, _newest_strength, _strength, "strength"),
    Ingredient("book", "book", 15.0, _book_ratio, _book, "book_ratio"),
    Ingredient("foreign", "flow", 12.5, _foreign_net, _net, "foreign_net"),
    Ingredient("institution", "flow", 12.5, _institution_net, _net, "institution_net"),
    Ingredient("brokers", "brokers", 10.0, _broker_net, _net, "broker_net"),
)
"""To add an API to the deep scan, add a row here and take its points from the others."""
QUESTIONS = tuple(dict.fromkeys(item.question for item in DEEP_SCAN))
"""The Market methods called for every candidate."""

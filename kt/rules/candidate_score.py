"""A candidate's score, 0 to 100, as a sum of named parts that can be checked by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log2
from typing import Any, NamedTuple

import msgspec

from kt.config.scan import Scan, ScanWeights
from kt.records import Book, BrokerActivity, Candidate, Flow, Ranked, Strength

CONDITION = "condition:"
"""The beginning of a source that is a condition search; its name follows."""
DEFAULT = Scan()
MOST_KEPT = 8_192
"""Parts of scores that are kept, since the next scan has nearly the same."""


class ScorePart(NamedTuple):
    """One part of the score: its points, its maximum, and the number behind it."""

    name: str
    points: float
    most: float
    detail: str

    def __str__(self) -> str:
        return f"{self.name} {self.detail}: {self.points:.1f} of {self.most:g}"


_words = lru_cache(maxsize=MOST_KEPT)(str)
"""A part in words. Scans of the same market have many equal parts."""


class Score(NamedTuple):
    """`most` is the sum of the parts' maxima, those that a stock has no points in included."""

    parts: tuple[ScorePart, ...]
    most: float

    @property
    def total(self) -> float:
        """The points in percent of all that were to be had: 0..100, to one digit."""
        return _percent(sum(part.points for part in self.parts), self.most)

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(map(_words, self.parts))


def _percent(points: float, most: float) -> float:
    return round(min(100.0, max(0.0, points * 100 / most)), 1) if most else 0.0


def source_weight(source: str, weights: ScanWeights) -> float:
    """What one of `scan.sources` counts."""
    name = "condition" if source.startswith(CONDITION) else source
    return float(getattr(weights, name))


@lru_cache(maxsize=8)
def _wanted(sources: tuple[str, ...], weights: ScanWeights) -> dict[str, float]:
    """What each source counts; the same for every stock of a scan."""
    return {source: source_weight(source, weights) for source in sources}


def fast_score(rows: Sequence[Ranked], scan: Scan = DEFAULT) -> Score:
    """The score of one stock from its places in the rankings, the conditions it matches, and its
    change today; `rows` are those of one stock."""
    places = _best_places(rows)
    wanted = _wanted(scan.sources, scan.weights)
    parts = [
        _place(source, row.rank, row.surge_pct, most)
        for source, most in wanted.items()
        if (row := places.get(source)) is not None
    ]
    rise = scan.weights.rise
    change = _rise(rows[0].change_pct + 0.0, rise)  # -0.0 is 0.0
    return Score((*parts, change), sum(wanted.values()) + rise)


def fast_totals(stocks: Iterable[Sequence[Ranked]], scan: Scan = DEFAULT) -> Iterator[float]:
    """`fast_score(rows, scan).total` of each stock's rows, without the words: most stocks are not
    kept."""
    wanted, rise = _wanted(scan.sources, scan.weights), scan.weights.rise
    whole = sum(wanted.values()) + rise
    for rows in stocks:
        places = _best_places(rows)
        points = [
            _place_points(source, row.rank, most)
            for source, most in wanted.items()
            if (row := places.get(source)) is not None
        ]
        points.append(rise * _rise_share(rows[0].change_pct))
        yield _percent(sum(points), whole)


def _best_places(rows: Sequence[Ranked]) -> dict[str, Ranked]:
    """The best row of each ranking."""
    places: dict[str, Ranked] = {}
    for row in rows:
        if row.ranking not in places or row.rank < places[row.ranking].rank:
            places[row.ranking] = row
    return places


def deep_candidate(
    candidate: Candidate, answers: Mapping[str, Any], weights: ScanWeights = DEFAULT.weights
) -> Candidate:
    """The candidate after the deep scan, with the fetched figures, the new score and its coverage.

    `answers` by the Market's method (see DEEP_SCAN), lists newest first. A figure that could not be
    fetched counts half, neither for nor against the stock, and lowers the coverage.
    """
    figures = {item.name: item.figure(answers) for item in DEEP_SCAN}
    if figures["strength"] is None:
        figures["strength"] = candidate.strength  # from the ranking by change
    days: Sequence[Flow] = answers.get("flow", ())
    volume = days[0].volume if days and days[0].volume > 0 else candidate.volume
    score = deep_score(figures, candidate.score, volume, weights)
    return msgspec.structs.replace(
        candidate,
        stage="deep",
        score=score.total,
        reasons=score.reasons,
        coverage_pct=_coverage(figures, volume, weights),
        **{item.field: figures[item.name] for item in DEEP_SCAN if item.field},
    )


Figure = float | None


def deep_score(
    figures: Mapping[str, Figure],
    fast: float,
    volume: int,
    weights: ScanWeights = DEFAULT.weights,
) -> Score:
    """The deep scan's score from each ingredient's figure by its name. `volume` is the day's volume
    in shares; flows are measured relative to it."""
    most = weights.fast_scan
    first = ScorePart("fast scan", fast / 100 * most, most, f"{fast:.1f}")
    parts = (first, *(item.part(figures.get(item.name), volume, weights) for item in DEEP_SCAN))
    return Score(parts, sum(part.most for part in parts))


def _coverage(figures: Mapping[str, Figure], volume: int, weights: ScanWeights) -> float:
    """The weight of the ingredients whose figure is known, in percent of the weight of all."""
    known = {item: item.rated(figures.get(item.name), volume) is not None for item in DEEP_SCAN}
    whole = sum(item.most(weights) for item in known)
    there = sum(item.most(weights) for item, found in known.items() if found)
    return round(there * 100 / whole, 1) if whole else 100.0


@lru_cache(maxsize=MOST_KEPT)
def _place(source: str, rank: int, surge_pct: float | None, most: float) -> ScorePart:
    points = _place_points(source, rank, most)
    if source.startswith(CONDITION):
        return ScorePart(source, points, most, "matched")
    name = source.replace("_", " ")
    surge = f" ({surge_pct:+.0f} %)" if surge_pct is not None else ""
    return ScorePart(name, points, most, f"place {rank}{surge}")


@lru_cache(maxsize=MOST_KEPT)
def _place_points(source: str, rank: int, most: float) -> float:
    """A match of a condition has all points, place 100 of a ranking none."""
    return most if source.startswith(CONDITION) else most * max(0.0, 1 - (rank - 1) / 99)


@lru_cache(maxsize=MOST_KEPT)
def _rise(change_pct: float, most: float) -> ScorePart:
    return ScorePart("change", most * _rise_share(change_pct), most, f"{change_pct:+.2f} %")


@lru_cache(maxsize=MOST_KEPT)
def _rise_share(change_pct: float) -> float:
    """Full points from +1 % to +10 %, fading to nothing at −2 % and at +20 %."""
    return min(_between(change_pct, -2.0, 1.0), 1 - _between(change_pct, 10.0, 20.0))


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
    """The name shown in the reasons, and the key of its weight in `scan.weights`."""
    question: str
    """The method of the Market port, called with the stock's code alone."""
    read: Callable[[Any], Figure]
    """Reads the figure from the answer; None when the answer has none."""
    rate: Callable[[float, int], tuple[float, str] | None]
    """From the figure and the day's volume: the fraction of the points (0..1) and words for it."""
    field: str = ""
    """The candidate's field that holds the figure; without one it is in the reasons only."""

    def figure(self, answers: Mapping[str, Any]) -> Figure:
        return self.read(answers[self.question]) if self.question in answers else None

    def most(self, weights: ScanWeights) -> float:
        """Its maximum points: the key of its name in `scan.weights`."""
        return float(getattr(weights, self.name))

    def rated(self, figure: Figure, volume: int) -> tuple[float, str] | None:
        """The fraction of the points and words for it; None when the figure is not known."""
        return None if figure is None else self.rate(figure, volume)

    def part(self, figure: Figure, volume: int, weights: ScanWeights) -> ScorePart:
        share, detail = self.rated(figure, volume) or (0.5, "not known")
        most = self.most(weights)
        return ScorePart(self.name, most * share, most, detail)


DEEP_SCAN = (
    Ingredient("strength", "strength", _newest_strength, _strength, "strength"),
    Ingredient("book", "book", _book_ratio, _book, "book_ratio"),
    Ingredient("foreign", "flow", _foreign_net, _net, "foreign_net"),
    Ingredient("institution", "flow", _institution_net, _net, "institution_net"),
    Ingredient("brokers", "brokers", _broker_net, _net, "broker_net"),
)
"""To add an API to the deep scan, add a row here and its weight in `kt/config/scan.py`."""
QUESTIONS = tuple(dict.fromkeys(item.question for item in DEEP_SCAN))
"""The Market methods called for every candidate."""

"""How promising a stock looks, 0 to 100, as a sum of named parts that anyone can check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

import msgspec

from kt.records import Book, BrokerActivity, Candidate, Flow, Ranked, Ranking, Strength

RANK_POINTS: dict[Ranking, float] = {
    Ranking.VOLUME_SURGE: 30.0,
    Ranking.VALUE: 25.0,
    Ranking.CHANGE: 20.0,
    Ranking.VOLUME: 15.0,
}
"""The most that a first place brings; the hundredth place brings nothing."""

_RISE_POINTS = 10.0
_FAST_SHARE = 0.3
_STRENGTH_POINTS = 20.0
_BOOK_POINTS = 15.0
_FOREIGN_POINTS = 12.5
_INSTITUTION_POINTS = 12.5
_BROKER_POINTS = 10.0


@dataclass(frozen=True, slots=True)
class Part:
    """One contribution: its points, the most it could be, and the number behind it."""

    name: str
    points: float
    most: float
    detail: str

    def __str__(self) -> str:
        return f"{self.name} {self.detail}: {self.points:.1f} of {self.most:g}"


@dataclass(frozen=True, slots=True)
class Score:
    parts: tuple[Part, ...]

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


def deep_candidate(
    candidate: Candidate,
    *,
    strength: Sequence[Strength] = (),
    book: Book | None = None,
    flow: Sequence[Flow] = (),
    brokers: BrokerActivity | None = None,
) -> Candidate:
    """The candidate after the closer look, with what was found and the new score.

    `strength` and `flow` newest first. A part that could not be had counts half: it speaks
    neither for nor against the stock.
    """
    today = flow[0] if flow else None
    volume = today.volume if today and today.volume > 0 else candidate.volume
    looked = msgspec.structs.replace(
        candidate,
        stage="deep",
        strength=strength[0].strength if strength else candidate.strength,
        book_ratio=_book_ratio(book),
        foreign_net=today.foreign if today else None,
        institution_net=today.institution if today else None,
        broker_net=_broker_net(brokers),
    )
    score = deep_score(looked, candidate.score, volume)
    return msgspec.structs.replace(looked, score=score.total, reasons=score.reasons)


def deep_score(looked: Candidate, fast: float, volume: int) -> Score:
    """The score after the closer look. `volume` in shares is what the flows are measured by."""
    return Score(
        (
            Part("fast scan", fast * _FAST_SHARE, 100 * _FAST_SHARE, f"{fast:.1f}"),
            _strength(looked.strength),
            _book(looked.book_ratio),
            _net("foreign", looked.foreign_net, volume, _FOREIGN_POINTS),
            _net("institution", looked.institution_net, volume, _INSTITUTION_POINTS),
            _net("brokers", looked.broker_net, volume, _BROKER_POINTS),
        )
    )


def _place(ranking: Ranking, row: Ranked, most: float) -> Part:
    name = ranking.value.replace("_", " ")
    points = most * max(0.0, 1 - (row.rank - 1) / 99)
    surge = f" ({row.surge_pct:+.0f} %)" if row.surge_pct is not None else ""
    return Part(name, points, most, f"place {row.rank}{surge}")


def _rise(change_pct: float) -> Part:
    """Full points from +1 % to +10 %, fading to nothing at −2 % and at +20 %."""
    up = _between(change_pct, -2.0, 1.0)
    spent = 1 - _between(change_pct, 10.0, 20.0)
    return Part("change", _RISE_POINTS * min(up, spent), _RISE_POINTS, f"{change_pct:+.2f} %")


def _strength(strength: float | None) -> Part:
    """Nothing at 80 (sellers hit), half at 100, full at 120 (buyers lift)."""
    if strength is None:
        return _unknown("strength", _STRENGTH_POINTS)
    share = _between(strength, 80.0, 120.0)
    return Part("strength", _STRENGTH_POINTS * share, _STRENGTH_POINTS, f"{strength:.1f}")


def _book(ratio: float | None) -> Part:
    """Nothing at half as many bids as asks, half when even, full at twice as many."""
    if ratio is None:
        return _unknown("book", _BOOK_POINTS)
    share = _between(log2(ratio), -1.0, 1.0) if ratio > 0 else 0.0
    return Part("book", _BOOK_POINTS * share, _BOOK_POINTS, f"bid/ask {ratio:.2f}")


def _net(name: str, net: int | None, volume: int, most: float) -> Part:
    """Nothing when 5 % of the volume was sold net, half when even, full at 5 % bought net."""
    if net is None or volume <= 0:
        return _unknown(name, most)
    share = net * 100 / volume
    return Part(name, most * _between(share, -5.0, 5.0), most, f"{share:+.2f} % of volume")


def _unknown(name: str, most: float) -> Part:
    return Part(name, most / 2, most, "not known")


def _between(value: float, low: float, high: float) -> float:
    """0 at `low` and below, 1 at `high` and above, straight in between."""
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _book_ratio(book: Book | None) -> float | None:
    if book is None or book.total_bid + book.total_ask <= 0:
        return None
    return round(book.total_bid / max(1, book.total_ask), 2)


def _broker_net(brokers: BrokerActivity | None) -> int | None:
    if brokers is None or not (brokers.buyers or brokers.sellers):
        return None
    bought = sum(share.quantity for share in brokers.buyers)
    return bought - sum(share.quantity for share in brokers.sellers)

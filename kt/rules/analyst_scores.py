"""The figures of analysts: hit rate, return, Brier score and calibration error, with overlapping
decisions weighted (docs/decision-scores.md#figures)."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from kt.records import ANSWERS, AnalystScore, DecisionOutcome, EntryStatus, Provenance

BANDS = ((0.0, 0.5), (0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.0))
"""Bands of confidence: from, and below; the last one includes 1."""
ENOUGH = 20
"""Independent decisions below which a figure is marked as too few."""

Weighted = tuple[DecisionOutcome, float]
Key = tuple[str, str, str]
"""Analyst, answering model, prompt version."""


def average_uniqueness(spans: Sequence[tuple[datetime, datetime]]) -> list[float]:
    """The weight of each span of time: the average over its length of 1 / (spans open at that
    moment), above 0 and at most 1. One without length has the weight 1.

    Average uniqueness as in López de Prado, Advances in Financial Machine Learning, 4.3. The
    weights of spans of equal length add up to the time they cover together, in such lengths.
    """
    marks = sorted({moment for start, end in spans if start < end for moment in (start, end)})
    changes: dict[datetime, int] = defaultdict(int)
    for start, end in spans:
        if start < end:
            changes[start] += 1
            changes[end] -= 1
    shared, open_now = [0.0], 0
    for before, after in pairwise(marks):
        open_now += changes[before]
        seconds = (after - before).total_seconds()
        shared.append(shared[-1] + (seconds / open_now if open_now else 0.0))
    found = []
    for start, end in spans:
        if start >= end:
            found.append(1.0)
            continue
        part = shared[bisect_left(marks, end)] - shared[bisect_left(marks, start)]
        found.append(part / (end - start).total_seconds())
    return found


def weighted(outcomes: Iterable[DecisionOutcome]) -> list[Weighted]:
    """Each outcome that counts, with its weight among those of the same analyst, model, prompt,
    stock and choice (action, and whether the stock was held)."""
    alike: dict[tuple[object, ...], list[DecisionOutcome]] = defaultdict(list)
    for one in outcomes:
        if one.counts:
            choice = (one.stock_code, one.action, one.held > 0)
            alike[(*key_of_score(one), *choice)].append(one)
    found: list[Weighted] = []
    for same in alike.values():
        weights = average_uniqueness([(one.decided_at, one.horizon_at) for one in same])
        found += zip(same, weights, strict=True)
    return found


def key_of_score(one: DecisionOutcome) -> Key:
    """What a decision is grouped by. A shadow is an analyst of its own: `gemini (shadow)`."""
    analyst = f"{one.analyst} (shadow)" if one.by_shadow else one.analyst
    return (analyst, one.model, one.prompt_version)


def band_of(confidence: float) -> str:
    """The name of the band that a confidence (0..1) is in: `0.6-0.7`."""
    for low, high in BANDS[:-1]:
        if confidence < high:
            return f"{low:.1f}-{high:.1f}"
    return "{:.1f}-{:.1f}".format(*BANDS[-1])


def scores(outcomes: Sequence[DecisionOutcome]) -> tuple[AnalystScore, ...]:
    """For each analyst, model and prompt version: one row of all its decisions, one an action,
    and one a band of confidence; actions and bands without a decision are left out."""
    groups: dict[Key, list[DecisionOutcome]] = defaultdict(list)
    for one in outcomes:
        groups[key_of_score(one)].append(one)
    return tuple(row for key in sorted(groups) for row in _rows(key, groups[key]))


def _rows(key: Key, outcomes: Sequence[DecisionOutcome]) -> Iterable[AnalystScore]:
    counted = weighted(outcomes)

    def row(name: tuple[str, str], fits: Callable[[DecisionOutcome], bool]) -> AnalystScore:
        chosen = [one for one in outcomes if fits(one)]
        return _score(key, name, chosen, [pair for pair in counted if fits(pair[0])])

    yield row(("all", "all"), lambda one: True)
    for action in ANSWERS:
        if any(one.action is action for one in outcomes):
            yield row((action.value, "all"), lambda one, action=action: one.action is action)  # type: ignore[misc]
    for band in dict.fromkeys(band_of(low) for low, _ in BANDS):
        if any(band_of(one.confidence) == band for one in outcomes):
            yield row(("all", band), lambda one, band=band: band_of(one.confidence) == band)  # type: ignore[misc]


def _score(
    key: Key, name: tuple[str, str], chosen: Sequence[DecisionOutcome], counted: Sequence[Weighted]
) -> AnalystScore:
    n = sum(weight for _, weight in counted)
    known = [(one, weight) for one, weight in counted if one.rules_pct is not None]
    hit_rate = mean(counted, lambda one: float(one.hit))
    own = [one for one in chosen if one.provenance.own]
    entries = [one.entry for one in own]
    return AnalystScore(
        analyst=key[0],
        model=key[1],
        prompt_version=key[2],
        action=name[0],
        confidence=name[1],
        n=round(n, 1),
        few=n < ENOUGH,
        decisions=len(counted),
        hit_pct=_percent(hit_rate),
        mean_confidence=_rounded(mean(counted, lambda one: one.confidence)),
        return_pct=_rounded(mean(counted, lambda one: one.return_pct)),
        edge_pct=_rounded(mean(counted, lambda one: one.edge_pct)),
        buy_hold_pct=_rounded(mean(counted, lambda one: one.buy_hold_pct)),
        rules_pct=_rounded(mean(known, lambda one: one.rules_pct or 0.0)),
        rules_hit_pct=_percent(mean(known, lambda one: float(bool(one.rules_hit)))),
        brier=_rounded(brier(counted)),
        base_brier=None if hit_rate is None else _rounded(hit_rate * (1 - hit_rate)),
        calibration_error=_rounded(calibration_error(counted)),
        repaired=sum(one.provenance is Provenance.REPAIRED for one, _ in counted),
        denied=entries.count(EntryStatus.DENIED),
        unfilled=entries.count(EntryStatus.UNFILLED),
        not_ordered=entries.count(EntryStatus.NOT_ORDERED),
        fallback=sum(one.provenance is Provenance.FALLBACK for one in chosen),
    )


def mean(counted: Sequence[Weighted], value: Callable[[DecisionOutcome], float]) -> float | None:
    """The weighted mean; None of nothing."""
    whole = sum(weight for _, weight in counted)
    if not whole:
        return None
    return sum(value(one) * weight for one, weight in counted) / whole


def brier(counted: Sequence[Weighted]) -> float | None:
    """The Brier score: the mean squared difference of confidence and hit (1) or miss (0)."""
    return mean(counted, lambda one: (one.confidence - one.hit) ** 2)


def calibration_error(counted: Sequence[Weighted]) -> float | None:
    """The expected calibration error: the mean over the bands, by their weight, of the distance
    between mean confidence and hit rate."""
    whole = sum(weight for _, weight in counted)
    if not whole:
        return None
    bands: dict[str, float] = defaultdict(float)
    for one, weight in counted:
        bands[band_of(one.confidence)] += (one.confidence - one.hit) * weight
    return sum(abs(distance) for distance in bands.values()) / whole


def digest(rows: Sequence[AnalystScore]) -> str:
    """The rows of one analyst, model and prompt as text for its next request, the row of all
    decisions first."""
    whole, *others = rows
    parts = [_part(whole, "all")]
    parts += [_part(row, row.action) for row in others if row.confidence == "all"]
    parts += [_part(row, row.confidence) for row in others if row.action == "all"]
    better = (whole.brier or 0.0) < (whole.base_brier or 0.0)
    return (
        f"Your own last 30 days ({whole.model}, {whole.prompt_version or 'no prompt'}), of each "
        "action and band of confidence: share that was right, mean confidence, n independent "
        f"decisions (* fewer than {ENOUGH}), mean return after costs. {'; '.join(parts)}. Holding "
        f"the same stocks earned {_pct(whole.buy_hold_pct)}, the rules analyst "
        f"{_pct(whole.rules_pct)}. Brier score {whole.brier}, {'' if better else 'not '}better "
        f"than always saying the share that was right ({whole.base_brier}); calibration error "
        f"{whole.calibration_error}."
    )


def _part(row: AnalystScore, name: str) -> str:
    """`BUY 55.0 %, 0.71, n 12.4*, +0.12 %`."""
    if row.hit_pct is None:
        return f"{name} none carried out"
    few = "*" if row.few else ""
    return (
        f"{name} {row.hit_pct} %, {row.mean_confidence:.2f}, n {row.n}{few}, {_pct(row.return_pct)}"
    )


def _pct(value: float | None) -> str:
    return "not known" if value is None else f"{value:+.2f} %"


def _percent(share: float | None) -> float | None:
    return None if share is None else round(share * 100, 1)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)

"""The figures of analysts: weights, Brier score, calibration error, and which decisions count."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.records import Action, DecisionOutcome, EntryStatus, Provenance
from kt.rules.analyst_scores import (
    BANDS,
    average_uniqueness,
    band_of,
    brier,
    calibration_error,
    digest,
    scores,
    weighted,
)
from tests.store.make import T0, outcome

HOUR = timedelta(hours=1)
minutes = st.integers(min_value=0, max_value=400)
spans = st.lists(
    st.tuples(minutes, st.integers(min_value=1, max_value=120)), min_size=1, max_size=25
)


def judged(number: int, minute: float = 0, **more: Any) -> DecisionOutcome:
    at = T0 + timedelta(minutes=minute)
    times = {"decided_at": at, "horizon_at": at + HOUR}
    return outcome(f"D{number}", **(times | more))


@given(spans)
def test_a_weight_is_the_mean_of_one_over_the_spans_open_minute_by_minute(
    found: list[tuple[int, int]],
) -> None:
    at = [(T0 + timedelta(minutes=a), T0 + timedelta(minutes=a + n)) for a, n in found]
    by_minute = [
        sum(1 / sum(a <= m < a + n for a, n in found) for m in range(start, start + length))
        / length
        for start, length in found
    ]
    assert average_uniqueness(at) == pytest.approx(by_minute)


@given(st.lists(minutes, min_size=1, max_size=30))
def test_the_weights_of_equal_spans_add_up_to_the_time_they_cover(starts: list[int]) -> None:
    weights = average_uniqueness(
        [(T0 + timedelta(minutes=m), T0 + timedelta(minutes=m + 60)) for m in starts]
    )
    covered = {m for start in starts for m in range(start, start + 60)}
    assert sum(weights) == pytest.approx(len(covered) / 60)
    assert all(0 < weight <= 1 + 1e-9 for weight in weights)


def test_a_span_without_length_has_the_whole_weight() -> None:
    assert average_uniqueness([(T0, T0), (T0, T0 + HOUR)]) == [1.0, 1.0]
    assert average_uniqueness([]) == []


def test_22_decisions_on_a_stock_within_an_hour_are_not_22() -> None:
    (whole, *_) = scores([judged(n, minute=n * 2, action=Action.HOLD) for n in range(22)])
    assert (whole.decisions, whole.n) == (22, 1.7)  # 42 minutes and the last one's hour: 102 of 60
    assert whole.few


def test_only_the_same_choice_on_the_same_stock_by_the_same_analyst_overlaps() -> None:
    others: list[dict[str, Any]] = [
        {"stock_code": "000660"},
        {"action": Action.SELL},
        {"held": 10},
        {"analyst": "gemini"},
        {"model": "other"},
        {"prompt_version": "decide.en.9"},
    ]
    found = weighted([judged(0), *(judged(n, **one) for n, one in enumerate(others, 1))])
    assert [weight for _, weight in found] == [1.0] * 7
    assert sorted(weight for _, weight in weighted([judged(0), judged(1)])) == [0.5, 0.5]


def test_only_an_analysts_own_decisions_that_were_carried_out_count() -> None:
    found = [
        judged(0),
        judged(1, minute=100, provenance=Provenance.REPAIRED, hit=False),
        judged(2, minute=100, provenance=Provenance.FALLBACK),
        judged(3, minute=100, entry=EntryStatus.DENIED),
        judged(4, minute=100, entry=EntryStatus.UNFILLED),
        judged(5, minute=100, entry=EntryStatus.NOT_ORDERED),
        judged(6, minute=100, action=Action.HOLD, entry=EntryStatus.NONE),
    ]
    whole, buys, holds, *_ = scores(found)
    assert (whole.n, whole.decisions, whole.hit_pct) == (3.0, 3, 66.7)
    assert (whole.repaired, whole.fallback) == (1, 1)
    assert (whole.denied, whole.unfilled, whole.not_ordered) == (1, 1, 1)
    assert (buys.action, buys.n, buys.hit_pct) == ("BUY", 2.0, 50.0)
    assert (holds.action, holds.n, holds.denied) == ("HOLD", 1.0, 0)


def test_an_analyst_of_whom_nothing_counts_has_no_figures() -> None:
    (whole, buys, band) = scores([judged(0, entry=EntryStatus.DENIED)])
    for row in (whole, buys, band):
        assert (row.n, row.decisions, row.denied, row.few) == (0.0, 0, 1, True)
        assert row.hit_pct is row.brier is row.base_brier is row.calibration_error is None
    assert "all none carried out" in digest([whole, buys, band])


def test_brier_score_and_calibration_error() -> None:
    said = [(0.55, True), (0.58, False), (0.9, True), (0.95, True), (1.0, False)]
    counted = [
        (judged(n, confidence=confidence, hit=hit), 1.0) for n, (confidence, hit) in enumerate(said)
    ]
    assert brier(counted) == pytest.approx((0.45**2 + 0.58**2 + 0.1**2 + 0.05**2 + 1.0**2) / 5)
    low, high = abs(0.55 + 0.58 - 1) / 2, abs(0.9 + 0.95 + 1.0 - 2) / 3
    assert calibration_error(counted) == pytest.approx(low * 2 / 5 + high * 3 / 5)
    assert brier([]) is calibration_error([]) is None


outcomes = st.lists(
    st.builds(
        judged,
        st.integers(min_value=0, max_value=999),
        minutes,
        confidence=st.floats(min_value=0, max_value=1),
        hit=st.booleans(),
        stock_code=st.sampled_from(["005930", "000660"]),
        action=st.sampled_from([Action.BUY, Action.SELL, Action.HOLD]),
        return_pct=st.floats(min_value=-30, max_value=30),
    ),
    min_size=1,
    max_size=30,
)


@given(outcomes)
def test_the_parts_add_up_to_the_whole(found: list[DecisionOutcome]) -> None:
    whole, *parts = scores(found)
    for chosen in (
        [row for row in parts if row.confidence == "all"],
        [row for row in parts if row.action == "all"],
    ):
        assert sum(row.decisions for row in chosen) == whole.decisions
        assert sum(row.n for row in chosen) == pytest.approx(whole.n, abs=0.6)
    assert whole.n <= whole.decisions + 0.05


@given(outcomes)
def test_scores_lie_within_their_bounds(found: list[DecisionOutcome]) -> None:
    for row in scores(found):
        assert row.brier is not None and row.base_brier is not None
        assert row.calibration_error is not None and row.hit_pct is not None
        assert 0 <= row.brier <= 1
        assert 0 <= row.base_brier <= 0.25
        assert 0 <= row.calibration_error <= 1
        assert row.few is (row.n < 20) or row.n == pytest.approx(20, abs=0.05)


@given(outcomes, st.floats(min_value=0, max_value=1))
def test_no_single_confidence_scores_better_than_the_hit_rate(
    found: list[DecisionOutcome], said: float
) -> None:
    import msgspec

    whole, *_ = scores([msgspec.structs.replace(one, confidence=said) for one in found])
    assert whole.brier is not None and whole.base_brier is not None
    assert whole.brier >= whole.base_brier - 1e-4


@given(st.floats(min_value=0, max_value=1))
def test_every_confidence_is_in_one_band(confidence: float) -> None:
    low, high = map(float, band_of(confidence).split("-"))
    assert low <= confidence < high or confidence == high == 1.0
    assert (low, high) in BANDS

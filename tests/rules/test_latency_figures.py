"""The stages of orders from hand-made events, and percentiles against numpy's definition."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kt.records import CallTiming, LatencyStage, OrderEventKind, OrderTiming, Origin, Side
from kt.rules.latency_figures import by_api, by_origin, by_stage, figures, nearest_rank
from tests.rules.make import T0

DATA, TICK, SEND, ANSWER, FILL = LatencyStage


def event(kind: str, milliseconds: float, **changes: Any) -> OrderTiming:
    """An event of order O1, made at T0, so many milliseconds later."""
    for name in ("sent_at", "kept_at", "tick_at", "data_at"):
        if name in changes:
            changes[name] = T0 + timedelta(milliseconds=changes[name])
    values: dict[str, Any] = {
        "order_id": "O1",
        "origin": Origin.CYCLE,
        "side": Side.BUY,
        "stock_code": "005930",
        "created_at": T0,
        "kind": OrderEventKind(kind),
        "at": T0 + timedelta(milliseconds=milliseconds),
    }
    return OrderTiming(**(values | changes))


def stages(*events: OrderTiming) -> dict[LatencyStage, float]:
    """The longest time of each stage."""
    return {row.stage: row.max_ms for row in by_stage(events)}


def test_a_new_order_has_each_stage() -> None:
    found = stages(
        event("PLANNED", 0, data_at=-1_500, tick_at=-3),
        event("SENDING", 5),
        event("ACKED", 90, sent_at=20),
        event("FILL", -400, kept_at=140),
        event("FILL", -400, kept_at=900),
    )
    assert found == {DATA: 1500, TICK: 3, SEND: 20, ANSWER: 70, FILL: 50}


def test_a_fill_before_the_answer_took_no_time() -> None:
    found = stages(event("PLANNED", 0), event("FILL", 0, kept_at=50), event("ACKED", 80, sent_at=9))
    assert found == {SEND: 9, ANSWER: 71, FILL: 0}


def test_each_request_counts_from_its_own_intent() -> None:
    events = (
        event("PLANNED", 0),
        event("SENDING", 1),
        event("NOT_PLACED", 30, sent_at=10),
        event("SENDING", 1_030),
        event("ACKED", 1_100, sent_at=1_040),
        event("AMENDING", 5_000),
        event("AMENDED", 5_200, sent_at=5_090),
        event("CANCELLING", 9_000),
        event("CANCEL_FAILED", 9_300, sent_at=9_200),
    )
    rows = {row.stage: row for row in by_stage(events)}
    assert (rows[SEND].count, rows[SEND].p50_ms, rows[SEND].max_ms) == (4, 10, 200)
    assert (rows[ANSWER].count, rows[ANSWER].max_ms) == (4, 110)


def test_what_was_never_sent_has_no_answer() -> None:
    assert stages(event("PLANNED", 0), event("SENDING", 1), event("NOT_PLACED", 9)) == {}
    assert by_stage(()) == by_origin(()) == by_api(()) == ()


def test_orders_are_told_apart_by_origin() -> None:
    stop = {"order_id": "O2", "origin": Origin.STOP_LOSS}
    rows = by_origin(
        (
            event("PLANNED", 0),
            event("ACKED", 50, sent_at=10),
            event("PLANNED", 0, tick_at=-2, **stop),
            event("ACKED", 70, sent_at=5, **stop),
        )
    )
    assert [(row.origin, row.stage, row.max_ms) for row in rows] == [
        ("cycle", SEND, 10),
        ("cycle", ANSWER, 40),
        ("stop_loss", TICK, 2),
        ("stop_loss", SEND, 5),
        ("stop_loss", ANSWER, 65),
    ]


def test_calls_are_counted_by_api_the_most_frequent_first() -> None:
    calls = [CallTiming(api_id="kt10000", milliseconds=60)]
    calls += [CallTiming(api_id="ka10001", milliseconds=ms) for ms in (5, 30, 7)]
    rows = by_api(calls)
    assert [(row.api_id, row.count, row.p50_ms) for row in rows] == [
        ("ka10001", 3, 7),
        ("kt10000", 1, 60),
    ]
    assert [(one.upto_ms, one.count) for one in rows[0].buckets] == [
        (5, 1),
        (10, 1),
        (20, 0),
        (50, 1),
    ]


@given(st.lists(st.floats(0, 1e9), min_size=1), st.sampled_from([50, 95, 99]))
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(
    values: list[float], percent: int
) -> None:
    found = nearest_rank(sorted(values), percent)
    enough = [one for one in values if 100 * sum(v <= one for v in values) >= percent * len(values)]
    assert found == min(enough)
    made = figures(ANSWER, values)
    assert sum(bucket.count for bucket in made.buckets) == made.count == len(values)
    assert made.buckets[0].count and made.buckets[-1].count

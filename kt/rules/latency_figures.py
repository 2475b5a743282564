"""The times between the steps of orders, and their percentiles (docs/orders.md#latency)."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from kt.records import (
    CallTiming,
    LatencyBucket,
    LatencyFigures,
    LatencyStage,
    OrderEventKind,
    OrderTiming,
)

UPPER_BOUNDS = tuple(part * 10.0**power for power in range(8) for part in (1, 2, 5))
"""Of the histogram's buckets, in milliseconds: 1, 2, 5, 10, … up to 50,000 s."""
_INTENTS = frozenset({OrderEventKind.SENDING, OrderEventKind.AMENDING, OrderEventKind.CANCELLING})
_ACCEPTED = frozenset({OrderEventKind.ACKED, OrderEventKind.ADOPTED})

Sample = tuple[LatencyStage, str, float]
"""A stage, the order's origin, and milliseconds."""


def by_stage(events: Iterable[OrderTiming]) -> tuple[LatencyFigures, ...]:
    """The figures of each stage that occurred. `events` are grouped by order, oldest first."""
    values: dict[LatencyStage, list[float]] = defaultdict(list)
    for stage, _, took in _samples(events):
        values[stage].append(took)
    return tuple(figures(stage, values[stage]) for stage in LatencyStage if values[stage])


def by_origin(events: Iterable[OrderTiming]) -> tuple[LatencyFigures, ...]:
    """The figures of each stage for each origin of orders."""
    values: dict[tuple[str, LatencyStage], list[float]] = defaultdict(list)
    for stage, origin, took in _samples(events):
        values[origin, stage].append(took)
    return tuple(
        figures(stage, values[origin, stage], origin=origin)
        for origin in sorted({origin for origin, _ in values})
        for stage in LatencyStage
        if values[origin, stage]
    )


def by_api(calls: Iterable[CallTiming]) -> tuple[LatencyFigures, ...]:
    """How long the answers took, by API, the most frequent first."""
    values: dict[str, list[float]] = defaultdict(list)
    for call in calls:
        values[call.api_id].append(float(call.milliseconds))
    ordered = sorted(values, key=lambda api_id: (-len(values[api_id]), api_id))
    return tuple(figures(LatencyStage.ANSWER, values[one], api_id=one) for one in ordered)


def figures(
    stage: LatencyStage, values: Sequence[float], *, api_id: str = "", origin: str = ""
) -> LatencyFigures:
    """Count, percentiles, maximum and histogram of milliseconds; at least one value."""
    ordered = sorted(values)
    return LatencyFigures(
        stage=stage,
        api_id=api_id,
        origin=origin,
        count=len(ordered),
        p50_ms=nearest_rank(ordered, 50),
        p95_ms=nearest_rank(ordered, 95),
        p99_ms=nearest_rank(ordered, 99),
        max_ms=ordered[-1],
        buckets=_histogram(ordered),
    )


def nearest_rank(ordered: Sequence[float], percent: int) -> float:
    """The smallest value that at least `percent` of the values do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def _histogram(ordered: Sequence[float]) -> tuple[LatencyBucket, ...]:
    """From the first bucket that has a value to the last."""
    last = len(UPPER_BOUNDS) - 1
    counts = Counter(min(last, bisect_left(UPPER_BOUNDS, value)) for value in ordered)
    return tuple(
        LatencyBucket(upto_ms=UPPER_BOUNDS[index], count=counts[index])
        for index in range(min(counts), max(counts) + 1)
    )


def _samples(events: Iterable[OrderTiming]) -> Iterator[Sample]:
    for _, group in groupby(events, key=lambda one: one.order_id):
        yield from _of_order(list(group))


def _of_order(events: Sequence[OrderTiming]) -> Iterator[Sample]:
    """The times of one order: of its intent, of each request that was sent, of its first fill."""
    first = events[0]
    for stage, since in ((LatencyStage.DATA, first.data_at), (LatencyStage.TICK, first.tick_at)):
        if since is not None:
            yield stage, first.origin, _between(since, first.created_at)
    intent, sent = first.created_at, False
    for event in events:
        if event.kind in _INTENTS and (sent or event.kind is not OrderEventKind.SENDING):
            intent = event.at
        elif event.sent_at is not None:
            sent = True
            yield LatencyStage.SEND, first.origin, _between(intent, event.sent_at)
            yield LatencyStage.ANSWER, first.origin, _between(event.sent_at, event.at)
    accepted = next((event.at for event in events if event.kind in _ACCEPTED), None)
    fills = (event.kept_at for event in events if event.kind is OrderEventKind.FILL)
    filled = next(filter(None, fills), None)
    if accepted is not None and filled is not None:
        yield LatencyStage.FILL, first.origin, _between(accepted, filled)


def _between(since: datetime, until: datetime) -> float:
    """Milliseconds; 0 where the later moment was known first, as with a fill that arrives before
    its order's answer."""
    return max(0.0, round((until - since).total_seconds() * 1000, 3))

"""How long the steps of an order and the broker's answers took."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from kt.records.base import Record, Side
from kt.records.order import OrderEventKind, Origin


class LatencyStage(StrEnum):
    """What lies between two moments of an order (docs/orders.md#latency)."""

    DATA = "data to intent"
    """From the newest time in the data of a decision to the order's intent."""
    TICK = "tick to intent"
    """From the receipt of the tick that triggers an exit to the order's intent."""
    SEND = "intent to send"
    """From the intent of a request to its send: the journal's commit and the rate limit."""
    ANSWER = "send to answer"
    FILL = "answer to fill"
    """From the answer to a new order to its first fill, as kt learned of both."""


class LatencyBucket(Record, frozen=True, kw_only=True):
    """How many of the values were above the bucket before and at most `upto_ms`."""

    upto_ms: float
    count: int


class LatencyFigures(Record, frozen=True, kw_only=True):
    """One stage's times in milliseconds of kt's clock; of an API's calls, of the wall clock.

    `api_id` or `origin` is set when only the calls of that API, or orders of that origin, are
    counted. Percentiles are by nearest rank: values that occurred.
    """

    stage: LatencyStage
    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    buckets: tuple[LatencyBucket, ...]
    api_id: str = ""
    origin: str = ""


class OrderTiming(Record, frozen=True, kw_only=True):
    """One event of an order, with the moments that `kt latency` needs. `at` may be the broker's
    time, `kept_at` is when kt wrote the event (None in journals of before)."""

    order_id: str
    origin: Origin
    side: Side
    stock_code: str
    created_at: datetime
    kind: OrderEventKind
    at: datetime
    tick_at: datetime | None = None
    data_at: datetime | None = None
    sent_at: datetime | None = None
    kept_at: datetime | None = None


class CallTiming(Record, frozen=True, kw_only=True):
    """One call of the broker's API: how long its answer took, in wall milliseconds."""

    api_id: str
    milliseconds: int

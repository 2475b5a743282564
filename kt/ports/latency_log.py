"""The times that the journal keeps of orders and calls: a part of the journal's interface."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from kt.records import CallTiming, OrderTiming


class LatencyLog(Protocol):
    """When things happened, for `kt latency`."""

    def order_timings(self, since: datetime, until: datetime) -> tuple[OrderTiming, ...]:
        """The events of the orders made from `since` on and before `until`, order by order, the
        oldest first."""
        ...

    def call_timings(self, since: datetime, until: datetime) -> tuple[CallTiming, ...]:
        """The calls of that time that were answered."""
        ...

"""When the events of orders and the calls of the broker's API happened."""

from __future__ import annotations

from datetime import datetime

from kt.records import CallTiming, OrderTiming
from kt.store.journal_part import JournalPart
from kt.store.rows import from_row, time_text

_ORDERS = """
SELECT o.order_id, o.origin, o.side, o.stock_code, o.created_at, o.tick_at, d.data_at,
       e.kind, e.at, e.sent_at, e.kept_at
FROM orders AS o JOIN order_events AS e USING (order_id)
LEFT JOIN decisions AS d ON d.decision_id = o.decision_id
WHERE o.created_at >= ? AND o.created_at < ? AND e.refused = ''
ORDER BY o.created_at, o.seq, e.seq"""

_CALLS = """
SELECT api_id, milliseconds FROM api_calls
WHERE started_at >= ? AND started_at < ? AND http_status > 0 ORDER BY seq"""


class LatencyRows(JournalPart):
    """Implements ports.LatencyLog."""

    def order_timings(self, since: datetime, until: datetime) -> tuple[OrderTiming, ...]:
        self._flush()
        rows = self._file.read(_ORDERS, (time_text(since), time_text(until)))
        return tuple(from_row(row, OrderTiming) for row in rows)

    def call_timings(self, since: datetime, until: datetime) -> tuple[CallTiming, ...]:
        self._flush()
        rows = self._file.read(_CALLS, (time_text(since), time_text(until)))
        return tuple(from_row(row, CallTiming) for row in rows)

"""Counts recent errors, orders and price jumps and reports when they amount to an emergency.

The thresholds are in `rules/emergency_triggers.py`; `emergency.py` acts on the alarms.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime

from kt.config.model import Emergency
from kt.records import Order, OrderState, Tick
from kt.rules import emergency_triggers
from kt.rules.emergency_triggers import Alarm

COUNTED = frozenset({"network", "wire", "fatal"})
"""Kinds of error that count as system errors; refusals and rate limits are handled elsewhere."""
_KEPT = 200


class Watchdog:
    """Each method records one event and returns the alarm it causes, if any. An alarm resets its
    own counter."""

    def __init__(self, settings: Emergency) -> None:
        self._settings = settings
        self._errors: deque[datetime] = deque(maxlen=_KEPT)
        self._orders: deque[datetime] = deque(maxlen=_KEPT)
        self._refused: list[Order] = []
        self._prices: dict[str, int] = {}

    def error(self, kind: str, now: datetime) -> Alarm | None:
        if kind not in COUNTED:
            return None
        self._errors.append(now)
        alarm = emergency_triggers.system_errors(self._errors, now, self._settings)
        if alarm:
            self._errors.clear()
        return alarm

    def order(self, order: Order, now: datetime) -> Alarm | None:
        """An order after it was sent."""
        if order.state in (OrderState.DENIED, OrderState.PLANNED):
            return None
        self._orders.append(now)
        if order.state is OrderState.REJECTED:
            self._refused.append(order)
        else:
            self._refused.clear()
        alarm = emergency_triggers.rejects(self._refused, self._settings)
        if alarm:
            self._refused.clear()
            return alarm
        alarm = emergency_triggers.burst(self._orders, now, self._settings)
        if alarm:
            self._orders.clear()
        return alarm

    def tick(self, tick: Tick, *, held: bool) -> Alarm | None:
        """Check a held stock's price for a jump between two ticks."""
        before = self._prices.get(tick.stock_code, 0)
        self._prices[tick.stock_code] = tick.price
        if not held:
            return None
        return emergency_triggers.price_jump(tick.stock_code, before, tick.price, self._settings)

    def connection(self, failed: int) -> Alarm | None:
        return emergency_triggers.connection(failed, self._settings)

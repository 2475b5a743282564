"""What the run prints: one line when something changes, none when it just continues."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kt.ports import Clock
from kt.records import FINAL_STATES, Order, OrderState, OrderType, Origin
from kt.steps.fan_out import error_kind

_TITLES = {
    Origin.STOP_LOSS: "stop-loss",
    Origin.TAKE_PROFIT: "take-profit",
    Origin.TRAILING_STOP: "trailing stop",
    Origin.TIME_STOP: "time stop",
    Origin.CLOSE: "before the close",
    Origin.FLATTEN: "flatten",
}
_ENDED = {
    OrderState.DENIED: "denied",
    OrderState.REJECTED: "refused by the broker",
    OrderState.NOT_PLACED: "not placed",
    OrderState.UNKNOWN: "outcome unknown",
    OrderState.CANCELLED: "cancelled",
    OrderState.EXPIRED: "expired",
}


@dataclass(frozen=True, slots=True)
class _Failing:
    kind: str
    since: float
    times: int


class Announcer:
    """`announce` gets the lines, with the time before each. Only the decision thread uses it."""

    def __init__(self, clock: Clock, announce: Callable[[str], None]) -> None:
        self._clock = clock
        self._announce = announce
        self._failing: dict[str, _Failing] = {}
        self._orders: dict[str, Order] = {}

    def say(self, line: str) -> None:
        self._announce(f"{self._clock.now():%H:%M:%S} {line}")

    def failed(self, title: str, failure: Exception) -> None:
        """Something failed: announced once while it keeps failing with the same kind of error."""
        kind, before = error_kind(failure), self._failing.get(title)
        if before is not None and before.kind == kind:
            self._failing[title] = _Failing(kind, before.since, before.times + 1)
            return
        self._failing[title] = _Failing(kind, self._clock.monotonic(), 1)
        self.say(f"{title} failed: {failure}")

    def works(self, title: str) -> None:
        """Something succeeded: announced when it failed before."""
        before = self._failing.pop(title, None)
        if before is not None:
            seconds = self._clock.monotonic() - before.since
            times = f"{before.times} failures" if before.times > 1 else "1 failure"
            self.say(f"{title} works again, after {times} in {seconds:.0f} s")

    def order(self, order: Order) -> None:
        """Announce what changed in an order since it was last announced."""
        before = self._orders.get(order.order_id)
        self._orders[order.order_id] = order
        if before is None and order.ord_no:
            self.say(_sent(order))
        if before is not None and order.price != before.price:
            self.say(f"amended: {_named(order)} to {order.price:,}")
        self._filled(before, order)
        ended = _ENDED.get(order.state)
        if ended and (before is None or before.state is not order.state):
            why = f": {order.code} {order.message}".rstrip() if order.code else ""
            shares = order.cancelled_quantity or order.open_quantity or order.quantity
            self.say(f"{ended}: {_named(order)} {shares}{why}")

    def _filled(self, before: Order | None, order: Order) -> None:
        quantity = order.filled_quantity - (before.filled_quantity if before else 0)
        value = order.filled_value - (before.filled_value if before else 0)
        if quantity > 0:
            self.say(
                f"filled: {_named(order)} {quantity} at {round(value / quantity):,} "
                f"({order.filled_quantity}/{order.quantity})"
            )

    def not_final(self) -> tuple[str, ...]:
        """Orders that were announced and whose final state was not."""
        return tuple(
            order_id for order_id, order in self._orders.items() if order.state not in FINAL_STATES
        )

    def remember(self, order: Order) -> None:
        """Register an order without announcing its past."""
        self._orders[order.order_id] = order

    def new_day(self) -> None:
        self._orders.clear()


def _named(order: Order) -> str:
    return f"{order.side} {order.stock_name or order.stock_code}"


def _sent(order: Order) -> str:
    at = "at market" if order.order_type is OrderType.MARKET else f"at {order.price:,}"
    title = _TITLES.get(order.origin, "sent")
    why = f": {order.reason}" if order.origin in _TITLES and order.reason else ""
    return f"{title}: {_named(order)} {order.quantity} {at}{why}"

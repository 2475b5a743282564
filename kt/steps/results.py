"""Results of steps that are shown to people; what is written to a pipe is in `kt.records`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from kt.records import BrokerOrder, DecisionOutcome, Order, OrderState, Origin, Position


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between kt's books and the broker, and what was done about it."""

    what: str
    """`position`, `cash`, `order`, `external` or `realised`."""
    stock_code: str
    """Empty when the difference is not about one stock."""
    ours: str
    brokers: str
    done: str
    alarming: bool = False
    """Whether it is confirmed and unexplained: an emergency while trading."""
    notified: bool = False
    """Whether the owner has been notified of it just now."""

    def text(self) -> str:
        return (
            f"{f'{self.what} {self.stock_code}'.strip()}: kt had {self.ours}, "
            f"the broker has {self.brokers}; {self.done}"
        )


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The result of reconciliation at startup."""

    resolved: tuple[Order, ...] = ()
    """Orders and changes whose outcome was unknown and is known now."""
    unknown: tuple[Order, ...] = ()
    """Orders that a person must resolve (`kt order resolve`), and those sent so recently that the
    answer may still arrive."""
    expired: tuple[Order, ...] = ()
    external: tuple[BrokerOrder, ...] = ()
    """Open orders at the broker that kt did not place: counted in risk, never touched."""
    differences: tuple[Difference, ...] = ()
    positions: tuple[Position, ...] = ()
    caught_up: int = 0
    """Fills found over REST."""

    def lines(self, *, notified: bool = True) -> tuple[str, ...]:
        """One line of text per result; empty when there was nothing to reconcile. Without
        `notified`, differences that the owner was just notified of (and so shown) are left out."""
        found = [
            *(f"settled: {_name(order)} is {order.state}" for order in self.resolved),
            *(_of_unknown(order) for order in self.unknown),
            *(f"expired: {_name(order)}" for order in self.expired),
            *(one.text() for one in self.differences if notified or not one.notified),
        ]
        if self.caught_up:
            found.append(f"{self.caught_up} fill(s) caught up from the broker")
        return tuple(found)


def _of_unknown(order: Order) -> str:
    if order.state is OrderState.UNKNOWN:
        return f"UNKNOWN: {_name(order)}; kt order resolve"
    return f"not answered yet: {_name(order)}"


def _name(order: Order) -> str:
    return f"{order.side} {order.stock_code} x{order.quantity} ({order.order_id})"


@dataclass(frozen=True, slots=True)
class Exit:
    """A position with the exit that is due: stop-loss, take-profit, trailing stop or time limit."""

    position: Position
    origin: Origin
    price: int
    """The price in won that triggered the exit."""
    reason: str
    tick_at: datetime | None = None
    """When kt received the tick with this price; None when the price was not a tick's."""


@dataclass(frozen=True, slots=True)
class Flattened:
    """The result of flatten. `done`: no position is left."""

    cancelled: tuple[Order, ...] = ()
    sold: tuple[Order, ...] = ()
    left: tuple[str, ...] = ()
    """What could not be sold, each with the reason."""
    done: bool = True

    def text(self) -> str:
        return "flattened" if self.done else "flatten left: " + "; ".join(self.left)


@dataclass(frozen=True, slots=True)
class Learned:
    """The result of scoring decisions (step 9)."""

    outcomes: tuple[DecisionOutcome, ...] = ()
    missing: tuple[str, ...] = field(default=())
    """Decisions whose price at the horizon could not be fetched."""

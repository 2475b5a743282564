"""What the steps hand back beside the records that travel: shown to people, never piped on."""

from __future__ import annotations

from dataclasses import dataclass, field

from kt.records import BrokerOrder, DecisionOutcome, Order, OrderState, Origin, Position


@dataclass(frozen=True, slots=True)
class Difference:
    """Where kt's books and the broker did not say the same, and what was done about it."""

    what: str
    """`position`, `cash`, `order`, `external` or `realised`."""
    stock_code: str
    """Empty when it is of no one stock."""
    ours: str
    brokers: str
    done: str
    alarming: bool = False
    """Whether it is believed and nothing explains it: an emergency while trading."""

    def text(self) -> str:
        return (
            f"{f'{self.what} {self.stock_code}'.strip()}: kt had {self.ours}, "
            f"the broker has {self.brokers}; {self.done}"
        )


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The result of starting: what was settled, what ended, what differed."""

    resolved: tuple[Order, ...] = ()
    """Intents whose outcome was unknown before and is known now."""
    unknown: tuple[Order, ...] = ()
    """Intents a person must settle (`kt order resolve`), and those sent so lately that their
    answer may still come."""
    expired: tuple[Order, ...] = ()
    external: tuple[BrokerOrder, ...] = ()
    """Open orders at the broker that kt did not place: counted in risk, never touched."""
    differences: tuple[Difference, ...] = ()
    positions: tuple[Position, ...] = ()
    caught_up: int = 0
    """Fills found over REST."""

    def lines(self) -> tuple[str, ...]:
        """One line for each thing worth saying; empty when all agreed."""
        found = [
            *(f"settled: {_name(order)} is {order.state}" for order in self.resolved),
            *(_of_unknown(order) for order in self.unknown),
            *(f"expired: {_name(order)}" for order in self.expired),
            *(difference.text() for difference in self.differences),
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
    """A position whose stop or target was reached."""

    position: Position
    origin: Origin
    price: int
    """The price that reached it."""
    reason: str


@dataclass(frozen=True, slots=True)
class Flattened:
    """What flatten did. `done` is true when nothing sellable is left and kt is halted."""

    cancelled: tuple[Order, ...] = ()
    sold: tuple[Order, ...] = ()
    left: tuple[str, ...] = ()
    """What could not be sold, with the reason."""
    done: bool = True

    def text(self) -> str:
        return "flattened" if self.done else "flatten left: " + "; ".join(self.left)


@dataclass(frozen=True, slots=True)
class Learned:
    """What step 9 found."""

    outcomes: tuple[DecisionOutcome, ...] = ()
    missing: tuple[str, ...] = field(default=())
    """Decisions whose later price could not be had."""

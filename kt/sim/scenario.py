"""The process document's four scenarios, as price moves of one stock on a running exchange.

A scenario sets prices and how many shares of the resting orders trade there. It places no orders:
that is up to the user or kt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kt.errors import KtError
from kt.ports import Clock
from kt.records import Action, Decision, RiskLevel, Side
from kt.sim.control import Control

STOCK = "005930"
BUY_PRICE = 70_000
QUANTITY = 10
LOOK = 0.2
"""Real seconds between two polls of the resting orders: the exchange notifies only the account
that placed them."""


@dataclass(frozen=True, slots=True)
class Move:
    """A price in won and the aggressor side. `awaits`: first wait for a resting buy order at the
    document's price. `served`: the percentage of the resting shares that trades; 0 leaves the
    usual trading."""

    price: int
    side: Side
    text: str
    awaits: bool = False
    served: int = 0


@dataclass(frozen=True, slots=True)
class Moved:
    """A move that was made: its time on the exchange's clock, and the shares that trade."""

    at: datetime
    stock_code: str
    price: int
    shares: int
    text: str


_ABOVE = Move(70_100, Side.BUY, "just above the price of the order")
_HALF = Move(BUY_PRICE, Side.SELL, "half of the order fills", awaits=True, served=50)

SCENARIOS: dict[str, tuple[Move, ...]] = {
    "buy": (
        _ABOVE,
        _HALF,
        Move(BUY_PRICE, Side.SELL, "the rest fills", awaits=True, served=100),
        Move(BUY_PRICE, Side.SELL, "it trades at the price of the order"),
    ),
    "profit": (
        Move(73_000, Side.BUY, "on its way up"),
        Move(76_000, Side.BUY, "still below the target of 77,000"),
        Move(77_500, Side.SELL, "above the target: 10.7 % over 70,000"),
    ),
    "stop": (
        Move(68_000, Side.SELL, "on its way down"),
        Move(66_000, Side.SELL, "below the stop of 66,500: 5.7 % under 70,000"),
    ),
    "unfilled": (
        _ABOVE,
        _HALF,
        Move(70_500, Side.BUY, "offered at 70,500 only: the rest of the order stays open"),
    ),
}
"""The scenarios by name; `profit` and `stop` need the position that `buy` leaves."""


def play(
    control: Control,
    name: str,
    stock_code: str,
    clock: Clock,
    *,
    pause: float,
    patience: float,
    say: Callable[[str], None],
) -> Iterator[Moved]:
    """Make a scenario's moves, with `pause` seconds of the exchange's clock after each; yields each
    move when it has been made.

    Raises UsageError for a price outside the day's limits or a session that is over, KtError when
    no buy order at 70,000 waits within `patience` seconds of the exchange's clock.
    """
    for move in SCENARIOS[name]:
        waiting = _await(control, stock_code, clock, patience, say) if move.awaits else 0
        shares = max(1, waiting * move.served // 100) if move.served else 0
        steered = control.steer(
            stock_code, price=move.price, side=move.side.value, shares=shares or None
        )
        at = datetime.fromisoformat(steered["at"])
        yield Moved(at, stock_code, move.price, shares, move.text)
        clock.sleep(pause)


def _await(
    control: Control, stock_code: str, clock: Clock, patience: float, say: Callable[[str], None]
) -> int:
    """Wait for buy orders at the document's price; returns their open shares."""
    found, until = _waiting(control.steered(stock_code)), clock.monotonic() + patience
    if not found:
        say(f"waiting for an order to buy {stock_code} at {BUY_PRICE:,}")
    while not found:
        if clock.monotonic() > until:
            raise KtError(
                f"no order to buy {stock_code} at {BUY_PRICE:,} has come in {patience:g} s",
                hint=f"kt order buy {stock_code} {QUANTITY} --price {BUY_PRICE}",
            )
        clock.sleep(LOOK / clock.to_real(1.0))
        found = _waiting(control.steered(stock_code))
    return found


def _waiting(steered: dict[str, Any]) -> int:
    return sum(
        shares for side, price, shares in steered["waiting"] if (side, price) == ("BUY", BUY_PRICE)
    )


def decision(stock_code: str, stock_name: str, at: datetime, decision_id: str) -> Decision:
    """The process document's example decision, made at a moment."""
    return Decision(
        action=Action.BUY,
        stock_code=stock_code,
        stock_name=stock_name,
        quantity=QUANTITY,
        price=BUY_PRICE,
        reason="the example of the process document",
        confidence=0.85,
        risk_level=RiskLevel.MEDIUM,
        decision_id=decision_id,
        analyst="document",
        decided_at=at,
        reference_price=BUY_PRICE,
    )

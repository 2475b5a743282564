"""Orders as kt keeps them: the intent, the events that change it, the fills."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from kt.records.account import Concern
from kt.records.base import OrderType, Record, Side

OrderNumber = Annotated[str, Meta(pattern="^[0-9]{0,20}$")]
"""The broker's number with its leading zeros; empty for none."""


class OrderState(StrEnum):
    PLANNED = "PLANNED"
    DENIED = "DENIED"
    SENDING = "SENDING"
    ACKED = "ACKED"
    REJECTED = "REJECTED"
    NOT_PLACED = "NOT_PLACED"
    UNKNOWN = "UNKNOWN"
    PARTIAL = "PARTIAL"
    FILLED = "FILLED"
    AMENDING = "AMENDING"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


OPEN_STATES = frozenset(
    {OrderState.ACKED, OrderState.PARTIAL, OrderState.AMENDING, OrderState.CANCELLING}
)
"""The order is at the broker and may still fill."""
CHANGING_STATES = frozenset({OrderState.AMENDING, OrderState.CANCELLING})
"""An amend or cancel was sent and its outcome is not known yet."""
UNRESOLVED_STATES = frozenset({OrderState.PLANNED, OrderState.SENDING, OrderState.UNKNOWN})
"""It is not known yet whether the order is at the broker."""
FINAL_STATES = frozenset(
    {
        OrderState.DENIED,
        OrderState.REJECTED,
        OrderState.NOT_PLACED,
        OrderState.FILLED,
        OrderState.CANCELLED,
        OrderState.EXPIRED,
    }
)
"""Final; only a late fill may still turn CANCELLED or EXPIRED into FILLED."""


class Origin(StrEnum):
    """What the order is for."""

    CYCLE = "cycle"
    PIPE = "pipe"
    MANUAL = "manual"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    TRAILING_STOP = "trailing_stop"
    TIME_STOP = "time_stop"
    CLOSE = "close"
    """A sell before the market closes (`session.close_positions`)."""
    FLATTEN = "flatten"
    EXTERNAL = "external"
    """Found at the broker and not placed by kt: counted in the exposure, never changed."""


STOP_EXITS = frozenset({Origin.STOP_LOSS, Origin.TRAILING_STOP, Origin.TIME_STOP, Origin.CLOSE})
"""Exits that cancel all other sells of their stock first."""
EXITS = STOP_EXITS | {Origin.TAKE_PROFIT, Origin.FLATTEN}
"""Origins that only sell what is held: only halt, the market's hours and impossible orders may stop
them."""


class Order(Record, frozen=True, kw_only=True):
    """One order intent and everything that happened to it. Changed only by folding events
    (`rules/order_state.py`).

    `ord_nos` is the chain of numbers the broker gave (new, amends), newest last; `ord_no` the
    newest. `noted_ord_no` is the highest number seen at the broker before sending: recovery
    searches above it. `filled_value` is the sum of price x quantity of the fills, in won.
    """

    order_id: str
    run: str
    side: Side
    stock_code: str
    stock_name: str
    order_type: OrderType
    quantity: int
    price: int
    state: OrderState
    origin: Origin
    created_at: datetime
    updated_at: datetime
    ord_no: OrderNumber = ""
    ord_nos: tuple[OrderNumber, ...] = ()
    noted_ord_no: OrderNumber = ""
    filled_quantity: int = 0
    filled_value: int = 0
    cancelled_quantity: int = 0
    client_id: str = ""
    decision_id: str = ""
    code: str = ""
    """The denial code, or the broker's code of a refusal."""
    message: str = ""
    reason: str = ""
    concerns: Concern | None = None
    """What the broker's refusal concerns."""
    not_enough: bool = False
    """Refused because the broker has fewer shares available than the order sells."""
    tick_at: datetime | None = None
    """When kt received the tick that caused it; None when none did."""

    @property
    def open_quantity(self) -> int:
        return max(0, self.quantity - self.filled_quantity - self.cancelled_quantity)

    @property
    def average_fill(self) -> float:
        return self.filled_value / self.filled_quantity if self.filled_quantity else 0.0


class OrderEventKind(StrEnum):
    PLANNED = "PLANNED"
    DENIED = "DENIED"
    SENDING = "SENDING"
    ACKED = "ACKED"
    REJECTED = "REJECTED"
    NOT_PLACED = "NOT_PLACED"
    UNKNOWN = "UNKNOWN"
    FILL = "FILL"
    AMENDING = "AMENDING"
    AMENDED = "AMENDED"
    AMEND_FAILED = "AMEND_FAILED"
    """The change was refused or was not sent: the order is unchanged."""
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    CANCEL_FAILED = "CANCEL_FAILED"
    CHANGE_UNKNOWN = "CHANGE_UNKNOWN"
    """An amend or cancel whose outcome is not known."""
    EXPIRED = "EXPIRED"
    ADOPTED = "ADOPTED"
    """Reconciliation or a person found the order at the broker."""
    GIVEN_UP = "GIVEN_UP"
    """Reconciliation or a person established that the order is not at the broker."""


class OrderEvent(Record, frozen=True, kw_only=True):
    """One event of an order. Events with the same `event_id` count once.

    For FILL, `fill` is set. For ACKED, AMENDED and ADOPTED, `ord_no` is the new number; for
    AMENDING and AMENDED, `quantity` (0 = all open) and `price` are the wanted ones; for CANCELLED,
    `quantity` is what was cancelled.
    """

    event_id: str
    order_id: str
    kind: OrderEventKind
    at: datetime
    ord_no: OrderNumber = ""
    quantity: int = 0
    price: int = 0
    code: str = ""
    message: str = ""
    evidence: str = ""
    fill: Fill | None = None
    concerns: Concern | None = None
    not_enough: bool = False
    sent_at: datetime | None = None
    """Of the answer to a send: when the request was sent, after the wait for the rate limit."""


class Fill(Record, frozen=True, kw_only=True):
    """One execution of one order. Money in won.

    `ord_no` is the broker's order number at that time; `from_quantity`..`to_quantity` is the
    half-open range of that number's filled shares (cumulative after the fill = ordered − open).
    Overlapping ranges are the same shares: a fill that arrives from the stream and from REST counts
    once.
    """

    fill_id: str
    order_id: str
    ord_no: OrderNumber
    stock_code: str
    stock_name: str
    side: Side
    quantity: int
    price: int
    at: datetime
    from_quantity: int
    to_quantity: int
    fee: int = 0
    tax: int = 0
    exec_no: str = ""
    source: str = "stream"
    """stream, rest, or list (derived from the broker's holdings alone)."""

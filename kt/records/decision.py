"""What kt makes of the market: candidates, decisions and their safety checks."""

from __future__ import annotations

from datetime import datetime

from kt.records.account import OrderTicket
from kt.records.base import Action, OrderType, Record, RiskLevel, Side
from kt.records.order import Origin


class Candidate(Record, frozen=True, kw_only=True):
    """A stock worth a closer look. Money in won; `score` 0..100; None = not looked at yet."""

    stock_code: str
    stock_name: str
    price: int
    change_pct: float
    volume: int
    value: int
    score: float
    stage: str
    """fast, deep or ai: the last scan that kept it."""
    rankings: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    surge_pct: float | None = None
    strength: float | None = None
    """Trade strength, 100 = even."""
    book_ratio: float | None = None
    """Bid over ask quantity in the book."""
    foreign_net: int | None = None
    """Shares, today or the newest day known."""
    institution_net: int | None = None
    broker_net: int | None = None
    """Shares bought less sold by the five busiest firms of each side."""


class Decision(Record, frozen=True, kw_only=True):
    """The process document's decision object, and where it came from.

    `quantity` is the analyst's upper bound; kt sizes orders itself. `price` is the limit in won
    (0 for HOLD). `confidence` 0..1.
    """

    action: Action
    stock_code: str
    stock_name: str
    quantity: int
    price: int
    reason: str
    confidence: float
    risk_level: RiskLevel
    decision_id: str = ""
    analyst: str = ""
    model: str = ""
    decided_at: datetime | None = None
    reference_price: int = 0
    """The last price the analyst saw."""
    faults: tuple[str, ...] = ()
    """Why the analyst's own answer was replaced by HOLD; empty when it was accepted."""


class CheckResult(Record, frozen=True, kw_only=True):
    """One rule's verdict, with its arithmetic in words: `1,200,000 > limit 1,000,000`."""

    code: str
    passed: bool
    detail: str


class OrderIntent(Record, frozen=True, kw_only=True):
    """An order as somebody wants it: what the safety rules judge, whoever wants it.

    `price` is the limit in won, 0 for a market order. `decision` is what the order rests on; None
    when a person typed it or a rule of kt's own (an exit, a flatten, an amend) wants it.
    """

    side: Side
    stock_code: str
    quantity: int
    price: int
    order_type: OrderType
    origin: Origin
    stock_name: str = ""
    reason: str = ""
    decision: Decision | None = None

    @property
    def decision_id(self) -> str:
        return self.decision.decision_id if self.decision else ""

    @property
    def ticket(self) -> OrderTicket:
        """As it goes to the broker."""
        return OrderTicket(
            side=self.side,
            stock_code=self.stock_code,
            quantity=self.quantity,
            order_type=self.order_type,
            price=self.price,
        )


class Check(OrderIntent, frozen=True, kw_only=True):
    """An intent after the safety validation: what may be ordered, or every reason why not.

    `quantity` is kt's own size; `price` 0 means a market order.
    """

    passed: bool
    results: tuple[CheckResult, ...]
    checked_at: datetime
    check_id: str = ""
    buys_seen: int = -1
    """How many of the day's buys by other runs the sums counted; -1 = not told."""

    @property
    def intent(self) -> OrderIntent:
        """What was judged, without the verdict."""
        return OrderIntent(**{name: getattr(self, name) for name in OrderIntent.__struct_fields__})

    @property
    def denials(self) -> tuple[CheckResult, ...]:
        return tuple(result for result in self.results if not result.passed)

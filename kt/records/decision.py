"""Candidates, decisions, order intents and their pre-trade checks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, field

from kt.records.account import OrderTicket
from kt.records.base import (
    MANY,
    Action,
    Amount,
    Code,
    Name,
    OrderType,
    Price,
    Provenance,
    Rate,
    Record,
    RiskLevel,
    Shares,
    Side,
    Words,
)
from kt.records.order import Origin


class Candidate(Record, frozen=True, kw_only=True):
    """A stock that a scan selected. Money in won; `score` 0..100; None = not fetched yet."""

    stock_code: Code
    stock_name: Name
    price: Price
    change_pct: Rate
    volume: Amount
    value: Amount
    score: Rate
    stage: Code
    """fast, deep or ai: the last scan that kept it."""
    rankings: Annotated[tuple[Name, ...], MANY] = ()
    reasons: Annotated[tuple[Words, ...], MANY] = ()
    surge_pct: Rate | None = None
    strength: Rate | None = None
    """Trade strength, 100 = even."""
    book_ratio: Rate | None = None
    """Bid quantity divided by ask quantity in the order book."""
    foreign_net: Amount | None = None
    """In shares, of today or the newest day known."""
    institution_net: Amount | None = None
    broker_net: Amount | None = None
    """Net shares bought by the five most active member firms of each side."""
    coverage_pct: Annotated[float, Meta(ge=0, le=100)] = 100.0
    """How much of the last score's weight had data behind it; what was missing counts half."""
    odds_pct: Annotated[float, Meta(ge=0, le=100)] | None = None
    """The analyst's chance of a rise; None before the scan by the analyst."""
    risk: Words = ""
    """The greatest risk, in the analyst's words."""


class ScanSummary(Record, frozen=True, kw_only=True):
    """What a scan looked at, what it left out, and what it lacked.

    `seen` and `excluded` are numbers of stocks; each stock counts under the first reason that
    applies (`kt/rules/screen.py`). `missing` are the sources (fast scan) or parts (deep scan) that
    failed, with the newest error; `coverage_pct` is the weight of what was answered, in percent of
    the weight of all that was asked for.
    """

    seen: int = 0
    excluded: dict[str, int] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    coverage_pct: float = 100.0


class Decision(Record, frozen=True, kw_only=True):
    """The analyst's decision object, and where it came from
    (docs/architecture.md#decision-object).

    `quantity` is the analyst's upper bound; kt sizes orders itself. `price` is the limit in won
    (0 for HOLD and ABSTAIN). `confidence` (0..1) is, for every action, the chance that doing this
    beats not doing it, after costs, at the horizon.
    """

    action: Action
    stock_code: Code
    stock_name: Name
    quantity: Shares
    price: Price
    reason: Words
    confidence: Annotated[float, Meta(ge=0, le=1)]
    risk_level: RiskLevel
    decision_id: Name = ""
    analyst: Name = ""
    model: Name = ""
    decided_at: datetime | None = None
    reference_price: Price = 0
    """The last price the analyst saw."""
    faults: Annotated[tuple[Words, ...], MANY] = ()
    """Why there is no answer of the configured analyst; empty when there is one."""
    provenance: Provenance = Provenance.OWN
    repairs: Annotated[tuple[Words, ...], MANY] = ()
    """Repairs of the answer's form: `price: '71,000' read as 71000`."""
    data_at: datetime | None = None
    """The newest time in the data the decision is based on: its age counts from here, not from when
    the analyst answered."""
    prompt_version: Name = ""
    """Version of the instructions that the analyst was given."""
    held: Shares = 0
    """Shares held when the analyst was asked: a HOLD of a held stock is another decision than a
    HOLD of one that is not."""
    question_key: Name = ""
    """The key of the analysis's first question in `ai_calls`, where the market data are."""
    answer_key: Name = ""
    """The key of the answer that this decision was read from."""
    votes: Annotated[tuple[Words, ...], MANY] = ()
    """How each member of a panel voted, dissent included; empty for a single analyst."""


class CheckResult(Record, frozen=True, kw_only=True):
    """One rule's result, with its arithmetic in words: `1,200,000 > limit 1,000,000`."""

    code: Name
    passed: bool
    detail: Words


class OrderIntent(Record, frozen=True, kw_only=True):
    """An order that is wanted: the input of the pre-trade check, for every origin.

    `price` is the limit in won, 0 for a market order. `decision` is the one the order is based on;
    None for an order that a person typed or that kt's own rules want (an exit, a flatten, an
    amend).
    """

    side: Side
    stock_code: Code
    quantity: Shares
    price: Price
    order_type: OrderType
    origin: Origin
    stock_name: Name = ""
    reason: Words = ""
    decision: Decision | None = None

    @property
    def decision_id(self) -> str:
        return self.decision.decision_id if self.decision else ""

    @property
    def ticket(self) -> OrderTicket:
        """The ticket that goes to the broker."""
        return OrderTicket.of(self)


class Check(OrderIntent, frozen=True, kw_only=True):
    """An intent after the pre-trade check: what may be ordered, or every reason why not.

    `quantity` is kt's own size; `price` 0 means a market order.
    """

    passed: bool
    results: Annotated[tuple[CheckResult, ...], MANY]
    checked_at: datetime
    check_id: Name = ""
    buys_seen: Annotated[int, Meta(ge=-1, le=10**9)] = -1
    """How many of the day's buys by other runs the sums include; -1 = not known."""
    exits_seen: Annotated[int, Meta(ge=-1, le=10**9)] = -1
    """Of a sell: how many shares the day's exits of the stock had offered; -1 = not known."""

    @property
    def intent(self) -> OrderIntent:
        """The intent that was checked, without the result."""
        return OrderIntent(**{name: getattr(self, name) for name in OrderIntent.__struct_fields__})

    @property
    def denials(self) -> tuple[CheckResult, ...]:
        return tuple(result for result in self.results if not result.passed)

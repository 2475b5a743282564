"""One decision's whole trail, from the scan to the verdict."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kt.records.analyst_request import AnalystCall, AnalystRequest
from kt.records.base import Record
from kt.records.decision import Candidate, Check, Decision
from kt.records.order import Fill, Order
from kt.records.result import Position, RoundTrip
from kt.records.scoring import DecisionOutcome


class ExitLevels(Record, frozen=True, kw_only=True):
    """Stop and target of a position as they were set or moved at one time. Prices in won; 0 =
    none."""

    stock_code: str
    stock_name: str
    quantity: int
    average_price: int
    stop_price: int
    target_price: int
    reason: str
    at: datetime


class DecisionTrail(Record, frozen=True, kw_only=True):
    """Everything the journal has about one decision. Money in won.

    `missing` names the parts that should exist and do not, with the reason.
    """

    decision: Decision
    run: str
    candidate: Candidate | None
    """As the scan found it; None for a stock that no scan proposed."""
    brief: AnalystRequest | None
    """What the analyst was told, of the stocks only this one."""
    prompt: str
    """Instructions and data as sent to a model; of the rules analyst, its figures."""
    reply: str
    """As received; the decision objects as JSON for an analyst that answers without text."""
    reply_objects: tuple[dict[str, Any], ...]
    """Those about this stock, where the reply is plain JSON."""
    prompt_characters: int
    reply_characters: int
    call: AnalystCall | None
    checks: tuple[Check, ...]
    orders: tuple[Order, ...]
    fills: tuple[Fill, ...]
    exits: tuple[ExitLevels, ...]
    """Stop and target while the shares were held, oldest first."""
    position: Position | None
    """What is still held of it."""
    trade: RoundTrip | None
    """The round trip that the fills belong to, as far as it was sold."""
    profit: int | None
    """After costs: of a BUY, the profit of the round trip's sales; of a SELL, that of its own.
    None: nothing was sold."""
    verdict: DecisionOutcome | None
    missing: tuple[str, ...] = ()

"""What every record shares: frozen, keyword-only, typed; money is int won, times are aware."""

from __future__ import annotations

from datetime import timedelta, timezone
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

KST = timezone(timedelta(hours=9), "KST")
"""Asia/Seoul. Korea has no daylight saving time, so the fixed offset is exact
(docs/market-rules.md#sessions)."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen value. Unknown JSON fields are ignored, so that a newer version may add fields."""


# What a piped record may hold: more than the market ever shows, less than a sum or a table chokes
# on. Checked where a document is read.
Code = Annotated[str, Meta(max_length=20)]
Name = Annotated[str, Meta(max_length=200)]
Words = Annotated[str, Meta(max_length=10_000)]
Shares = Annotated[int, Meta(ge=0, le=10**9)]
Price = Annotated[int, Meta(ge=0, le=10**9)]
Amount = Annotated[int, Meta(ge=-(10**15), le=10**15)]
"""In won or in shares."""
Rate = Annotated[float, Meta(ge=-1e9, le=1e9)]
MANY = Meta(max_length=100)


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class Action(StrEnum):
    """What an analyst decided about a stock: BUY, SELL or HOLD. ABSTAIN means that there is no
    usable answer: nothing is ordered and nothing is scored."""

    BUY = "BUY"
    SELL = "SELL"
    HOLD = "HOLD"
    ABSTAIN = "ABSTAIN"

    @property
    def trades(self) -> bool:
        """Whether this action leads to an order."""
        return self in (Action.BUY, Action.SELL)


ANSWERS = (Action.BUY, Action.SELL, Action.HOLD)
"""The actions of the process document's decision object: the only ones an analyst may answer."""


class Provenance(StrEnum):
    """Where a decision came from."""

    OWN = "own"
    """The analyst's answer, unchanged."""
    REPAIRED = "repaired"
    """The analyst's answer after unambiguous repairs of its form (`repairs` lists them)."""
    FALLBACK = "fallback"
    """The fallback analyst's answer, because the first one did not answer."""
    SHADOW = "shadow"
    """The shadow analyst's (`analyst.shadow`): scored, never ordered."""
    NONE = "none"
    """No analyst answered: ABSTAIN."""

    @property
    def own(self) -> bool:
        """Whether the configured analyst made the decision itself."""
        return self in (Provenance.OWN, Provenance.REPAIRED)


class RiskLevel(StrEnum):
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


class OrderType(StrEnum):
    """The order types kt places. The wire's codes (`0`, `3`) live in the broker adapter."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"

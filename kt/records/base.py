"""What every record shares: frozen, keyword-only, typed; money is int won, times are aware."""

from __future__ import annotations

from datetime import timedelta, timezone
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

KST = timezone(timedelta(hours=9), "KST")
"""Asia/Seoul. Korea keeps no summer time, so the fixed offset is exact
(docs/market-rules.md#sessions)."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A value that travels between steps. Unknown JSON fields are ignored: JSON only grows."""


# What a piped record may hold: more than the market ever shows, less than a sum or a table chokes
# on. Checked where a document is read.
Code = Annotated[str, Meta(max_length=20)]
Name = Annotated[str, Meta(max_length=200)]
Words = Annotated[str, Meta(max_length=10_000)]
Shares = Annotated[int, Meta(ge=0, le=10**9)]
Price = Annotated[int, Meta(ge=0, le=10**9)]
Amount = Annotated[int, Meta(ge=-(10**15), le=10**15)]
"""Of won or of shares."""
Rate = Annotated[float, Meta(ge=-1e9, le=1e9)]
MANY = Meta(max_length=100)


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class Action(StrEnum):
    """What an analyst answers about a stock: BUY, SELL or HOLD. ABSTAIN is no answer of anybody's:
    it stands where none came or none could be used, does nothing and is never scored."""

    BUY = "BUY"
    SELL = "SELL"
    HOLD = "HOLD"
    ABSTAIN = "ABSTAIN"

    @property
    def trades(self) -> bool:
        """Whether an order may come of it."""
        return self in (Action.BUY, Action.SELL)


ANSWERS = (Action.BUY, Action.SELL, Action.HOLD)
"""The actions of the process document's decision object: all that an analyst may say."""


class Provenance(StrEnum):
    """Whose a decision is."""

    OWN = "own"
    """The analyst's, as it was said."""
    REPAIRED = "repaired"
    """The analyst's; its form was put right where that was certain (`repairs` says what)."""
    FALLBACK = "fallback"
    """Another analyst's, because the one that was asked did not answer."""
    NONE = "none"
    """Nobody's: ABSTAIN."""

    @property
    def own(self) -> bool:
        """Whether the analyst that was asked decided it."""
        return self in (Provenance.OWN, Provenance.REPAIRED)


class RiskLevel(StrEnum):
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


class OrderType(StrEnum):
    """The order types kt places. The wire's codes (`0`, `3`) live in the broker adapter."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"

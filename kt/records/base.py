"""What every record shares: frozen, keyword-only, typed; money is int won, times are aware."""

from __future__ import annotations

from datetime import timedelta, timezone
from enum import StrEnum

import msgspec

KST = timezone(timedelta(hours=9), "KST")
"""Asia/Seoul. Korea keeps no summer time, so the fixed offset is exact (rules.md §1)."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A value that travels between steps. Unknown JSON fields are ignored: JSON only grows."""


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class Action(StrEnum):
    BUY = "BUY"
    SELL = "SELL"
    HOLD = "HOLD"


class RiskLevel(StrEnum):
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


class OrderType(StrEnum):
    """The order types kt places. The wire's codes (`0`, `3`) live in the broker adapter."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"

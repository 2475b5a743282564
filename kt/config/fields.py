"""The base of every section of the configuration, and the kinds of values a key may have.

Amounts are won, times of day `HH:MM` in Korea, intervals seconds, rates percent.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

MOST_WON = 10**13
"""Upper bound of any amount, above the daily trading value of any stock."""
Won = Annotated[int, Meta(gt=0, le=MOST_WON)]
WonOrNone = Annotated[int, Meta(ge=0, le=MOST_WON)]
Positive = Annotated[int, Meta(gt=0, le=100_000)]
NotNegative = Annotated[int, Meta(ge=0, le=100_000)]
Percent = Annotated[float, Meta(ge=0, le=100)]
Share = Annotated[float, Meta(ge=0, le=1)]
TimeOfDay = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
_TIME = r"([01]\d|2[0-3]):[0-5]\d"
HOURS_OR_NONE = rf"^({_TIME}-{_TIME})?$"
StockCode = Annotated[str, Meta(pattern=r"^[0-9A-Z]{6}$")]
Seconds = Annotated[float, Meta(gt=0, le=604_800)]
"""At most a week."""
Rate = Annotated[float, Meta(gt=0, le=1_000)]
ModelPrice = Annotated[str, Meta(pattern=r"^\S+ \d{1,5}(\.\d+)? \d{1,5}(\.\d+)?$")]
_ANALYST = r"(rules|gemini|openai)(:[^\s@]{1,60})?(@https?://\S{1,200})?"
AnalystName = Annotated[str, Meta(pattern=rf"^{_ANALYST}$")]
ANALYST_OR_NONE = rf"^({_ANALYST})?$"
Dollars = Annotated[float, Meta(ge=0, le=100_000)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the configuration."""

"""A checked API call to the exchange, and its reply before it is encoded as JSON."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import msgspec

from kt.ports import Broker, Market, OrderGateway
from kt.records import Instrument
from kt.rules.fees import REAL_COMMISSION_PCT
from kt.sim.wire import error_bodies
from kt.sim.wire.chart_pages import ChartCache
from kt.sim.wire.values import bare_code, number

Row = dict[str, str]
DONE = "정상적으로 처리되었습니다"
SHOWN = " 조회가 완료되었습니다."
"""The leading blank is as recorded on ka10076."""


class Call(msgspec.Struct, frozen=True):
    """A request whose headers, token and rate have been checked. `seek` and `anchor` come from
    the next-key."""

    body: Mapping[str, str]
    market: Market
    broker: Broker
    gateway: OrderGateway
    instruments: Mapping[str, Instrument]
    now: datetime
    commission_pct: float = REAL_COMMISSION_PCT
    seek: int = 0
    anchor: str = ""
    recent: ChartCache = msgspec.field(default_factory=ChartCache)
    selected: dict[Hashable, frozenset[str]] = msgspec.field(default_factory=dict)
    """The codes of the day's stocks that pass a filter, kept by who filters."""

    def text(self, name: str, default: str = "") -> str:
        return self.body.get(name, "").strip() or default

    def code(self, name: str = "stk_cd") -> str:
        return bare_code(self.body.get(name, ""))

    def whole(self, name: str) -> int:
        try:
            return number(self.body.get(name, ""))
        except ValueError:
            raise error_bodies.bad_field(name, "숫자가 아닙니다") from None

    def date(self, name: str) -> date:
        """A `YYYYMMDD` field."""
        text = self.body.get(name, "").strip()
        try:
            return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
        except ValueError:
            raise error_bodies.bad_field(name, "날짜 형식은 YYYYMMDD 입니다") from None

    def base(self, stock_code: str) -> int:
        """Yesterday's close, the reference for the sign of prices."""
        found = self.instruments.get(stock_code)
        return found.base_price if found else 0


@dataclass(frozen=True, slots=True)
class CallReply:
    """The reply's fields, and its list if it has one.

    `rows` are all rows, and the server splits them into pages of `page` rows. With `window`, the
    rows are already one page: `more` says whether another page follows, and `anchor` is what the
    next-key must carry to continue.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    rows_name: str = ""
    rows: Sequence[Row] = ()
    page: int = 100
    message: str = DONE
    window: bool = False
    more: bool = False
    anchor: str = ""


def names(text: str) -> tuple[str, ...]:
    """Field names from a text in which blanks separate them."""
    return tuple(text.split())


def filled(fields: Sequence[str], default: str, **values: str) -> Row:
    """All documented fields: the given values, and `default` for the rest."""
    unknown = values.keys() - set(fields)
    if unknown:
        raise KeyError(f"not documented: {sorted(unknown)}")
    return {name: values.get(name, default) for name in fields}

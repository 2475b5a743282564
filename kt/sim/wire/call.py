"""What one API call is to the exchange, and what its answer is before it becomes JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from kt.ports import Broker, Market, OrderGateway
from kt.records import Instrument
from kt.rules.fees import REAL_COMMISSION_PCT
from kt.sim.wire import error_bodies
from kt.sim.wire.chart_pages import ChartCache
from kt.sim.wire.values import bare_code, number

Row = dict[str, str]
DONE = "정상적으로 처리되었습니다"
SHOWN = " 조회가 완료되었습니다."
"""With its leading blank, as recorded on ka10076."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose headers, token and rate have been found good. `seek` and `anchor` come
    from the next-key."""

    body: Mapping[str, str]
    market: Market
    broker: Broker
    gateway: OrderGateway
    instruments: Mapping[str, Instrument]
    now: datetime
    commission_pct: float = REAL_COMMISSION_PCT
    seek: int = 0
    anchor: str = ""
    recent: ChartCache = field(default_factory=ChartCache)

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
        """Yesterday's close, against which prices are signed."""
        found = self.instruments.get(stock_code)
        return found.base_price if found else 0


@dataclass(frozen=True, slots=True)
class CallReply:
    """Fields of the answer, and its list when it has one.

    `rows` is everything; the server cuts pages of `page` rows out of it, unless `window` says that
    the rows are one page already, `more` that there is another and `anchor` what it hangs on.
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
    """A list of field names, written as the document writes them: one after the other."""
    return tuple(text.split())


def filled(fields: Sequence[str], default: str, **values: str) -> Row:
    """Every documented field: the ones the exchange knows, and a default for the others."""
    unknown = values.keys() - set(fields)
    if unknown:
        raise KeyError(f"not documented: {sorted(unknown)}")
    return {name: values.get(name, default) for name in fields}

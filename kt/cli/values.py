"""What people type, checked: stock codes, amounts of won and shares, dates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from datetime import date

    Type = click.ParamType[Any]
else:
    Type = click.ParamType  # click made it generic later than the oldest version kt takes

CODE = re.compile(r"[0-9A-Z]{6}")


class StockCodeType(Type):
    """Six digits or capital letters, as in 005930 or 0156T0."""

    name = "code"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).strip().upper()
        if not CODE.fullmatch(text):
            self.fail(f"{value!r} is no stock code: six digits or letters, like 005930", param, ctx)
        return text


class CountType(Type):
    """A whole number above 0; thousands may be separated by commas, as in 70,000."""

    def __init__(self, name: str) -> None:
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        if not re.fullmatch(r"\d+|\d{1,3}(,\d{3})+", text):
            self.fail(f"{value!r} is no whole number", param, ctx)
        number = int(text.replace(",", ""))
        if not 0 < number < 10**12:
            self.fail(f"{value!r} is out of range: 1 to 999,999,999,999", param, ctx)
        return number


class DayType(Type):
    """A day as 2026-11-23."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        from datetime import date

        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no day: write it as 2026-11-23", param, ctx)


STOCK_CODE = StockCodeType()
SHARES = CountType("shares")
WON = CountType("won")
DAY = DayType()

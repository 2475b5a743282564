"""Parameter types of the command line: stock codes, amounts of won and shares, dates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from kt.text import visible

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
        text = str(value).strip()
        text = text.upper() if text.isascii() else text
        if not CODE.fullmatch(text):
            self.fail(
                f"{shown(value)} is not a stock code: use six digits or letters, like 005930",
                param,
                ctx,
            )
        return text


class CountType(Type):
    """A whole number above 0; thousands may be separated by commas, as in 70,000."""

    def __init__(self, name: str, most: int) -> None:
        self.name = name
        self.most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        if not re.fullmatch(r"[0-9]{1,20}|[0-9]{1,3}(,[0-9]{3}){1,6}", text):
            self.fail(f"{shown(value)} is not a whole number: use digits 0 to 9", param, ctx)
        number = int(text.replace(",", ""))
        if not 0 < number <= self.most:
            self.fail(f"{shown(value)} is out of range: 1 to {self.most:,}", param, ctx)
        return number


class DayType(Type):
    """A day as 2026-11-23."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        from datetime import date

        text = str(value)
        try:
            if not re.fullmatch(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", text):
                raise ValueError(text)
            return date.fromisoformat(text)
        except ValueError:
            self.fail(f"{shown(value)} is not a date: write it as 2026-11-23", param, ctx)


class Whole(click.IntRange):
    """A whole number of ASCII digits."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", str(value)):
            self.fail(f"{shown(value)} is not a whole number: use digits 0 to 9", param, ctx)
        return int(super().convert(value, param, ctx))


class Real(click.FloatRange):
    """A decimal number of ASCII digits; neither `nan` nor `inf`."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if not re.fullmatch(r"[0-9]{0,15}\.?[0-9]{0,15}", str(value)) or str(value) in ".":
            self.fail(f"{shown(value)} is not a number: use digits 0 to 9 and a point", param, ctx)
        return float(super().convert(value, param, ctx))


def shown(value: Any) -> str:
    """User input as error messages quote it: quoted, control characters escaped, shortened."""
    return repr(visible(str(value), 60))


STOCK_CODE = StockCodeType()
SHARES = CountType("shares", 10**9)
PRICE = CountType("won", 10**9)
WON = CountType("won", 10**12)
DAY = DayType()

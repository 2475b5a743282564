"""Parameter types of the command line: stock codes, amounts of won and shares, dates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from kt.rules.typed_text import folded
from kt.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    Type = click.ParamType[Any]
else:
    Type = click.ParamType  # click made it generic later than the oldest version kt takes


class StockType(Type):
    """A stock by its code (005930, 0156T0), its name, initials or a part of its name; the command
    looks names up with `stock_choice.stock_code`."""

    name = "stock"

    def __init__(self, offers: str) -> None:
        """`offers`: what shell completion offers, a kind of `kt.cli.completing.offers`."""
        self.offers = offers

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from kt.rules.stock_names import LONGEST, code_of, key

        text = folded(str(value))
        code = code_of(text)
        if code:
            return code
        if not key(text) or key(text).isdecimal() or len(text) > LONGEST or visible(text) != text:
            self.fail(
                f"{shown(value)} is not a stock code: use six digits or letters, like 005930, "
                "or a name",
                param,
                ctx,
            )
        return text


class NamedType(Type):
    """A text, such as a path, that is taken as it is; `offers` is what shell completion offers."""

    def __init__(self, name: str, offers: str) -> None:
        self.name = name
        self.offers = offers

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(value)


class PastedType(NamedType):
    """A number, a code or a time as text, in the one form that kt compares (`typed_text`)."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return folded(str(value))


class CountType(Type):
    """A whole number above 0; thousands may be separated by commas, as in 70,000."""

    def __init__(self, name: str, most: int) -> None:
        self.name = name
        self.most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = folded(str(value))
        if not re.fullmatch(r"[0-9]{1,20}|[0-9]{1,3}(,[0-9]{3}){1,6}", text):
            self.fail(f"{shown(value)} is not a whole number: use digits 0 to 9", param, ctx)
        number = int(text.replace(",", ""))
        if not 0 < number <= self.most:
            self.fail(f"{shown(value)} is out of range: 1 to {self.most:,}", param, ctx)
        return number


class WordsType(Type):
    """Text that a pure parser turns into a value; the parser's ValueError says what is wrong."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self.parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self.parse(str(value))
        except ValueError as wrong:
            self.fail(f"{shown(value)} {wrong}", param, ctx)


class DayType(Type):
    """A day as 2026-11-23."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        from datetime import date

        text = folded(str(value))
        try:
            if not re.fullmatch(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", text):
                raise ValueError(text)
            return date.fromisoformat(text)
        except ValueError:
            self.fail(f"{shown(value)} is not a date: write it as 2026-11-23", param, ctx)


class Whole(click.IntRange):
    """A whole number of ASCII digits."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = folded(str(value))
        if not re.fullmatch(r"[0-9]{1,18}", text):
            self.fail(f"{shown(value)} is not a whole number: use digits 0 to 9", param, ctx)
        return int(super().convert(int(text), param, ctx))


class Real(click.FloatRange):
    """A decimal number of ASCII digits; neither `nan` nor `inf`."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        text = folded(str(value))
        if not re.fullmatch(r"[0-9]{0,15}\.?[0-9]{0,15}", text) or text in ".":
            self.fail(f"{shown(value)} is not a number: use digits 0 to 9 and a point", param, ctx)
        return float(super().convert(float(text), param, ctx))


def shown(value: Any) -> str:
    """User input as error messages quote it: quoted, control characters escaped, shortened."""
    return repr(visible(str(value), 60))


def _price(text: str) -> Any:
    from kt.rules.order_words import parse_price

    return parse_price(text)


def _quantity(text: str) -> Any:
    from kt.rules.order_words import parse_quantity

    return parse_quantity(text)


def _won(text: str) -> int:
    from kt.rules.order_words import parse_won

    return parse_won(text)


STOCK = StockType("stock")
HELD_STOCK = StockType("held")
OPEN_ORDER = PastedType("order", "open_order")
FILE = NamedType("file", "file")
UNKNOWN_ORDER = PastedType("order", "unknown_order")
PASTED = PastedType("text", "")
PRICE = WordsType("price", _price)
"""A `kt.rules.order_words.PriceWish`."""
QUANTITY = WordsType("quantity", _quantity)
"""A `kt.rules.order_words.QuantityWish`."""
SHARES = CountType("shares", 10**9)
WON = WordsType("won", _won)
DAY = DayType()

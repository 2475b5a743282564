"""Reads the fields of one row by name; every error is a WireError with the field's path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import TypeVar

from kt import api_catalog
from kt.broker.wire import scalars
from kt.errors import WireError
from kt.records import OrderType, Side

T = TypeVar("T")

_NOTHING = re.compile(r"[\s0.+-]*|KRX|NXT|SOR|N")
"""What a blank row may hold: blanks, zeros, and also a venue or a flag that is not set."""

OnFault = Callable[[WireError], None]
"""Called with the error of each row that was left out."""

SHOWN = 80
"""The most characters of an invalid value that an error message shows."""


class Row:
    """The fields of one JSON object, with the path that error messages show.

    A missing or blank field is an error without a `default`, and the default with one.
    """

    __slots__ = ("fields", "where")

    def __init__(self, fields: object, where: str) -> None:
        if not isinstance(fields, Mapping):
            raise WireError(where, shown(fields), hint="An object was expected here.")
        self.fields: Mapping[str, object] = fields
        self.where = where

    def read(self, name: str, parse: Callable[[object], T | None], default: T | None = None) -> T:
        """The field `name`, converted by `parse`, which returns None for a blank."""
        raw = self.fields.get(name)
        try:
            value = None if raw is None else parse(raw)
        except ValueError:
            raise WireError(f"{self.where}.{name}", shown(raw)) from None
        if value is None:
            if default is None:
                raise WireError(f"{self.where}.{name}", shown(raw))
            return default
        return value

    def has(self, name: str) -> bool:
        """Whether the field is present and neither blank nor an empty list."""
        raw = self.fields.get(name)
        return bool(raw.strip()) if isinstance(raw, str) else raw is not None and raw != []

    def text(self, name: str, default: str | None = None) -> str:
        return self.read(name, lambda raw: scalars.text(raw) or None, default)

    def integer(self, name: str, default: int | None = None) -> int:
        return self.read(name, scalars.integer, default)

    def price(self, name: str, default: int | None = None) -> int:
        """Won (or a count); the sign is only a direction and is dropped."""
        return self.read(name, scalars.price, default)

    def rounded(self, name: str, default: int | None = None) -> int:
        return self.read(name, scalars.rounded, default)

    def rate(self, name: str, default: float | None = None) -> float:
        return self.read(name, scalars.rate, default)

    def code(self, name: str) -> str:
        return self.read(name, scalars.code)

    def order_number(self, name: str, default: str | None = None) -> str:
        """Without a default, a blank or zero number is an error."""
        return self.read(name, lambda raw: scalars.order_number(raw) or None, default)

    def day(self, name: str, default: date | None = None) -> date:
        return self.read(name, scalars.day, default)

    def moment(self, name: str, today: date, default: datetime | None = None) -> datetime:
        return self.read(name, lambda raw: scalars.moment(raw, today), default)

    def side(self, name: str) -> Side:
        return self.read(name, scalars.side)

    def order_type(self, name: str, price: int) -> OrderType:
        """Some rows (cancels) have no order type: then it is a limit order if it has a price."""
        return self.read(
            name,
            lambda raw: scalars.order_type(raw) if scalars.text(raw) else None,
            OrderType.LIMIT if price else OrderType.MARKET,
        )

    def blank(self) -> bool:
        """Whether all fields are empty or zero; the broker may send such a row for an empty day."""
        return all(
            _NOTHING.fullmatch(raw) if isinstance(raw, str) else not raw
            for raw in self.fields.values()
        )


def shown(raw: object) -> object:
    """An invalid value, shortened for an error message."""
    if isinstance(raw, str | bytes):
        return raw if len(raw) <= SHOWN else raw[:SHOWN]
    if raw is None or isinstance(raw, float) or (isinstance(raw, int) and abs(raw) < 10**20):
        return raw
    return f"<{type(raw).__name__}>"


def rows(body: Mapping[str, object], api_id: str) -> Iterator[Row]:
    """The rows of the API's list without blank ones, which the broker may send for an empty day.

    Strict: anything but a list, or a row that is not an object (`null` included), is an error.
    """
    for path, fields in _listed(body, api_id):
        row = Row(fields, path)
        if not row.blank():
            yield row


def _listed(body: Mapping[str, object], api_id: str) -> Iterator[tuple[str, object]]:
    """(path, fields) of each entry. Only `[]` is an empty list: `null`, a blank or a missing list
    is an error."""
    path = f"{api_id}.{api_catalog.api(api_id).row_list}"
    found = body.get(api_catalog.api(api_id).row_list)
    if not isinstance(found, list):
        raise WireError(path, shown(found), hint="A list was expected here.")
    for index, fields in enumerate(found):
        yield f"{path}[{index}]", fields


def tolerant(
    body: Mapping[str, object], api_id: str, parse: Callable[[Row], T], on_fault: OnFault
) -> list[T]:
    """The valid rows; each invalid one is reported to `on_fault` and left out.

    For rankings and market data, where one invalid row must not lose the others. Orders, fills
    and holdings use the strict `rows` instead. A missing list is an error here too.
    """
    kept: list[T] = []
    for path, fields in _listed(body, api_id):
        try:
            row = Row(fields, path)
            if not row.blank():
                kept.append(parse(row))
        except WireError as fault:
            on_fault(fault)
    return kept

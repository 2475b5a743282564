"""One row of the wire: fields read by name, every fault a WireError with the field's path."""

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
"""Also what stands in a row whatever it holds: the venue, and a flag that is not set."""

OnFault = Callable[[WireError], None]
"""Is told about a row that was left out."""

SHOWN = 80
"""So much of a bad value is quoted."""


class Row:
    """The fields of one JSON object, with the path that names them in errors.

    Without a `default` a missing or blank field is a fault; with one it is the default.
    """

    __slots__ = ("fields", "where")

    def __init__(self, fields: object, where: str) -> None:
        if not isinstance(fields, Mapping):
            raise WireError(where, shown(fields), hint="An object was expected here.")
        self.fields: Mapping[str, object] = fields
        self.where = where

    def read(self, name: str, parse: Callable[[object], T | None], default: T | None = None) -> T:
        """The field `name` through `parse`, which returns None for a blank."""
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
        """Is there something other than a blank or an empty list?"""
        raw = self.fields.get(name)
        return bool(raw.strip()) if isinstance(raw, str) else raw is not None and raw != []

    def text(self, name: str, default: str | None = None) -> str:
        return self.read(name, lambda raw: scalars.text(raw) or None, default)

    def integer(self, name: str, default: int | None = None) -> int:
        return self.read(name, scalars.integer, default)

    def price(self, name: str, default: int | None = None) -> int:
        """Won (or a count) whose sign is a direction."""
        return self.read(name, scalars.price, default)

    def rounded(self, name: str, default: int | None = None) -> int:
        return self.read(name, scalars.rounded, default)

    def rate(self, name: str, default: float | None = None) -> float:
        return self.read(name, scalars.rate, default)

    def code(self, name: str) -> str:
        return self.read(name, scalars.code)

    def order_number(self, name: str, default: str | None = None) -> str:
        """Without a default a blank or zero number is a fault."""
        return self.read(name, lambda raw: scalars.order_number(raw) or None, default)

    def day(self, name: str, default: date | None = None) -> date:
        return self.read(name, scalars.day, default)

    def moment(self, name: str, today: date, default: datetime | None = None) -> datetime:
        return self.read(name, lambda raw: scalars.moment(raw, today), default)

    def side(self, name: str) -> Side:
        return self.read(name, scalars.side)

    def order_type(self, name: str, price: int) -> OrderType:
        """Blank on some rows (cancels): then a price makes it a limit order."""
        return self.read(
            name,
            lambda raw: scalars.order_type(raw) if scalars.text(raw) else None,
            OrderType.LIMIT if price else OrderType.MARKET,
        )

    def blank(self) -> bool:
        """Has no field any content, padded zeros not counted? An empty day may come so."""
        return all(
            _NOTHING.fullmatch(raw) if isinstance(raw, str) else not raw
            for raw in self.fields.values()
        )


def shown(raw: object) -> object:
    """A bad value, short enough for a message."""
    if isinstance(raw, str | bytes):
        return raw if len(raw) <= SHOWN else raw[:SHOWN]
    if raw is None or isinstance(raw, float) or (isinstance(raw, int) and abs(raw) < 10**20):
        return raw
    return f"<{type(raw).__name__}>"


def rows(body: Mapping[str, object], api_id: str) -> Iterator[Row]:
    """The rows of the API's list, blank ones dropped: an empty day may come as one of these.

    Read strictly, for money follows from it: what is no list, and a row that is no object
    (`null` too), is a fault.
    """
    for path, fields in _listed(body, api_id):
        row = Row(fields, path)
        if not row.blank():
            yield row


def _listed(body: Mapping[str, object], api_id: str) -> Iterator[tuple[str, object]]:
    """Path and fields of what the list holds. Only `[]` is an empty list: `null`, a blank and a
    list that is not there say that something went wrong, and not that there is nothing."""
    path = f"{api_id}.{api_catalog.api(api_id).row_list}"
    found = body.get(api_catalog.api(api_id).row_list)
    if not isinstance(found, list):
        raise WireError(path, shown(found), hint="A list was expected here.")
    for index, fields in enumerate(found):
        yield f"{path}[{index}]", fields


def tolerant(
    body: Mapping[str, object], api_id: str, parse: Callable[[Row], T], on_fault: OnFault
) -> list[T]:
    """Every row that can be read; each that cannot is told to `faulty` and left out.

    For rankings and lists of facts, where one bad row must not lose the others. What money
    follows from (orders, fills, holdings) is read strictly instead. Here too, what is no list
    at all is a fault.
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

"""Every API of the broker's documents: id, name, transport, path, request and answer fields.

One catalogue for the client and for the exchange, made from the broker's reference by
tests/tools/make_api_catalog.py. It imports nothing of kt but errors.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources
from typing import Any

import msgspec

from kt.errors import UsageError

ORDER_PATHS = frozenset({"/api/dostk/ordr", "/api/dostk/crdordr"})
"""Cash and credit orders; gold's are of the first."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a request or an answer. `depth` 1 = a field of the rows of the list above it.

    In WebSocket frames the fields of depth 2 are the numbered values (FIDs) of one row.
    """

    name: str
    label: str
    required: bool
    depth: int
    is_list: bool = False


@dataclass(frozen=True)
class Api:
    """One API. `transport` is rest or websocket."""

    api_id: str
    name: str
    transport: str
    path: str
    request: tuple[Field, ...]
    response: tuple[Field, ...]

    @property
    def places_orders(self) -> bool:
        return self.path in ORDER_PATHS

    @property
    def required(self) -> tuple[str, ...]:
        """The names a request must hold."""
        return tuple(field.name for field in self.request if field.required)

    @functools.cached_property
    def fields(self) -> tuple[str, ...]:
        """The names of the answer's single values: what is neither a list nor in one."""
        return tuple(f.name for f in self.response if f.depth == 0 and not f.is_list)

    @functools.cached_property
    def row_list(self) -> str:
        """The name of the answer's list of rows, its first where there are several; "" for none."""
        return next((f.name for f in self.response if f.depth == 0 and f.is_list), "")

    @functools.cached_property
    def row_fields(self) -> tuple[str, ...]:
        """The names of the fields of `row_list`'s rows."""
        names: list[str] = []
        inside = False
        for field in self.response:
            if field.depth == 0:
                inside = field.name == self.row_list
            elif inside and field.depth == 1:
                names.append(field.name)
        return tuple(names)

    @functools.cached_property
    def fids(self) -> tuple[str, ...]:
        """The numbers of the values in one row of a live type's frame."""
        return tuple(field.name for field in self.response if field.depth == 2)


def ids() -> tuple[str, ...]:
    """Every API's id, as `kt api` takes it."""
    return tuple(_lines())


@functools.cache
def api(api_id: str) -> Api:
    """One API; UsageError names the nearest ids when there is none."""
    line = _lines().get(api_id)
    if line is None:
        raise UsageError(f"there is no API {api_id!r}", hint=_nearest(api_id))
    name, transport, path, request, response = msgspec.json.decode(line, type=list[Any])
    return Api(api_id, name, transport, path, _fields(request), _fields(response))


def _fields(rows: list[list[Any]]) -> tuple[Field, ...]:
    return tuple(
        Field(name, label, bool(required), depth, bool(kind))
        for name, label, required, depth, *kind in rows
    )


def _nearest(api_id: str) -> str:
    import difflib

    near = difflib.get_close_matches(api_id, _lines(), n=3)
    return f"Did you mean {', '.join(near)}?" if near else "Ids look like ka10001 or kt00018."


@functools.cache
def _lines() -> dict[str, msgspec.Raw]:
    """Each API's line of apis.json: the few that a command uses are read when they are used."""
    text = resources.files("kt.api_catalog").joinpath("apis.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, msgspec.Raw])

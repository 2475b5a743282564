"""Every API in the broker's documents: id, name, transport, path, request and response fields.

The client and the exchange share this catalogue. tests/tools/make_api_catalog.py generates it
from the broker's reference. It imports nothing from kt except errors.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources
from typing import Any

import msgspec

from kt.errors import UsageError

ORDER_PATHS = frozenset({"/api/dostk/ordr", "/api/dostk/crdordr"})
"""The paths of cash and credit orders; gold orders use the first."""

TOKEN_PATHS = frozenset({"/oauth2/token", "/oauth2/revoke"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a request or a response. `depth` 1: a field in the rows of the list before it.

    In WebSocket frames, fields of depth 2 are the numbered values (FIDs) of one row.
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
    def issues_tokens(self) -> bool:
        return self.path in TOKEN_PATHS

    @functools.cached_property
    def required(self) -> tuple[str, ...]:
        """The names of the required request fields."""
        return tuple(field.name for field in self.request if field.required)

    @functools.cached_property
    def fields(self) -> tuple[str, ...]:
        """The names of the response's single values, which are neither a list nor inside one."""
        return tuple(f.name for f in self.response if f.depth == 0 and not f.is_list)

    @functools.cached_property
    def row_list(self) -> str:
        """The name of the response's (first) list of rows; "" if there is none."""
        return next((f.name for f in self.response if f.depth == 0 and f.is_list), "")

    @functools.cached_property
    def row_fields(self) -> tuple[str, ...]:
        """The names of the fields in a row of `row_list`."""
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
        """The field numbers (FIDs) in one row of a live type's frame."""
        return tuple(field.name for field in self.response if field.depth == 2)


def ids() -> tuple[str, ...]:
    """All API ids, as `kt api` takes them."""
    return tuple(_lines())


@functools.cache
def api(api_id: str) -> Api:
    """One API by id; raises UsageError with similar ids if there is none."""
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
    """The undecoded line of each API in apis.json; an API is decoded when it is first used."""
    text = resources.files("kt.api_catalog").joinpath("apis.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, msgspec.Raw])

"""The broker's 207 APIs as compact facts: id, name, transport, path and fields."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources
from typing import Any

import msgspec

from kt.errors import UsageError


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a request or an answer. `depth` 1 = a field of the rows of the list above it.

    In WebSocket frames the fields of depth 2 are the numbered values of one row.
    """

    name: str
    label: str
    required: bool
    depth: int
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Api:
    """One API. `transport` is rest or websocket."""

    api_id: str
    name: str
    transport: str
    path: str
    request: tuple[Field, ...]
    response: tuple[Field, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """The names a request must hold."""
        return tuple(field.name for field in self.request if field.required)


def ids() -> tuple[str, ...]:
    """Every API's id, as `kt api` takes it."""
    return tuple(_table())


def api(api_id: str) -> Api:
    """The facts of one API; UsageError names the nearest ids when there is none."""
    row = _table().get(api_id)
    if row is None:
        raise UsageError(f"there is no API {api_id!r}", hint=_nearest(api_id))
    name, transport, path, request, response = row
    return Api(api_id, name, transport, path, _fields(request), _fields(response))


def _fields(rows: list[list[Any]]) -> tuple[Field, ...]:
    return tuple(
        Field(name, label, bool(required), depth, bool(kind))
        for name, label, required, depth, *kind in rows
    )


def _nearest(api_id: str) -> str:
    import difflib

    near = difflib.get_close_matches(api_id, _table(), n=3)
    return f"Did you mean {', '.join(near)}?" if near else "Ids look like ka10001 or kt00018."


@functools.cache
def _table() -> dict[str, list[Any]]:
    data = resources.files("kt.broker").joinpath("facts.json").read_bytes()
    return msgspec.json.decode(data, type=dict[str, list[Any]])

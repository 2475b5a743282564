"""Paging: a long response is split once, so that later pages neither skip nor repeat rows."""

from __future__ import annotations

import base64
import binascii
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kt.sim.wire import error_bodies
from kt.sim.wire.call import CallReply, Row

KEPT = 256
"""The most responses kept for later pages; the oldest are dropped first."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The content of a next-key. `kept` identifies a stored response; a chart continues at `seek`
    instead, and `anchor` is the newest bar of its first page."""

    api_id: str
    seek: int
    anchor: str = ""
    kept: int = 0

    def text(self) -> str:
        raw = f"{self.api_id}|{self.seek}|{self.anchor}|{self.kept}"
        return base64.urlsafe_b64encode(raw.encode()).decode()


@dataclass(frozen=True, slots=True)
class Page:
    """The body, and the key of the next page; empty on the last one."""

    body: dict[str, Any]
    next_key: str


def cursor(api_id: str, headers: Mapping[str, str]) -> Cursor | None:
    """The continuation requested by the headers; None for a first page. Raises the broker's
    refusal."""
    key = headers.get("next-key", "").strip()
    if headers.get("cont-yn", "N").strip() != "Y" or not key:
        return None
    try:
        owner, seek, anchor, kept = base64.urlsafe_b64decode(key).decode().split("|")
        found = Cursor(owner, int(seek), anchor, int(kept))
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise _unknown_key() from None
    if found.api_id != api_id:
        raise _unknown_key()
    return found


class Pages:
    """The responses whose later pages may still be requested, by app key."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[str, CallReply]] = OrderedDict()
        self._last = 0

    def first(self, app_key: str, api_id: str, reply: CallReply) -> Page:
        """The first page of a response; the rest, if any, is kept."""
        if len(reply.rows) <= reply.page:
            return Page(body(reply, reply.rows), "")
        self._last += 1
        self._kept[self._last] = (app_key, reply)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._cut(api_id, reply, 0, self._last)

    def later(self, app_key: str, at: Cursor) -> Page:
        """A page of a kept response; can be read repeatedly. Raises the broker's refusal."""
        owner, reply = self._kept.get(at.kept, ("", CallReply()))
        if owner != app_key:
            raise _unknown_key()
        return self._cut(at.api_id, reply, at.seek, at.kept)

    def _cut(self, api_id: str, reply: CallReply, seek: int, kept: int) -> Page:
        rows = reply.rows[seek : seek + reply.page]
        more = seek + len(rows) < len(reply.rows)
        key = Cursor(api_id, seek + len(rows), kept=kept).text() if more else ""
        return Page(body(reply, rows), key)


def window(api_id: str, seek: int, reply: CallReply) -> Page:
    """A page that the reply has already cut: charts, which are long and never change."""
    key = Cursor(api_id, seek + len(reply.rows), reply.anchor).text() if reply.more else ""
    return Page(body(reply, reply.rows), key)


def body(reply: CallReply, rows: Sequence[Row]) -> dict[str, Any]:
    fields = dict(reply.fields)
    if reply.rows_name:
        fields[reply.rows_name] = list(rows)
    return {**fields, "return_code": 0, "return_msg": reply.message}


def _unknown_key() -> error_bodies.Refusal:
    return error_bodies.bad_field("next-key", "연속조회 키가 올바르지 않습니다")

"""The subscriptions, and their assignment to the broker's groups of at most 100 items."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kt.records import (
    BalanceNotice,
    BookUpdate,
    OrderNotice,
    SessionNotice,
    StreamEvent,
    StreamKind,
    Tick,
    ViNotice,
)

Key = tuple[StreamKind, str]
"""One subscription: a kind and a stock code, which is empty for the kinds without stocks."""

WITHOUT_STOCK = frozenset(
    {StreamKind.ORDERS, StreamKind.BALANCE, StreamKind.SESSION, StreamKind.VI}
)
"""Of the account or of the whole market: subscribed to once, with an empty item."""
GROUP_SIZE = 100
SHARED_GROUP = 1
"""The kinds without stocks are here; stocks follow, each group of one kind."""

_KINDS: dict[type, StreamKind] = {
    OrderNotice: StreamKind.ORDERS,
    BalanceNotice: StreamKind.BALANCE,
    SessionNotice: StreamKind.SESSION,
    ViNotice: StreamKind.VI,
}


def keys_of(kinds: Iterable[StreamKind], stock_codes: Iterable[str]) -> frozenset[Key]:
    """Every kind with every stock code; the kinds without stocks once."""
    codes = tuple(stock_codes)
    return frozenset(
        (kind, code) for kind in kinds for code in (("",) if kind in WITHOUT_STOCK else codes)
    )


def key_of(event: StreamEvent) -> Key | None:
    """The subscription an event belongs to; None for connection events, which everyone gets."""
    if isinstance(event, Tick):
        return StreamKind.TRADE, event.stock_code
    if isinstance(event, BookUpdate):
        return StreamKind.BOOK, event.stock_code
    kind = _KINDS.get(type(event))
    return None if kind is None else (kind, "")


class Batch(NamedTuple):
    """What one REG or REMOVE frame names."""

    group: int
    kind: StreamKind
    codes: tuple[str, ...]

    def body(self, trnm: str) -> dict[str, object]:
        """`refresh` 1 keeps what the group holds; item and type are lists even when single."""
        data = [{"item": list(self.codes), "type": [self.kind.value]}]
        keep = {"refresh": "1"} if trnm == "REG" else {}
        return {"trnm": trnm, "grp_no": str(self.group), **keep, "data": data}


class Groups:
    """What is registered on one connection. Freed places are reused first."""

    def __init__(self) -> None:
        self._place: dict[Key, int] = {}
        self._members: dict[int, set[Key]] = {}

    @property
    def keys(self) -> frozenset[Key]:
        return frozenset(self._place)

    def add(self, keys: Iterable[Key]) -> list[Batch]:
        """Add the keys; returns the REG frames for them, in a stable order."""
        placed: dict[tuple[int, StreamKind], list[str]] = {}
        for key in sorted(set(keys) - self._place.keys()):
            group = self._room(key[0])
            self._place[key] = group
            self._members.setdefault(group, set()).add(key)
            placed.setdefault((group, key[0]), []).append(key[1])
        return [Batch(group, kind, tuple(codes)) for (group, kind), codes in placed.items()]

    def drop(self, keys: Iterable[Key]) -> list[Batch]:
        """Remove the keys; returns the REMOVE frames for them."""
        freed: dict[tuple[int, StreamKind], list[str]] = {}
        for key in sorted(set(keys) & self._place.keys()):
            group = self._place.pop(key)
            self._members[group].discard(key)
            freed.setdefault((group, key[0]), []).append(key[1])
        return [Batch(group, kind, tuple(codes)) for (group, kind), codes in freed.items()]

    def _room(self, kind: StreamKind) -> int:
        if kind in WITHOUT_STOCK:
            return SHARED_GROUP
        group = SHARED_GROUP + 1
        while True:
            members = self._members.get(group)
            # One kind a group: "100 items" then means the same however the broker counts.
            if not members or (len(members) < GROUP_SIZE and next(iter(members))[0] is kind):
                return group
            group += 1

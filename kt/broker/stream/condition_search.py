"""Condition searches on the stream's connection: the broker has them on the WebSocket alone.

One connection is all that the broker allows an app key, so a search goes over the one that is
there: this process's own, or that of the process it follows.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from kt.broker.stream.envelope import UNREADABLE
from kt.broker.wire import OnFault, conditions, shown
from kt.errors import BrokerRefused, UnknownCondition, WireError
from kt.ports import concurrency
from kt.records import Ranked

LIST = "CNSRLST"
SEARCH = "CNSRREQ"
KRX = "K"
MOST_PAGES = 20
"""A search of more pages is cut off: no list of candidates is that long."""
Ask = Callable[[str, dict[str, Any]], bytes]
"""Sends a frame of that name on a connection, and returns the answer as it came."""


class SearchAnswer(msgspec.Struct, tag="found", tag_field="type", frozen=True, kw_only=True):
    """The names of all saved searches and the matches of one; or the leader's error as `refused`
    (by the broker) or `failed`. `number` is that of the request, 0 where there is none."""

    number: int = 0
    names: tuple[str, ...] = ()
    rows: tuple[Ranked, ...] = ()
    refused: str = ""
    failed: str = ""


def search(ask: Ask, name: str, on_fault: OnFault) -> SearchAnswer:
    """The names of all saved searches, and the matches of `name` (empty: only the names). The list
    is always asked for first: the broker runs no condition before it. Raises BrokerRefused,
    Unreachable or WireError."""
    numbers = conditions.listed(_body(ask(LIST, {})))
    if name not in numbers:
        return SearchAnswer(names=tuple(numbers))
    request = {"seq": numbers[name], "search_type": "0", "stex_tp": KRX}
    places, found, key = itertools.count(1), list[Ranked](), ""
    for _ in range(MOST_PAGES):
        body = _body(ask(SEARCH, {**request, "cont_yn": "Y" if key else "N", "next_key": key}))
        found += conditions.matches(body, name, places, on_fault)
        key = str(body.get("next_key") or "").strip()
        if body.get("cont_yn") != "Y" or not key:
            break
    return SearchAnswer(names=tuple(numbers), rows=tuple(found))


def _body(data: bytes) -> dict[str, Any]:
    """An answer's fields. Raises BrokerRefused for an error, WireError for what is no object."""
    try:
        body = msgspec.json.decode(data, type=dict[str, Any])
    except UNREADABLE:
        raise WireError("condition search", shown(data)) from None
    code = str(body.get("return_code") or "0").strip()
    if code.strip("0"):
        said = str(body.get("return_msg") or "no reason given")[:200]
        raise BrokerRefused(
            f"the server refused the condition search: {said} ({code})",
            hint="This server may have none; leave `condition:` out of scan.sources then.",
            code=code,
        )
    return body


class SearchingStream(Protocol):
    """The part of a stream that searches need (`kt.broker.stream.live`)."""

    @property
    def live(self) -> bool: ...
    def start(self, sink: Callable[[object], None]) -> None: ...
    def search(self, name: str) -> SearchAnswer: ...
    def close(self) -> None: ...


class Searches:
    """Condition searches of this process: over its running stream, or over one that is opened for a
    search and closed again."""

    def __init__(self, make: Callable[[], SearchingStream]) -> None:
        self._make = make
        self._lock = concurrency.lock()
        self.running: SearchingStream | None = None
        """The stream that the process made last for its live data."""

    def names(self) -> tuple[str, ...]:
        return self._search("").names

    def matches(self, name: str) -> tuple[Ranked, ...]:
        """Raises UnknownCondition for a name that is not in the list."""
        found = self._search(name)
        if name not in found.names:
            raise UnknownCondition(name, found.names)
        return found.rows

    def _search(self, name: str) -> SearchAnswer:
        with self._lock:  # a second stream of this process would follow the first and wait for it
            running = self.running
            if running is not None and running.live:
                return running.search(name)
            stream = self._make()
            try:
                stream.start(lambda event: None)
                return stream.search(name)
            finally:
                stream.close()

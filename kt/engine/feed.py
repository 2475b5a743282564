"""The day's stream: started, pointed at the stocks that matter, replaced when it is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from kt.errors import KtError
from kt.ports import Stream
from kt.records import StreamEvent, StreamKind
from kt.steps.context import Context
from kt.steps.gather import note_error

LIMIT = 95
"""Stocks followed at once: the broker takes 100 items in a group."""

_ACCOUNT = (StreamKind.ORDERS, StreamKind.BALANCE, StreamKind.SESSION)
_STOCK = (StreamKind.TRADE, StreamKind.BOOK)


class Feed:
    """At most one stream at a time; its events go to the sink, on the stream's own thread."""

    def __init__(
        self, ctx: Context, factory: Callable[[], Stream], sink: Callable[[StreamEvent], None]
    ) -> None:
        self._ctx = ctx
        self._factory = factory
        self._sink = sink
        self._stream: Stream | None = None
        self._codes: tuple[str, ...] = ()
        self._lock = threading.RLock()

    @property
    def running(self) -> bool:
        return self._stream is not None

    def start(self) -> None:
        """Connect and subscribe. Raises AuthError, Unreachable or StreamReplaced."""
        if self._stream is not None:
            return
        stream = self._factory()
        stream.start(self._sink)
        stream.subscribe(_ACCOUNT)
        with self._lock:
            if self._codes:
                stream.subscribe(_STOCK, self._codes)
            self._stream = stream

    def watch(self, codes: Iterable[str]) -> None:
        """Follow exactly these stocks, the most important first; what is over the limit is
        left out."""
        wanted = tuple(dict.fromkeys(codes))[:LIMIT]
        with self._lock:
            before, self._codes = self._codes, wanted
            if self._stream is None:
                return
            try:
                self._point(self._stream, before, wanted)
            except KtError as failure:
                self._codes = before
                note_error(self._ctx, "feed.watch", failure)

    @staticmethod
    def _point(stream: Stream, before: tuple[str, ...], wanted: tuple[str, ...]) -> None:
        gone = [code for code in before if code not in wanted]
        new = [code for code in wanted if code not in before]
        if gone:
            stream.unsubscribe(_STOCK, gone)
        if new:
            stream.subscribe(_STOCK, new)

    def drop(self) -> None:
        """The stream ended by itself, or the day has no more use for it."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

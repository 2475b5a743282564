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


class Feed:
    """At most one stream at a time; its events go to the sink, on the stream's own thread."""

    def __init__(
        self, ctx: Context, factory: Callable[[], Stream], sink: Callable[[StreamEvent], None]
    ) -> None:
        self._ctx = ctx
        self._factory = factory
        self._sink = sink
        self._stream: Stream | None = None
        self._codes: dict[StreamKind, tuple[str, ...]] = {
            StreamKind.TRADE: (),
            StreamKind.BOOK: (),
        }
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
            for kind, codes in self._codes.items():
                if codes:
                    stream.subscribe((kind,), codes)
            self._stream = stream

    def watch(self, near: Iterable[str], far: Iterable[str] = ()) -> None:
        """Follow exactly these stocks, the most important first: `near` with their books, `far`
        with their trades alone. What is over the limit is left out."""
        close = tuple(dict.fromkeys(near))[:LIMIT]
        trades = tuple(dict.fromkeys((*close, *far)))[:LIMIT]
        self._point(StreamKind.TRADE, trades)
        self._point(StreamKind.BOOK, close)

    def _point(self, kind: StreamKind, wanted: tuple[str, ...]) -> None:
        with self._lock:
            before = self._codes[kind]
            self._codes[kind] = wanted
            stream = self._stream
            if stream is None or set(before) == set(wanted):
                return
            try:
                gone = [code for code in before if code not in wanted]
                new = [code for code in wanted if code not in before]
                if gone:
                    stream.unsubscribe((kind,), gone)
                if new:
                    stream.subscribe((kind,), new)
            except KtError as failure:
                self._codes[kind] = before
                note_error(self._ctx, "feed.watch", failure)

    def drop(self) -> None:
        """The stream ended by itself, or the day has no more use for it."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

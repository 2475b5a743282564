"""The day's stream: started, pointed at the stocks that matter, replaced when it is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from kt.errors import KtError
from kt.ports import Stream
from kt.records import StreamEvent, StreamKind
from kt.steps.context import Context
from kt.steps.fan_out import note_error

LIMIT = 95
"""Stocks followed at once: the broker takes 100 items in a group."""

_ACCOUNT = (StreamKind.ORDERS, StreamKind.BALANCE, StreamKind.SESSION, StreamKind.VI)


Codes = dict[StreamKind, tuple[str, ...]]


class Feed:
    """At most one stream at a time; its events go to the sink, on the stream's own thread.

    Pointing it waits for the broker's word, so the day only aims (`aim`) and lets a worker
    `point`.
    """

    def __init__(
        self, ctx: Context, factory: Callable[[], Stream], sink: Callable[[StreamEvent], None]
    ) -> None:
        self._ctx = ctx
        self._factory = factory
        self._sink = sink
        self._stream: Stream | None = None
        self._wanted: Codes = {StreamKind.TRADE: (), StreamKind.BOOK: ()}
        self._tried: Codes = self._wanted
        """What was wanted when the stream was pointed last, successfully or not."""
        self._codes: Codes = {}
        """What it is subscribed to."""
        self._lock = threading.RLock()

    @property
    def running(self) -> bool:
        return self._stream is not None

    @property
    def behind(self) -> bool:
        """Whether other stocks are wanted than at the last pointing."""
        return self.running and self._wanted is not self._tried

    def start(self) -> None:
        """Connect and subscribe. Raises AuthError, Unreachable or StreamReplaced."""
        if self._stream is not None:
            return
        stream = self._factory()
        stream.start(self._sink)
        stream.subscribe(_ACCOUNT)
        with self._lock:
            self._codes = {}
            self._stream = stream
        self.point()

    def aim(self, near: Iterable[str], far: Iterable[str] = ()) -> bool:
        """Say which stocks to follow, the most important first: `near` with their books, `far`
        with their trades alone; what is over the limit is left out. True when the stream follows
        others and is to be pointed."""
        close = tuple(dict.fromkeys(near))[:LIMIT]
        trades = tuple(dict.fromkeys((*close, *far)))[:LIMIT]
        wanted: Codes = {StreamKind.TRADE: trades, StreamKind.BOOK: close}
        if all(set(self._wanted[kind]) == set(wanted[kind]) for kind in wanted):
            wanted = self._wanted
        self._wanted = wanted
        return self.running and any(
            set(self._codes.get(kind, ())) != set(codes) for kind, codes in wanted.items()
        )

    def watch(self, near: Iterable[str], far: Iterable[str] = ()) -> None:
        """Follow exactly these stocks, and return when the broker has taken that."""
        if self.aim(near, far):
            self.point()

    def point(self) -> None:
        """Follow what was aimed at last. What cannot be followed is journaled, and tried again
        at the next pointing."""
        with self._lock:
            while True:
                wanted = self._tried = self._wanted
                stream = self._stream
                if stream is None:
                    return
                for kind, codes in wanted.items():
                    self._follow(stream, kind, codes)
                if wanted is self._wanted:
                    return

    def _follow(self, stream: Stream, kind: StreamKind, wanted: tuple[str, ...]) -> None:
        before = self._codes.get(kind, ())
        gone = [code for code in before if code not in wanted]
        new = [code for code in wanted if code not in before]
        try:
            if gone:
                stream.unsubscribe((kind,), gone)
            if new:
                stream.subscribe((kind,), new)
        except KtError as failure:
            note_error(self._ctx, "feed.watch", failure)
        else:
            self._codes[kind] = wanted

    def drop(self) -> None:
        """The stream ended by itself, or the day has no more use for it."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

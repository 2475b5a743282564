"""The day's stream: started, subscribed to the right stocks, replaced when it is closed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kt.errors import KtError
from kt.ports import Stream, concurrency
from kt.records import StreamEvent, StreamKind
from kt.steps.context import Context
from kt.steps.fan_out import note_error

LIMIT = 95
"""Most stocks subscribed to at once: the broker accepts 100 items in a group."""

_ACCOUNT = (StreamKind.ORDERS, StreamKind.BALANCE, StreamKind.SESSION, StreamKind.VI)


Codes = dict[StreamKind, tuple[str, ...]]


class Feed:
    """At most one stream at a time; its events go to the sink, on the stream's own thread.

    Subscribing waits for the broker's answer, so the decision thread only sets the wanted stocks
    (`want`) and a worker subscribes (`subscribe_wanted`).
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
        """The wanted stocks of the last `subscribe_wanted`, successful or not."""
        self._codes: Codes = {}
        """The stocks subscribed to now."""
        self._lock = concurrency.lock()

    @property
    def running(self) -> bool:
        return self._stream is not None

    @property
    def outdated(self) -> bool:
        """Whether the wanted stocks changed since the last `subscribe_wanted`."""
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
        self.subscribe_wanted()

    def want(self, near: Iterable[str], far: Iterable[str] = ()) -> bool:
        """Set the wanted stocks, most important first: `near` with order book and trades, `far`
        with trades only; those beyond the limit are left out. True when subscriptions must change
        (`subscribe_wanted`)."""
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
        """Subscribe to exactly these stocks; returns when the broker has answered."""
        if self.want(near, far):
            self.subscribe_wanted()

    def subscribe_wanted(self) -> None:
        """Subscribe to the wanted stocks. Failures are journaled, and tried again at the next
        `subscribe_wanted`."""
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
        """Close the stream and forget it."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

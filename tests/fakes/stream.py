"""Streams of the tests: one that says what it is told, one of the in-process exchange."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from kt.clock import ManualClock
from kt.records import (
    StreamEvent,
    StreamKind,
    StreamState,
)
from kt.sim.exchange import Exchange


class FakeStream:
    """A stream that says what the test says. `refuse` is raised by `start`."""

    def __init__(self, refuse: Exception | None = None) -> None:
        self.refuse = refuse
        self.sink: Callable[[StreamEvent], None] | None = None
        self.subscribed: dict[StreamKind, set[str]] = {}
        self.closed = False

    def start(self, sink: Callable[[StreamEvent], None]) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.sink = sink

    def say(self, event: StreamEvent) -> None:
        assert self.sink is not None
        self.sink(event)

    def subscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str] = ()) -> None:
        for kind in kinds:
            self.subscribed.setdefault(kind, set()).update(stock_codes)

    def unsubscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str]) -> None:
        for kind in kinds:
            self.subscribed.get(kind, set()).difference_update(stock_codes)

    def close(self) -> None:
        self.closed = True


class PumpedClock(ManualClock):
    """Moved by hand; after every second that it moves, its listeners hear of it."""

    def __init__(self, at: datetime, step: float = 1.0) -> None:
        super().__init__(at)
        self.step = step
        self.listeners: list[Callable[[], None]] = []

    def advance(self, seconds: float) -> None:
        while seconds > 0:
            part = min(seconds, self.step)
            super().advance(part)
            seconds -= part
            for listener in self.listeners:
                listener()


class ExchangeStream:
    """The in-process exchange's events of one account as a Stream, pumped by the clock. Only the
    trades of the first `most` stocks are watched: making prices is most of a simulated day."""

    def __init__(
        self, exchange: Exchange, clock: PumpedClock, key: str, *, most: int = 100
    ) -> None:
        self.most = most
        self.exchange = exchange
        self.clock = clock
        self.key = key
        self.codes: list[str] = []
        self.sink: Callable[[StreamEvent], None] | None = None
        self.muted = False

    def start(self, sink: Callable[[StreamEvent], None]) -> None:
        self.sink = sink
        self.clock.listeners.append(self.pump)
        sink(StreamState(state="connected", at=self.clock.now()))

    def pump(self) -> None:
        for key, event in self.exchange.advance():
            if key in (None, self.key) and self.sink is not None and not self.muted:
                self.sink(event)

    def subscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str] = ()) -> None:
        if StreamKind.TRADE in kinds:
            self.codes += stock_codes
            self.exchange.watch(set(self.codes[: self.most]))

    def unsubscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str]) -> None:
        if StreamKind.TRADE in kinds:
            self.codes = [code for code in self.codes if code not in set(stock_codes)]
            self.exchange.watch(set(self.codes[: self.most]))

    def close(self) -> None:
        if self.pump in self.clock.listeners:
            self.clock.listeners.remove(self.pump)
        self.sink = None

"""The stream of a virtual clock: the exchange's own frames, decoded like the broker's, without a
socket (docs/virtual-clock.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec
from msgspec.structs import replace

from kt.broker.latency import Latency
from kt.broker.stream.condition_search import LIST, SEARCH, SearchAnswer, search
from kt.broker.stream.envelope import Frame
from kt.broker.stream.frames import FrameReader, OnFrame
from kt.broker.stream.groups import Batch, Groups, Key, key_of, keys_of
from kt.broker.stream.leader import TokenProvider
from kt.broker.stream.stream_session import LoginRefused
from kt.broker.wire import OnFault
from kt.errors import BrokerRefused, Unreachable, WireError
from kt.ports import CallingClock, concurrency
from kt.ports.concurrency import Mailbox
from kt.records import StreamEvent, StreamKind, StreamState, Tick

ANSWER_SECONDS = 10.0
ANSWERED = frozenset({"LOGIN", "REG", "REMOVE", LIST, SEARCH})
"""Frames of the client to which the exchange answers."""


class Wire(Protocol):
    """One connection to the exchange."""

    def send(self, frame: bytes) -> None: ...
    def close(self) -> None: ...


Connect = Callable[[Callable[[bytes], None], Callable[[list[StreamEvent]], None]], Wire]
"""Opens a connection. The first argument gets every frame of the exchange; a frame of trades or
books may go to the second instead, as the events that would be read from it."""


class InProcessStream:
    """Implements ports.Stream. Frames of one direction never overtake each other."""

    def __init__(
        self,
        connect: Connect,
        tokens: TokenProvider,
        clock: CallingClock,
        latency: Latency,
        report: OnFault,
        on_frame: OnFrame = None,
    ) -> None:
        self._connect = connect
        self._tokens = tokens
        self._clock = clock
        self._latency = latency
        self._reader = FrameReader(clock, report, on_frame)
        self._sink: Callable[[StreamEvent], None] = lambda event: None
        self._wire: Wire | None = None
        self._groups = Groups()
        self._keys: frozenset[Key] = frozenset()
        self._answers: Mailbox[bytes] = concurrency.mailbox()
        self._asking = concurrency.lock()
        self._last = {"there": 0.0, "back": 0.0}

    def start(self, sink: Callable[[StreamEvent], None]) -> None:
        """Log in. Raises AuthError or Unreachable."""
        self._sink = sink
        self._wire = self._connect(
            lambda data: self._travel("back", lambda: self._arrived(data)),
            lambda events: self._travel("back", lambda: self._told(events)),
        )
        answer = self._ask({"trnm": "LOGIN", "token": self._tokens.token()})
        if answer.refused:
            raise LoginRefused(answer)
        sink(StreamState(state="connected", at=self._clock.now(), detail="in process", attempt=1))

    def subscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str] = ()) -> None:
        """Add subscriptions; returns when the exchange has answered. Raises BrokerRefused."""
        self._change(
            "REG", lambda keys: self._groups.add(keys - self._groups.keys), kinds, stock_codes
        )

    def unsubscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str]) -> None:
        self._change("REMOVE", self._groups.drop, kinds, stock_codes)

    @property
    def live(self) -> bool:
        """Whether condition searches may go over it."""
        return self._wire is not None

    def search(self, name: str) -> SearchAnswer:
        """The saved condition searches, and the matches of one. Raises BrokerRefused, Unreachable
        or WireError."""
        return search(
            lambda trnm, body: self._exchanged({"trnm": trnm, **body}), name, self._reader.on_fault
        )

    def close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def _change(
        self,
        trnm: str,
        batches: Callable[[frozenset[Key]], list[Batch]],
        kinds: Iterable[StreamKind],
        stock_codes: Iterable[str],
    ) -> None:
        changed = batches(keys_of(kinds, stock_codes))
        self._keys = self._groups.keys
        for batch in changed:
            answer = self._ask(batch.body(trnm))
            if answer.refused:
                self._groups.drop((batch.kind, code) for code in batch.codes)
                self._keys = self._groups.keys
                raise BrokerRefused(
                    f"The broker refused {batch.kind.name}: {answer.return_msg}",
                    code=str(answer.return_code),
                )

    def _ask(self, frame: dict[str, object]) -> Frame:
        return self._reader.open(self._exchanged(frame))

    def _exchanged(self, frame: dict[str, object]) -> bytes:
        """The answer to a frame, as it came."""
        wire = self._wire
        if wire is None:
            raise Unreachable("The stream was closed here.")
        with self._asking:
            data = msgspec.json.encode(frame)
            self._travel("there", lambda: wire.send(data))
            return self._answers.get(timeout=ANSWER_SECONDS)

    def _travel(self, way: str, arrive: Callable[[], object]) -> None:
        now = self._clock.monotonic()
        self._last[way] = max(self._last[way], now + self._latency.frame())
        self._clock.call_later(self._last[way] - now, arrive)

    def _arrived(self, data: bytes) -> None:
        if self._wire is None:
            return
        try:
            frame = self._reader.open(data)
        except WireError as fault:
            self._reader.report(fault)
            return
        if frame.trnm == "REAL":
            self._told(self._reader.events(frame))
        elif frame.trnm in ANSWERED:
            self._answers.put(data)

    def _told(self, events: list[StreamEvent]) -> None:
        """Hand over what was subscribed to."""
        if self._wire is None:
            return
        now = self._clock.now()
        for event in events:
            if key_of(event) in self._keys:
                unread = isinstance(event, Tick) and event.received_at is None  # no frame's
                self._sink(replace(event, received_at=now) if unread else event)

"""The stream of a replay: recorded frames at their recorded times
(docs/virtual-clock.md#recordings)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import msgspec

from kt.broker.stream.condition_search import SearchAnswer
from kt.broker.stream.frames import FrameReader
from kt.broker.wire import OnFault
from kt.errors import KtError, Unreachable
from kt.ports import CallingClock
from kt.recording.entries import RecordedFrame, RecordedState
from kt.records import StreamEvent, StreamKind

MICRO = 1_000_000


class StreamRecording(Protocol):
    """What a replayed stream needs of a recording (kt/recording/playback.py)."""

    @property
    def at(self) -> int: ...
    def stream(self, what: str, about: tuple[str, ...]) -> object: ...
    def frames(self) -> Iterator[RecordedFrame | RecordedState]: ...


class ReplayedStream:
    """Implements ports.Stream. Every frame is handed over, whatever is subscribed to: the broker
    sent it then."""

    def __init__(self, recording: StreamRecording, clock: CallingClock, report: OnFault) -> None:
        self._recording = recording
        self._clock = clock
        self._reader = FrameReader(clock, report)
        self._sink: Callable[[StreamEvent], None] = lambda event: None
        self._frames: Iterator[RecordedFrame | RecordedState] = iter(())
        self.live = False

    def start(self, sink: Callable[[StreamEvent], None]) -> None:
        """Raises the error with which the recorded one failed."""
        self._sink = sink
        self.live = True
        now = self._recording.at
        self._frames = (entry for entry in self._recording.frames() if entry.at >= now)
        self._plan_next()
        try:
            self._recording.stream("start", ())
        except KtError:
            self.live = False
            raise

    def subscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str] = ()) -> None:
        self._recording.stream("subscribe", (*kinds, *stock_codes))

    def unsubscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str]) -> None:
        self._recording.stream("unsubscribe", (*kinds, *stock_codes))

    def search(self, name: str) -> SearchAnswer:
        """The recorded answer. Raises Unreachable without one."""
        found = self._recording.stream("search", (name,))
        if found is None:
            raise Unreachable("This condition search is not in the recording.")
        return msgspec.convert(found, SearchAnswer)

    def close(self) -> None:
        self.live = False

    def _plan_next(self) -> None:
        entry = next(self._frames, None)
        if entry is not None:
            wait = max(0, entry.at - self._recording.at) / MICRO
            self._clock.call_later(wait, lambda: self._arrive(entry))

    def _arrive(self, entry: RecordedFrame | RecordedState) -> None:
        if not self.live:
            return
        if isinstance(entry, RecordedState):
            self._sink(entry.state)
        else:
            for event in self._reader.read(entry.content):
                self._sink(event)
        self._plan_next()

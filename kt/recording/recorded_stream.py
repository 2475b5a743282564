"""The stream of a recorded run: another stream, whose states and answers are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from kt.errors import KtError
from kt.ports import Stream
from kt.recording.recorder import Recorder
from kt.records import StreamEvent, StreamKind, StreamState

T = TypeVar("T")


class RecordableStream(Stream, Protocol):
    """A stream that condition searches go over (kt/broker/stream/condition_search.py)."""

    @property
    def live(self) -> bool: ...
    def search(self, name: str) -> Any: ...


class RecordedStream:
    """Implements ports.Stream. The frames themselves are kept where they are read."""

    def __init__(self, inner: RecordableStream, recorder: Recorder) -> None:
        self._inner = inner
        self._recorder = recorder

    def start(self, sink: Callable[[StreamEvent], None]) -> None:
        def kept(event: StreamEvent) -> None:
            if isinstance(event, StreamState):
                self._recorder.state(event)
            sink(event)

        self._kept("start", (), lambda: self._inner.start(kept))

    def subscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str] = ()) -> None:
        types, codes = tuple(kinds), tuple(stock_codes)
        self._kept("subscribe", (*types, *codes), lambda: self._inner.subscribe(types, codes))

    def unsubscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str]) -> None:
        types, codes = tuple(kinds), tuple(stock_codes)
        self._kept("unsubscribe", (*types, *codes), lambda: self._inner.unsubscribe(types, codes))

    @property
    def live(self) -> bool:
        return self._inner.live

    def search(self, name: str) -> Any:
        return self._kept("search", (name,), lambda: self._inner.search(name))

    def close(self) -> None:
        self._inner.close()

    def _kept(self, what: str, about: tuple[str, ...], work: Callable[[], T]) -> T:
        try:
            found = work()
        except KtError as error:
            kind = next(one for one in type(error).__mro__ if one.__module__ == "kt.errors")
            self._recorder.stream(what, about, error=(kind.__name__, error.message))
            raise
        self._recorder.stream(what, about, found)
        return found

"""Gives back what a recording holds, each answer at the moment at which it arrived then."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec

from kt import errors
from kt.errors import KtError
from kt.ports import Clock
from kt.recording.entries import (
    Entry,
    JournalRow,
    RecordedAnswer,
    RecordedCall,
    RecordedFrame,
    RecordedReply,
    RecordedState,
    RecordingEnd,
    StreamAnswer,
)
from kt.recording.reader import read_entries, read_header
from kt.records import AnalystReply

AHEAD = timedelta(minutes=10)
"""How far ahead of the clock an answer may lie in the file. A request whose answer is later than
this was not made then."""
NO_SUCH_API = re.compile(r"\[150[45]:")
"""In the message of a server that does not have an API, whatever it is asked."""

_Key = tuple[str, ...]


class Playback:
    """The answers of one recording. A request is answered by the recorded ones to the same API,
    body and page, in their order; a question by those about the same stocks; a call to the stream
    by those with the same arguments. The file is read as far as it is needed.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        """Raises InputError."""
        self.path = path
        self.header = read_header(path)
        self.missing: list[tuple[int, str, object]] = []
        """Requests without a recorded answer: the time, the API, and the body."""
        self._clock = clock
        self._entries = read_entries(path)
        self._ahead: Entry | None = None
        self._newest = 0
        self._complete = self._cut = False
        """Whether the newest line is the last of a run, and whether the last line was lost."""
        self._found: dict[_Key, deque[Entry]] = defaultdict(deque)
        self._no_such: dict[str, RecordedAnswer] = {}
        """By API: the answer of a server that does not have it. kt asks such an API until it knows,
        so about which stock depends on which thread was first."""

    @property
    def at(self) -> int:
        """Microseconds since the recording began."""
        return round((self._clock.now() - self.header.began) / timedelta(microseconds=1))

    def call(self, api_id: str, body: object, page: str) -> RecordedAnswer | None:
        """The answer to a request, when it is due."""
        found = self._next(_key_of_call(api_id, body, page))
        if not isinstance(found, RecordedCall):
            if api_id in self._no_such:
                return self._no_such[api_id]
            if api_id.startswith("au"):  # the run had a token
                return None
            if self._cut:  # its answer may be what was lost
                self._wait(self._newest)
            self.missing.append((self.at, api_id, body))
            return None
        self._wait(found.ended)
        return found.answer

    def reply(self, purpose: str, about: tuple[str, ...]) -> AnalystReply | None:
        """The analyst's reply, when it is due."""
        found = self._next(("reply", purpose, *about))
        if not isinstance(found, RecordedReply):
            return None
        self._wait(found.ended)
        return found.reply

    def stream(self, what: str, about: tuple[str, ...]) -> object:
        """The result of a call to the stream, when it is due; None where there is none. Raises the
        recorded error."""
        found = self._next(("stream", what, *about))
        if not isinstance(found, StreamAnswer):
            return None
        self._wait(found.at)
        if found.error is not None:
            kind = getattr(errors, found.error[0], KtError)
            raise kind(found.error[1])
        return found.found

    def frames(self) -> Iterator[RecordedFrame | RecordedState]:
        """All frames and states of the stream, oldest first."""
        kept = (RecordedFrame, RecordedState)
        return (entry for entry in read_entries(self.path) if isinstance(entry, kept))

    def rows(self) -> Iterator[JournalRow]:
        """The journal as it was at the beginning."""
        for entry in read_entries(self.path):
            if not isinstance(entry, JournalRow):
                return
            yield entry

    def _next(self, key: _Key) -> Entry | None:
        while not self._found[key]:
            entry = self._ahead or next(self._entries, None)
            self._ahead = None
            if entry is None:
                self._cut = not self._complete
                return None
            self._newest = max(self._newest, time_of(entry))
            self._complete = isinstance(entry, RecordingEnd)
            if time_of(entry) > self.at + AHEAD / timedelta(microseconds=1):
                self._ahead = entry
                return None
            if (found := _key_of(entry)) is not None:
                self._found[found].append(entry)
            if isinstance(entry, RecordedCall) and _no_such_api(entry.answer):
                self._no_such[entry.api_id] = entry.answer
        return self._found[key].popleft()

    def _wait(self, until: int) -> None:
        self._clock.sleep(max(0, until - self.at) / 1_000_000)


def _no_such_api(answer: RecordedAnswer) -> bool:
    return NO_SUCH_API.search(str((answer.body or {}).get("return_msg", ""))) is not None


def time_of(entry: Entry) -> int:
    """When a line was kept, in microseconds since the recording began."""
    if isinstance(entry, JournalRow):
        return 0
    return entry.ended if isinstance(entry, RecordedCall | RecordedReply) else entry.at


def _key_of(entry: Entry) -> _Key | None:
    """What is asked for to get this line; None for one that nobody asks for."""
    if isinstance(entry, RecordedCall):
        return _key_of_call(entry.api_id, entry.body, entry.page)
    if isinstance(entry, RecordedReply):
        return ("reply", entry.purpose, *entry.about)
    if isinstance(entry, StreamAnswer):
        return ("stream", entry.what, *entry.about)
    return None


def _key_of_call(api_id: str, body: object, page: str) -> _Key:
    """Bodies of token requests are not recorded: they hold the keys."""
    content = b"" if api_id.startswith("au") else msgspec.json.encode(body, order="deterministic")
    return ("call", api_id, content.decode(), page)

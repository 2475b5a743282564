"""A recording of kt (kt/recording) served to any client: its answers and frames at their times."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from kt.ports import Clock
from kt.recording.entries import RecordedAnswer, RecordedCall, RecordedFrame
from kt.recording.reader import read_entries, read_header
from kt.sim.wire import stream_frames
from kt.sim.wire.error_bodies import not_recorded
from kt.sim.wire.realtime import ACCOUNT_TYPES

_Key = tuple[str, bytes, str]
StreamRow = tuple[str, str, bytes]
"""Type, stock code (empty for rows of the account) and the row as JSON."""


class PlayedRow(msgspec.Struct):
    """A row of a REAL frame."""

    type: str = ""
    item: str = ""


class PlayedRecording:
    """What the broker answered by now. A request gets the newest answer to the same API, body and
    page that had come by this time of the clock, or the first one if none had."""

    def __init__(self, path: Path) -> None:
        """Raises InputError."""
        self.path = path
        self.began: datetime = read_header(path).began
        self._answers: dict[_Key, list[tuple[int, RecordedAnswer]]] = defaultdict(list)
        for entry in read_entries(path):
            if isinstance(entry, RecordedCall) and entry.answer.http_status:
                key = _key(entry.api_id, entry.body, entry.page)
                self._answers[key].append((entry.ended, entry.answer))
        self._frames = self._recorded_frames()
        self._next = next(self._frames, None)

    def answer(self, api_id: str, body: object, next_key: str, clock: Clock) -> RecordedAnswer:
        """Raises Refusal for a request that was not recorded."""
        found = self._answers.get(_key(api_id, body, next_key))
        if not found:
            raise not_recorded(api_id)
        place = bisect_right(found, self._at(clock), key=lambda one: one[0])
        return found[max(0, place - 1)][1]

    def due(self, clock: Clock) -> Iterator[StreamRow]:
        """The rows of the frames that had come by now and were not given before."""
        now = self._at(clock)
        while self._next is not None and self._next.at <= now:
            yield from _rows(self._next.content)
            self._next = next(self._frames, None)

    def _at(self, clock: Clock) -> int:
        return round((clock.now() - self.began) / timedelta(microseconds=1))

    def _recorded_frames(self) -> Iterator[RecordedFrame]:
        return (entry for entry in read_entries(self.path) if isinstance(entry, RecordedFrame))


def headers_of(answer: RecordedAnswer) -> dict[str, str]:
    """The paging headers of an answer."""
    return {"cont-yn": answer.more or "N", "next-key": answer.page}


def _key(api_id: str, body: object, next_key: str) -> _Key:
    content: object = body
    if isinstance(body, Mapping):
        content = {name: "" if value is None else str(value) for name, value in body.items()}
    return api_id, msgspec.json.encode(content, order="deterministic"), next_key


def _rows(content: bytes) -> Iterator[StreamRow]:
    """The rows of a REAL frame; none of any other frame."""
    try:
        frame: dict[str, Any] = msgspec.json.decode(content)
        if frame.get("trnm") != "REAL":
            return
        for values in frame["data"]:
            row = msgspec.convert(values, PlayedRow)
            code = "" if row.type in ACCOUNT_TYPES else stream_frames.item_code(row.item)
            yield row.type, code, msgspec.json.encode(values)
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        return  # as it was: a frame that kt could not read either

"""Writes a recording while a run goes on, on a thread of its own: the run never waits for it."""

from __future__ import annotations

import os
import queue
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from kt.errors import UsageError
from kt.files import open_private, trouble
from kt.ports import Clock
from kt.recording.entries import (
    Entry,
    RecordedAnswer,
    RecordedCall,
    RecordedFrame,
    RecordedReply,
    RecordedResult,
    RecordedState,
    RecordingEnd,
    RecordingHeader,
    StreamAnswer,
)
from kt.recording.masking import Masking
from kt.records import AnalystReply, Record, StreamState

MICRO = 1_000_000
GZIP = 31
"""zlib's window bits for a gzip file."""
BATCH_SECONDS = 0.25
"""What is lost at most when the process is killed."""
MOST_WAITING = 200_000
"""Lines that may wait for the disk; beyond them the recording stops."""

_Item = Entry | RecordingHeader | tuple[int, bytes] | str | None
"""A line to be; a frame with its time; a secret to hide from now on; None for the end."""


class Recorder:
    """One recording. `keep` and `hide` may be called from any thread, never wait and never raise.

    When the file can no longer be written (a full disk), the recording stops, `tell` gets a notice
    (level, title, text), and the run goes on.
    """

    def __init__(
        self,
        path: Path,
        header: RecordingHeader,
        clock: Clock,
        secrets: tuple[str, ...],
        fields: tuple[str, ...],
        tell: Callable[[str, str, str], None],
    ) -> None:
        """`secrets` and `fields` are hidden (`Masking`). Raises UsageError when the file exists or
        cannot be made."""
        self.path = path
        self._clock = clock
        self._began = clock.monotonic()
        self._tell = tell
        self._masking = Masking(secrets, fields)
        self._items: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._file = _new_file(path)
        self._packing = zlib.compressobj(6, zlib.DEFLATED, GZIP)
        self.stopped = ""
        """Why nothing is recorded any more; empty while it is."""
        self._items.put(header)
        self._thread = threading.Thread(target=self._run, name="kt-recorder", daemon=True)
        self._thread.start()

    @property
    def at(self) -> int:
        """Microseconds since the recording began."""
        return round((self._clock.monotonic() - self._began) * MICRO)

    def keep(self, entry: Entry) -> None:
        """Write this line soon."""
        if not self.stopped:
            self._items.put(entry)

    def hide(self, secret: str) -> None:
        """Hide this text in every line after this one."""
        self._items.put(secret)

    def call(
        self, api_id: str, path: str, body: object, page: str, token: str
    ) -> Callable[[RecordedAnswer], None]:
        """A request begins; call the result with its answer. `token` is hidden."""
        at = self.at
        if token:
            self.hide(token)

        def ended(answer: RecordedAnswer) -> None:
            kept = None if api_id.startswith("au") else body
            self.keep(
                RecordedCall(
                    at=at,
                    ended=self.at,
                    api_id=api_id,
                    path=path,
                    body=kept,
                    page=page,
                    answer=answer,
                )
            )

        return ended

    def frame(self, data: bytes) -> None:
        """A frame of the stream arrived."""
        if not self.stopped:
            self._items.put((self.at, data))

    def state(self, state: StreamState) -> None:
        """The stream's connection changed."""
        self.keep(RecordedState(at=self.at, state=state))

    def stream(
        self,
        what: str,
        about: tuple[str, ...],
        found: object = None,
        error: tuple[str, str] | None = None,
    ) -> None:
        """A call to the stream ended."""
        kept = msgspec.to_builtins(found)
        self.keep(StreamAnswer(at=self.at, what=what, about=about, found=kept, error=error))

    def reply(self, purpose: str, about: tuple[str, ...], reply: AnalystReply) -> None:
        """The analyst replied."""
        self.keep(RecordedReply(ended=self.at, purpose=purpose, about=about, reply=reply))

    def made(self, what: str, record: Record) -> None:
        """kt decided, checked or ordered."""
        self.keep(RecordedResult(at=self.at, what=what, values=msgspec.to_builtins(record)))

    def close(self) -> None:
        """Write the end of the recording; returns when the file is complete."""
        self.keep(RecordingEnd(at=self.at))
        self._items.put(None)
        self._thread.join()

    def _run(self) -> None:
        ended = False
        while not ended:
            items = self._batch()
            ended = items[-1] is None
            if not self.stopped:
                self._write(items, last=ended)
            if self._items.qsize() > MOST_WAITING:
                self._stop("the disk is slower than what is to be recorded", "use another disk")
        os.close(self._file)

    def _batch(self) -> list[_Item]:
        """The next item, and those that arrive soon after it."""
        items, until = [self._items.get()], time.monotonic() + BATCH_SECONDS
        while items[-1] is not None:
            try:
                items.append(self._items.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                break
        return items

    def _write(self, items: list[_Item], *, last: bool) -> None:
        packed = bytearray()
        for item in items:
            if isinstance(item, str):
                self._masking.hide(item)
            elif item is not None:
                line = msgspec.json.encode(_frame(*item) if isinstance(item, tuple) else item)
                packed += self._packing.compress(self._masking.masked(line) + b"\n")
        packed += self._packing.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)
        try:
            view = memoryview(packed)
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            self._stop(*trouble(error, "name another file with --record"))

    def _stop(self, why: str, advice: str) -> None:
        self.stopped = why
        self._tell(
            "warning",
            "the recording has stopped",
            f"{self.path}: {why}; {advice}. The run goes on, and what was recorded can be read.",
        )


def _new_file(path: Path) -> int:
    try:
        return open_private(path, os.O_WRONLY | os.O_EXCL)
    except FileExistsError as error:
        raise UsageError(f"{path} exists already", hint="Name a new file.") from error
    except OSError as error:
        why, advice = trouble(error, "name another file")
        raise UsageError(f"{path} cannot be written: {why}", hint=advice) from error


def _frame(at: int, data: bytes) -> RecordedFrame:
    """JSON as it came, anything else as text."""
    if data.startswith(b"{") and b"\n" not in data and _is_json(data):
        return RecordedFrame(at=at, data=msgspec.Raw(data))
    return RecordedFrame(at=at, text=data.decode("utf-8", "replace"))


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True

"""The base class of the journal's parts: file, writer, clock and secrets."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from kt.records import Record
from kt.store.connection import DatabaseFile
from kt.store.redaction import mask, mask_secrets
from kt.store.writer import RowWriter


class HasNow(Protocol):
    """The part of the Clock port that the journal needs."""

    def now(self) -> datetime: ...


Tell = Callable[[str, str, str], None]
"""Takes a notice to the owner: level, title, text."""


ResultRecorder = Callable[[str, Record], None]


def not_recorded(what: str, record: Record) -> None:
    """No recording is made."""


def silent(level: str, title: str, text: str) -> None:
    """Nobody is told: the journal of who only reads."""


OFTEN = 80
"""Characters of the messages that come again and again: `조회가 완료되었습니다.`"""


@functools.lru_cache(maxsize=1024)
def _masked(text: str, secrets: tuple[str, ...]) -> str:
    return mask(text, secrets)


class JournalPart:
    """A part of the journal; all parts share one file."""

    def __init__(
        self, file: DatabaseFile, writer: RowWriter, clock: HasNow, secrets: tuple[str, ...]
    ) -> None:
        self._file = file
        self._writer = writer
        self._clock = clock
        self._secrets = secrets
        self._tell: Tell = silent
        self.recorder: ResultRecorder = not_recorded
        """Is told each decision, check, order and event of an order as it is kept."""

    def _mask(self, text: str) -> str:
        """A message without secrets and account numbers."""
        return _masked(text, self._secrets) if len(text) <= OFTEN else mask(text, self._secrets)

    def _mask_data(self, text: str) -> str:
        """Data without secrets; numbers are not masked."""
        return mask_secrets(text, self._secrets)

    def _flush(self) -> None:
        """Write the rows that this process has queued, so that they can be read."""
        self._writer.flush()

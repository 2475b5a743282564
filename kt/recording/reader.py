"""Reads a recording, also one whose process was killed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from kt.errors import InputError
from kt.files import trouble
from kt.recording.entries import FORMAT, Entry, RecordingHeader

GZIP_MAGIC = b"\x1f\x8b"
GZIP = 31
PIECE = 1 << 16
MOST_LINE = 64 << 20
"""Bytes of the longest line that is read."""
_HINT = "`kt run --record FILE` makes one."
_HEADER = msgspec.json.Decoder(RecordingHeader)
_ENTRY: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def is_recording(path: Path) -> bool:
    """Whether the file begins as a recording does (and not as minute bars do)."""
    try:
        with path.open("rb") as file:
            return file.read(2) == GZIP_MAGIC
    except OSError:
        return False


def read_header(path: Path) -> RecordingHeader:
    """The header. Raises InputError for a file that is no recording of this kt or an earlier
    one."""
    first = next(_lines(path), b"")
    try:
        found = _HEADER.decode(first)
    except _UNREADABLE as error:
        raise InputError(f"{path} is no recording: {error}", hint=_HINT) from error
    if found.format > FORMAT:
        raise InputError(
            f"{path} was recorded by kt {found.kt} in format {found.format}; "
            f"this kt reads formats up to {FORMAT}",
            hint="Replay it with that version of kt.",
        )
    return found


def read_entries(path: Path) -> Iterator[Entry]:
    """The lines after the header, in the order in which they were kept. Where the process was
    killed, the last ones are missing. Raises InputError."""
    lines = _lines(path)
    next(lines, b"")
    for number, line in enumerate(lines, 2):
        try:
            yield _ENTRY.decode(line)
        except _UNREADABLE as error:
            raise InputError(
                f"{path}, line {number}: {error}", hint="The file is damaged."
            ) from error


def _lines(path: Path) -> Iterator[bytes]:
    """The complete lines of the file."""
    unpacking, rest = zlib.decompressobj(GZIP), b""
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                *whole, rest = (rest + unpacking.decompress(piece)).split(b"\n")
                yield from whole
                if len(rest) > MOST_LINE:
                    raise InputError(f"{path} has an endless line", hint=_HINT)
    except OSError as error:
        why, advice = trouble(error, "check its name")
        raise InputError(f"{path} cannot be read: {why}", hint=advice) from error
    except zlib.error as error:
        raise InputError(f"{path} is no recording: {error}", hint=_HINT) from error

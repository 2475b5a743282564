"""Reads a response body within size limits, before and after decompression."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

MAX_RAW = 8 << 20
"""Bytes of a body as received. The longest real one (ka10099, all stocks) is below 3 MB."""
MAX_UNPACKED = 16 << 20
"""Bytes of a body after decompression."""
PIECE = 64 << 10
ENCODING = "gzip"
"""The only compression kt asks for."""


class InvalidBody(Exception):
    """The body is too large or cannot be decompressed; the text says which."""


def read_body(parts: Iterable[bytes], encoding: str) -> bytes:
    """The whole body, decompressed. Raises InvalidBody."""
    raw = _counted(parts)
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return b"".join(raw)
    if name in {ENCODING, "x-gzip"}:
        return _unpacked(raw)
    raise InvalidBody(f"a body in the encoding {encoding[:40]!r}, which kt had not asked for")


def _counted(parts: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for part in parts:
        size += len(part)
        if size > MAX_RAW:
            raise InvalidBody(f"a body of more than {MAX_RAW >> 20} MiB")
        yield part


def _unpacked(parts: Iterable[bytes]) -> bytes:
    opener, found = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16), bytearray()
    try:
        for part in parts:
            rest = part
            while rest and not opener.eof:
                found += opener.decompress(rest, PIECE)
                rest = opener.unconsumed_tail
                if len(found) > MAX_UNPACKED:
                    raise InvalidBody(f"a body of more than {MAX_UNPACKED >> 20} MiB when unpacked")
        found += opener.flush()
    except zlib.error as fault:
        raise InvalidBody(f"a compressed body that is broken ({fault})") from None
    if not opener.eof:
        raise InvalidBody("a compressed body that is cut off")
    return bytes(found)

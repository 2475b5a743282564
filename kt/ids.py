"""Identifiers that sort by time: ULIDs (Crockford base 32, 26 characters)."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from datetime import datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
Bits = Callable[[int], int]
"""Makes so many random bits."""
_BITS: ContextVar[Bits] = ContextVar("kt.ids", default=secrets.randbits)


def new_id(at: datetime) -> str:
    """48 bits of milliseconds, then 80 random bits."""
    number = (int(at.timestamp() * 1000) << 80) | _BITS.get()(80)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


@contextlib.contextmanager
def drawn_from(bits: Bits) -> Iterator[None]:
    """For a backtest: inside the block all identifiers are made of these bits, so that two runs
    make the same ones."""
    before = _BITS.set(bits)
    try:
        yield
    finally:
        _BITS.reset(before)

"""Converts traded value to won, whichever unit the API uses."""

from __future__ import annotations

from kt.broker.wire.scalars import SATURATED

MILLION = 1_000_000


def turnover(raw: int, volume: int, price: int) -> int:
    """Won from a traded value in won or in million won.

    The broker mixes the two without documenting it: ka10030, ka10032, ka10081 and ka10095 send
    millions; ka10082 and ka10083 send won in the document. The unit is the one whose result is
    nearer to volume x price by its factor (they are a thousand times a thousand apart); without a
    usable volume it is a million, as in every recording.
    """
    raw = abs(raw)
    if not raw:
        return 0
    if not volume or not price or volume in SATURATED:
        return raw * MILLION
    return raw if volume * price <= raw * 1_000 else raw * MILLION

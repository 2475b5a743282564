"""Restarts a killed exchange on the same port and clock, so that its clients can continue.

A killed exchange leaves its place file behind; a clean stop removes it.
"""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

from kt.clock import ScaledClock
from kt.paths import ExchangePaths
from kt.sim.discovery import ExchangePlace, read_place

AWAY_SECONDS = 120.0
"""Real seconds: after a longer absence it starts on a new port, with the clock where it stopped."""
AWAY_MARKET_SECONDS = 3600.0
"""Seconds of its own clock: a longer absence would resume it at another part of the day."""


def killed_place(folder: Path) -> ExchangePlace | None:
    """The place file of an exchange that was killed recently; None if there is none."""
    place = read_place(folder)
    if place is None or not place.anchor:
        return None
    away = time.time() - _last_alive(folder)
    if 0 <= away <= min(AWAY_SECONDS, AWAY_MARKET_SECONDS / place.speed):
        return place
    return None


def clock(place: ExchangePlace) -> ScaledClock:
    """The clock it was running on, which its clients still use."""
    return ScaledClock(datetime.fromisoformat(place.anchor), place.anchor_real, place.speed)


def _last_alive(folder: Path) -> float:
    """The time of the last write of its state, which happens every second or two."""
    return max(
        (path.stat().st_mtime for path in folder.glob(f"{ExchangePaths(folder).database.name}*")),
        default=0.0,
    )

"""Restarts a killed exchange on the same port and clock, so that its clients go on.

A killed exchange leaves its place file behind; a clean end removes it.
"""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

from kt.clock import ScaledClock
from kt.paths import ExchangePaths
from kt.sim.discovery import ExchangePlace, read_place

AWAY_SECONDS = 120.0
"""Real seconds: what was gone for longer begins anew, on another port, where its clock stood."""
AWAY_MARKET_SECONDS = 3600.0
"""Seconds of its own clock: nobody wants to come back to another part of the day."""


def killed_place(folder: Path) -> ExchangePlace | None:
    """The place file of an exchange that was killed a moment ago; None if there is none."""
    place = read_place(folder)
    if place is None or not place.anchor:
        return None
    away = time.time() - _last_alive(folder)
    if 0 <= away <= min(AWAY_SECONDS, AWAY_MARKET_SECONDS / place.speed):
        return place
    return None


def clock(place: ExchangePlace) -> ScaledClock:
    """The clock that it ran on: its clients still do."""
    return ScaledClock(datetime.fromisoformat(place.anchor), place.anchor_real, place.speed)


def _last_alive(folder: Path) -> float:
    """When its state was last written, which it does every other second."""
    return max(
        (path.stat().st_mtime for path in folder.glob(f"{ExchangePaths(folder).database.name}*")),
        default=0.0,
    )

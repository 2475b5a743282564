"""Opens the exchange of a state folder: a new one, or the saved one at its last time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import date, datetime
from datetime import time as dt_time

from kt.clock import ScaledClock
from kt.errors import ConfigError
from kt.paths import ExchangePaths
from kt.recording.reader import is_recording
from kt.records import KST
from kt.rules import calendar
from kt.sim import crash_resume
from kt.sim.discovery import ExchangePlace
from kt.sim.exchange import Exchange, last_seen
from kt.sim.faults import Faults, read_faults
from kt.sim.server.context import ServerContext
from kt.sim.server.played_recording import PlayedRecording
from kt.sim.server.settings import Settings


@contextlib.contextmanager
def open_context(settings: Settings, left: ExchangePlace | None = None) -> Iterator[ServerContext]:
    """The opened exchange; its time and state are saved when the block ends. `left` is the place
    file of an exchange that was killed recently.

    Raises ConfigError if the settings do not match the saved state or a file is invalid.
    """
    faults = Faults(read_faults(settings.faults) if settings.faults else ())
    played = _played(settings)
    stored = settings.folder if played is None else None
    state = ExchangePaths(stored).database if stored else None
    seen = last_seen(state) if state else None
    start = begin(settings, seen) if played is None else played.began
    clock = ScaledClock(start, time.time(), settings.speed)
    if left is not None and left.speed == settings.speed and not (settings.day or played):
        clock = crash_resume.clock(left)
    exchange = Exchange(
        clock=clock,
        seed=settings.seed,
        signals=settings.signals,
        cash=settings.cash,
        costs=settings.costs,
        state_path=state,
        replay=settings.replay if played is None else None,
    )
    try:
        yield ServerContext(settings, exchange, clock, faults, played)
    finally:
        exchange.close()


def _played(settings: Settings) -> PlayedRecording | None:
    """The recording of kt that `replay` names; None for bars, and without one."""
    path = settings.replay
    return PlayedRecording(path) if path is not None and is_recording(path) else None


def begin(settings: Settings, seen: datetime | None) -> datetime:
    """The clock's start time. The clock pauses while the exchange is stopped, so an unfinished
    session continues where it stopped. Otherwise it is `open_at` of the next trading day, or of
    the first one from today on if that is later (or if there is no saved state)."""
    if settings.day:
        return _opening(_named(settings.day), settings)
    today = datetime.now(KST).date()
    first = today if calendar.is_trading_day(today) else calendar.next_trading_day(today)
    if seen is None:
        return _opening(first, settings)
    seen = seen.astimezone(KST)
    hours = calendar.hours(seen.date())
    if hours is not None and seen < hours.close:
        return seen
    return _opening(max(calendar.next_trading_day(seen.date()), first), settings)


def _named(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"`{text}` is not a day like 2026-11-23") from None
    if not calendar.is_trading_day(day):
        following = calendar.next_trading_day(day)
        raise ConfigError(
            f"the market is closed on {day}", hint=f"The next trading day is {following}."
        )
    return day


def _opening(day: date, settings: Settings) -> datetime:
    return datetime.combine(day, dt_time.fromisoformat(settings.open_at), KST)

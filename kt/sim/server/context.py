"""What requests and sessions share: the exchange, its clock, tokens, rate limits and faults."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Hashable, Iterator, Mapping
from datetime import date
from functools import partial

from kt.clock import ScaledClock
from kt.paths import ExchangePaths
from kt.ports import Clock
from kt.records import Instrument
from kt.sim.discovery import loop_lives
from kt.sim.exchange import Exchange, ExchangeBroker
from kt.sim.faults import Faults
from kt.sim.server.access_tokens import Tokens
from kt.sim.server.event_fan_out import EventFanOut
from kt.sim.server.pages import Pages
from kt.sim.server.played_recording import PlayedRecording
from kt.sim.server.rate_limits import RateLimits
from kt.sim.server.settings import Settings
from kt.sim.wire.chart_pages import ChartCache
from kt.sim.wire.realtime import BOOK_TYPES

MOST_SOCKETS = 64
"""The most open WebSockets; at most one per app key is logged in."""


class ServerContext:
    """One exchange being served. Everything here runs on the event loop's thread."""

    def __init__(
        self,
        settings: Settings,
        exchange: Exchange,
        clock: Clock,
        faults: Faults,
        played: PlayedRecording | None = None,
    ) -> None:
        folder = settings.folder
        self.settings = settings
        self.exchange = exchange
        self.clock = clock
        self.faults = faults
        self.played = played
        """A recording that answers in the exchange's place."""
        self.tokens = Tokens(
            clock,
            ExchangePaths(folder).tokens if folder else None,
            app_key=settings.app_key,
            secret_key=settings.secret_key,
        )
        self.control_key = secrets.token_urlsafe(32)
        """The key of the control routes; only the user of this state folder can read it."""
        self.limits = RateLimits(clock, settings.rate, settings.speed)
        self.pages = Pages()
        self.recent = ChartCache()
        self.fan_out = EventFanOut(exchange.market, partial(ExchangeBroker, exchange))
        self.selected: dict[Hashable, frozenset[str]] = {}
        """The codes of `instruments` that pass a filter, kept by who filters."""
        self._instruments: dict[str, Instrument] = {}
        self._listed_on: date | None = None
        self._last_used = time.monotonic()
        self._open_sockets = 0

    @property
    def scaled_clock(self) -> ScaledClock:
        """The clock of an exchange that is served: clients build the same one from its numbers."""
        assert isinstance(self.clock, ScaledClock)
        return self.clock

    def instruments(self) -> Mapping[str, Instrument]:
        """The day's stocks by code."""
        today = self.clock.now().date()
        if self._listed_on != today:
            self._instruments = {
                item.stock_code: item for item in self.exchange.market.instruments()
            }
            self._listed_on = today
            self.selected.clear()
        return self._instruments

    def pump(self) -> None:
        """Advances the exchange to its clock and publishes the events to the sessions; of a
        recording, the frames that are due."""
        if self.played is not None:
            self.fan_out.relay(self.played.due(self.clock))
            return
        self.fan_out.publish(self.exchange.advance())

    def save(self) -> None:
        """Saves the time, so that a killed exchange continues from it."""
        self.exchange.caught_up().save()

    @contextlib.contextmanager
    def listing_late(self, seconds: float) -> Iterator[None]:
        """For the calls in the block, the lists are delayed by at least this many clock seconds."""
        usual = self.exchange.listing_delay
        self.exchange.listing_delay = max(usual, seconds)
        try:
            yield
        finally:
            self.exchange.listing_delay = usual

    def watch(self) -> None:
        """A session's registrations have changed."""
        self.exchange.watch(self.fan_out.watched(), self.fan_out.watched(BOOK_TYPES))

    def open_socket(self) -> bool:
        """Count one more WebSocket; False if there are too many. `close_socket` undoes it."""
        if self._open_sockets >= MOST_SOCKETS:
            return False
        self._open_sockets += 1
        return True

    def close_socket(self) -> None:
        self._open_sockets -= 1

    def touch(self) -> None:
        """Restart the idle time: there was an authenticated request or a session."""
        self._last_used = time.monotonic()

    def idle_seconds(self) -> float:
        """Real seconds since the last use. A running `kt run` counts as use even at night, when it
        makes no calls."""
        if len(self.fan_out) or loop_lives(self.settings.folder):
            self.touch()
        return time.monotonic() - self._last_used

"""The whole market at a moment: the session, the second in it, and each stock's price path."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from kt.errors import UnknownStock
from kt.records import Flow
from kt.rules.bar_fill import FillModel
from kt.rules.trading_phases import MarketPhase, market_phase
from kt.sim.market.chain import OLDEST, PATHS_BACK, Chain
from kt.sim.market.listing import Listing, by_size, listings
from kt.sim.market.path import SessionPath, Traded
from kt.sim.market.plan import Planner, StockDay
from kt.sim.market.recorded_day import Recording
from kt.sim.market.session_days import CLOSING_SECOND, CONTINUOUS_MINUTES, SessionDays

T = TypeVar("T")
FLOW_DAYS = 100
"""How many finished days of net buying are kept and published."""


class Moment(NamedTuple):
    """A point in market time: the session's number and the second in it, counted from 09:00."""

    at: datetime
    session: int
    second: int


class Board:
    """The listings, the calendar and the price paths of one seed."""

    fill_model: FillModel | None = None
    """How orders fill on bars; None: against the order book."""

    def __init__(
        self,
        seed: int,
        days: SessionDays,
        recording: Recording | None = None,
        *,
        signals: bool = True,
        listed: tuple[Listing, ...] = (),
    ) -> None:
        """`listed` are the stocks in place of the built-in ones."""
        known = by_size(recording.listings(listings()) if recording else listed or listings())
        self.listings = known
        self.days = days
        self.planner = Planner(seed, known, signals=signals)
        self.chain = Chain(self.planner, recording)
        self.by_code = sorted(range(len(known)), key=lambda place: known[place].code)
        """The places of the listings, in the order of their codes."""
        self._stocks = {listing.code: listing for listing in known}
        self._skips: dict[int, int] = {}
        self._units: dict[str, int] = {}
        self._moment: Moment | None = None
        self.flows: dict[tuple[str, int], Flow] = {}
        """Net buying on finished days, by code and session."""
        self.foreign_before: dict[str, tuple[int, int]] = {}
        """By code: a session, and what foreigners bought from session 0 to the one before it."""
        self._kept: dict[Hashable, Any] = {}
        self._kept_for = (0, 0)
        self._trades: tuple[tuple[int, int, int], list[Traded]] | None = None

    def moment(self, at: datetime) -> Moment:
        found = self._moment
        if found is None or found.at is not at:
            session = self.days.session(at)
            found = self._moment = Moment(at, session, self.days.second(session, at))
        return found

    def phase(self, at: datetime) -> MarketPhase:
        return market_phase(at)

    def knows(self, code: str) -> bool:
        return code in self._stocks

    def listing(self, code: str) -> Listing:
        try:
            return self._stocks[code]
        except KeyError:
            raise UnknownStock(f"no such stock on the embedded exchange: {code!r}") from None

    def skip(self, session: int) -> int:
        if session not in self._skips:
            self._skips[session] = self.days.skip(session)
        return self._skips[session]

    def path(self, code: str, session: int) -> SessionPath:
        return self.chain.path(self.listing(code), session, self.skip(session))

    def daily(self, moment: Moment, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` returns, once in a session in which nothing is steered in between."""
        now = (moment.session, self.chain.changes)
        if now != self._kept_for:
            self._new_day(now)
        if key not in self._kept:
            self._kept[key] = make()
        found: T = self._kept[key]
        return found

    def _new_day(self, now: tuple[int, int]) -> None:
        self._kept.clear()
        if now[1] != self._kept_for[1]:
            self.flows.clear()
            self.foreign_before.clear()
        oldest = now[0] - FLOW_DAYS
        self.flows = {name: flow for name, flow in self.flows.items() if name[1] >= oldest}
        self._kept_for = now

    def plan(self, code: str, moment: Moment) -> StockDay:
        """The plan of a stock's current session."""
        return self.daily(
            moment,
            ("plan", code),
            lambda: self.planner.day(self.listing(code), moment.session),
        )

    def paths(self, moment: Moment) -> list[SessionPath]:
        """The current session of every stock, in the order of the listings."""
        session, skip = moment.session, self.skip(moment.session)
        return self.daily(
            moment,
            "paths",
            lambda: [self.chain.path(listing, session, skip) for listing in self.listings],
        )

    def traded(self, moment: Moment) -> list[Traded]:
        """Price, volume and value of every stock now, in the order of the listings."""
        now = (moment.session, moment.second, self.chain.changes)
        if self._trades is None or self._trades[0] != now:
            second = moment.second
            self._trades = now, [path.traded_at(second) for path in self.paths(moment)]
        return self._trades[1]

    def unit(self, code: str) -> int:
        """The usual volume of one minute, in shares."""
        found = self._units.get(code)
        if found is None:
            usual = self.listing(code).usual_volume
            found = self._units[code] = max(1, usual // CONTINUOUS_MINUTES)
        return found

    def has_minutes(self, session: int, moment: Moment) -> bool:
        """Whether the bars of a session's minutes are known at this moment."""
        return session >= -PATHS_BACK

    def oldest(self, code: str) -> int:
        """The oldest session of a stock that has a day bar."""
        return OLDEST

    def opened(self, moment: Moment) -> bool:
        """Whether the session has opened."""
        return moment.second >= self.skip(moment.session) * 60

    def closed(self, moment: Moment) -> bool:
        """Whether the session's last trade is over."""
        return moment.second >= CLOSING_SECOND

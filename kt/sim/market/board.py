"""The whole market at a moment: the session, the second in it, and each stock's price path."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kt.errors import UnknownStock
from kt.records import Flow
from kt.rules.bar_fill import FillModel
from kt.rules.trading_phases import MarketPhase, market_phase
from kt.sim.market.chain import OLDEST, PATHS_BACK, Chain
from kt.sim.market.listing import Listing, by_size, listings
from kt.sim.market.path import SessionPath
from kt.sim.market.plan import Planner
from kt.sim.market.recorded_day import Recording
from kt.sim.market.session_days import CLOSING_SECOND, CONTINUOUS_MINUTES, SessionDays


@dataclass(frozen=True, slots=True)
class Moment:
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
        self._by_code = {listing.code: listing for listing in known}
        self._skips: dict[int, int] = {}
        self.flows: dict[tuple[str, int], Flow] = {}
        """Net buying on finished days, by code and session; `flows_of` is when they were kept."""
        self.flows_of: tuple[int, int] = (0, 0)

    def moment(self, at: datetime) -> Moment:
        session = self.days.session(at)
        return Moment(at, session, self.days.second(session, at))

    def phase(self, at: datetime) -> MarketPhase:
        return market_phase(at)

    def knows(self, code: str) -> bool:
        return code in self._by_code

    def listing(self, code: str) -> Listing:
        try:
            return self._by_code[code]
        except KeyError:
            raise UnknownStock(f"no such stock on the embedded exchange: {code!r}") from None

    def skip(self, session: int) -> int:
        if session not in self._skips:
            self._skips[session] = self.days.skip(session)
        return self._skips[session]

    def path(self, code: str, session: int) -> SessionPath:
        return self.chain.path(self.listing(code), session, self.skip(session))

    def unit(self, code: str) -> int:
        """The usual volume of one minute, in shares."""
        return max(1, self.listing(code).usual_volume // CONTINUOUS_MINUTES)

    def has_minutes(self, session: int) -> bool:
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

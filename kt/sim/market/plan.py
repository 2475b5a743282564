"""The plan of a session for each stock: gap, drift, volume, flows and surges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random

from kt.records import MarketName
from kt.sim.market.listing import Listing
from kt.sim.market.noise import bell, key_of, share

_BIGGEST_SURGING_VALUE = 300_000_000_000
"""Stocks with a larger daily traded value (won) do not surge."""
_AFFORDABLE = 200_000
_PULL = 0.001
"""The downward drift of every stock in a session, which offsets the average gain from surges."""
PATH_SIGMA = 0.8
"""The noise inside a session, as a multiple of `sigma`."""
_PLANS_KEPT = 2_048
"""How many plans are kept: of a hundred sessions of a few stocks, or a few of all stocks."""
_MOST = 0.27
"""The largest planned change of a close, as a fraction: inside the price limits after rounding."""


@dataclass(frozen=True, slots=True)
class Surge:
    """A surge or slump of one stock in one session: first volume, then price, then a decline.

    Minutes count from 09:00. `height` is the peak as a fraction of the base price (negative for
    a slump), `keep` the part of it that remains at the end; `times` is the session's volume as a
    multiple of a quiet day's. Foreigners and institutions buy in `real` surges.
    """

    start: int
    rise: int
    fade: int
    height: float
    keep: float
    times: float
    real: bool

    def lift(self, minute: int) -> float:
        """The surge's effect on the price at a minute, as a fraction of the base price."""
        if minute <= self.start:
            return 0.0
        risen = (minute - self.start) / self.rise
        if risen < 1:
            return self.height * risen * (2 - risen)
        fallen = min(1.0, (minute - self.start - self.rise) / self.fade)
        return self.height * (1 - (1 - self.keep) * fallen * fallen * (3 - 2 * fallen))

    def heat(self, minute: int) -> float:
        """The intensity of trading, 0 to 1; it rises some minutes before the price does."""
        lead = minute - self.start + 8
        if lead <= 0:
            return 0.0
        if lead < 8:
            return lead / 8
        risen = (minute - self.start) / self.rise
        if risen < 1:
            return 1 - 0.6 * risen
        fallen = (minute - self.start - self.rise) / self.fade
        return 0.4 - 0.35 * min(1.0, fallen)


@dataclass(frozen=True, slots=True)
class StockDay:
    """One stock's plan for one session. Flows are fractions of the session's volume."""

    gap: float
    change: float
    """The close relative to the base, as a fraction, surges included."""
    sigma: float
    """The standard deviation of a day's change, as a fraction."""
    times: float
    """The volume as a multiple of a quiet day's, without the surge."""
    pressure: float
    """The hidden signal that foreigners and institutions follow, about -2 to 2."""
    foreign: float
    institution: float
    surge: Surge | None
    leads: bool = True
    """Whether trades and books lean towards what the price will do."""


class Planner:
    """Computes plans from only the seed and the session's number.

    The market is slightly predictable by design: the hidden pressure drives the published flows,
    part of the same day's drift and part of the next day's; surges of volume, and the flows in
    them, precede prices (docs/exchange.md#signals). With `signals` off, flows, volumes, trade
    strength and books look the same, and prices are a random walk that owes nothing to any of them.
    """

    def __init__(self, seed: int, listings: tuple[Listing, ...], *, signals: bool = True) -> None:
        self.seed = seed
        self.signals = signals
        self._listings = {listing.code: listing for listing in listings}
        self._keys = {listing.code: key_of(seed, listing.code) for listing in listings}
        self._surges: dict[int, dict[str, Surge]] = {}
        self._market_key = key_of(seed, "market")
        self._drawn = lru_cache(maxsize=_PLANS_KEPT)(self._draw)
        self._pressure = lru_cache(maxsize=_PLANS_KEPT)(self._draw_pressure)
        self._market = lru_cache(maxsize=_PLANS_KEPT)(self._draw_market)
        self._able = [item.code for item in listings if _may_surge(item)]

    def key(self, code: str) -> int:
        return self._keys[code]

    def pressure(self, code: str, session: int) -> float:
        """The hidden signal: lasts about three sessions, standard deviation about 1."""
        return self._pressure(code, session)

    def _draw_pressure(self, code: str, session: int) -> float:
        key = self._keys[code]
        return (
            0.75 * bell(key, 16 * session)
            + 0.5 * bell(key, 16 * session - 16)
            + 0.4 * bell(key, 16 * session - 32)
        )

    def day(self, listing: Listing, session: int) -> StockDay:
        return self._drawn(listing.code, session)

    def _draw(self, code: str, session: int) -> StockDay:
        listing = self._listings[code]
        key, step = self._keys[code], 16 * session
        sigma = self._sigma(listing)
        now, before = self.pressure(listing.code, session), self.pressure(listing.code, session - 1)
        surge = self.surges(session).get(listing.code)
        gap_noise, noise = 0.35 * sigma * bell(key, step + 1), sigma * bell(key, step + 2)
        if self.signals:
            yesterday = self.surges(session - 1).get(listing.code)
            hangover = -0.4 * yesterday.height * yesterday.keep if yesterday else 0.0
            market = 0.8 * self._market(listing.market, session)
            drift = sigma * (0.22 * before + 0.18 * now) + market - _PULL
            gap = 0.3 * drift + 0.5 * hangover + gap_noise
            change = drift + hangover + 0.85 * noise
            if surge:
                change = 0.5 * change + surge.lift(390)
        else:
            gap, change = gap_noise, gap_noise + PATH_SIGMA * noise
        spread = bell(key, step + 3)
        support = 0.0 if surge is None else (0.09 if surge.real == (surge.height >= 0) else -0.05)
        return StockDay(
            gap=_within(gap, 0.12),
            change=_within(change, _MOST),
            sigma=sigma,
            leads=self.signals,
            times=0.6 + 0.3 * spread * spread,
            pressure=now,
            foreign=_within(0.05 * now + 0.04 * bell(key, step + 4) + support, 0.3),
            institution=_within(0.035 * now + 0.03 * bell(key, step + 5) + 0.6 * support, 0.3),
            surge=surge,
        )

    def surges(self, session: int) -> dict[str, Surge]:
        """The surges and slumps of a session, by code."""
        if session not in self._surges:
            self._surges[session] = self._draw_surges(session)
        return self._surges[session]

    def _draw_surges(self, session: int) -> dict[str, Surge]:
        rng = Random(f"{self.seed}:surges:{session}")
        chosen = rng.sample(self._able, min(19, len(self._able)))
        drawn = [_run(rng, early=True, real=True) for _ in range(5)]
        drawn += [_run(rng, early=True, real=False) for _ in range(3)]
        drawn += [_run(rng, early=False, real=True) for _ in range(4)]
        drawn += [_run(rng, early=False, real=False) for _ in range(2)]
        drawn += [_slump(rng) for _ in range(5)]
        if not self.signals:
            drawn = [replace(surge, height=0.0) for surge in drawn]
        return dict(zip(chosen, drawn, strict=False))

    def _sigma(self, listing: Listing) -> float:
        usual = 0.017 if listing.market is MarketName.KOSPI else 0.024
        return usual * (0.8 + 0.6 * share(self._keys[listing.code], 7))

    def _draw_market(self, market: MarketName, session: int) -> float:
        own = 0 if market is MarketName.KOSPI else 1
        common = 0.006 * bell(self._market_key, 3 * session)
        return common + 0.003 * bell(self._market_key, 3 * session + 1 + own)


def _may_surge(listing: Listing) -> bool:
    return (
        2_000 <= listing.base_price <= _AFFORDABLE and listing.usual_value <= _BIGGEST_SURGING_VALUE
    )


def _run(rng: Random, *, early: bool, real: bool) -> Surge:
    """A surge. Early ones are already running at 10:00, when a new exchange starts. Those that are
    not `real` look the same at first, except in the flows, and then lose the whole gain."""
    start = rng.randrange(6, 30) if early else rng.randrange(50, 290)
    rise = rng.randrange(90, 170) if early else rng.randrange(50, 110)
    height = 0.06 + 0.09 * rng.random()
    keep = 0.5 + 0.4 * rng.random()
    times = 4.5 + 5.0 * rng.random()
    if not real:
        return Surge(start, rise // 2, 90, 0.6 * height, -0.3, times, real=False)
    return Surge(start, rise, 150, height, keep, times, real=True)


def _slump(rng: Random) -> Surge:
    height = -0.04 - 0.06 * rng.random()
    start, rise = rng.randrange(5, 250), rng.randrange(40, 120)
    return Surge(start, rise, 120, height, 0.8, 2.0 + 1.5 * rng.random(), real=True)


def _within(value: float, most: float) -> float:
    return max(-most, min(most, value))

"""Draws a session's minutes from its plan: prices as a random bridge from open to close, and
volumes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from math import sqrt
from operator import mul
from random import Random

from kt.rules import ticks
from kt.sim.market.listing import Listing
from kt.sim.market.noise import bells
from kt.sim.market.path import SessionPath
from kt.sim.market.plan import PATH_SIGMA, StockDay
from kt.sim.market.session_days import CLOSING_SECOND, CONTINUOUS_MINUTES

_OPENING_SHARE = 0.03
"""The auctions' shares of a day's volume."""
_CLOSING_SHARE = 0.04


def _u_shape(left: float, right: float) -> list[float]:
    """Volume weights of the continuous minutes: high at both ends, low at noon, mean 1."""
    raw = []
    for minute in range(CONTINUOUS_MINUTES):
        early = max(0.0, 1 - minute / 70)
        late = max(0.0, 1 - (CONTINUOUS_MINUTES - 1 - minute) / 50)
        raw.append(1 + left * early * early + right * late * late)
    mean = sum(raw) / len(raw)
    return [value / mean for value in raw]


VOLUME_SHAPE = _u_shape(5.0, 1.2)
_VOLATILITY = [sqrt(value / CONTINUOUS_MINUTES) for value in _u_shape(3.5, 0.6)]
_ELAPSED = [
    0.0,
    *accumulate(value / CONTINUOUS_MINUTES for value in _u_shape(3.5, 0.6)),
]
"""The cumulative share of the day's variance at the end of each minute."""


def snap(price: float, kind: str = "STOCK") -> int:
    """The nearest price on a tick."""
    tick = ticks.tick_size(max(1, int(price)), kind)
    return max(tick, int(price / tick + 0.5) * tick)


@dataclass(frozen=True, slots=True)
class Volumes:
    """A session's volumes in shares: each minute, the opening auction (part of the first minute)
    and the closing auction."""

    minutes: list[int]
    auction: int
    closing: int
    sums: list[int]
    """The volume before each minute, and of all of them."""

    def by(self, second: int) -> int:
        """The volume up to a second; each minute's volume is spread evenly."""
        index = max(0, min(second // 60, CONTINUOUS_MINUTES))
        whole = self.sums[index]
        if index < CONTINUOUS_MINUTES:
            whole += self.minutes[index] * (second % 60) // 60
        return whole + (self.closing if second >= CLOSING_SECOND else 0)


def draw_path(
    listing: Listing,
    plan: StockDay,
    volumes: Volumes,
    *,
    seed_text: str,
    key: int,
    base: int,
    close: int,
    skip: int,
) -> SessionPath:
    """One stock's session between a given `base` and `close`, which the chain of sessions fixes."""
    limits = ticks.price_limits(base, listing.market, listing.kind)
    levels = _levels(plan, Random(seed_text), close / base - 1)
    closes = _prices(base, levels, limits, listing.kind)
    opening = max(limits[0], min(limits[1], snap(base * (1 + plan.gap), listing.kind)))
    return SessionPath(
        key=key,
        base=base,
        limits=limits,
        opening=closes[skip - 1] if skip else opening,
        opens=[opening, *closes[:-1]],
        closes=closes,
        volumes=volumes.minutes,
        closing_price=close,
        closing_volume=volumes.closing,
        auction=volumes.auction,
        wiggle=1.6 * plan.sigma * base / 19.5,
        buying=_buying(plan, base, opening, closes),
        leads=plan.leads,
        kind=listing.kind,
        skip=skip,
    )


def _prices(base: int, levels: list[float], limits: tuple[int, int], kind: str) -> list[int]:
    """The levels as prices on ticks, inside the price limits."""
    tick = _constant_tick(base, levels, kind)
    if tick:
        closes = [int(base * (1 + level) / tick + 0.5) * tick for level in levels]
    else:
        closes = [snap(base * (1 + level), kind) for level in levels]
    lower, upper = limits
    if min(closes) < lower or max(closes) > upper:
        closes = [max(lower, min(upper, price)) for price in closes]
    return closes


def _levels(plan: StockDay, rng: Random, change: float) -> list[float]:
    """The end of each minute, as a fraction of the base price above or below it."""
    walk = list(accumulate(map(mul, bells(rng, CONTINUOUS_MINUTES), _VOLATILITY)))
    rest = walk[-1]
    surge, sigma, gap = plan.surge, PATH_SIGMA * plan.sigma, plan.gap
    steady = change - gap - (surge.lift(390) if surge else 0.0)
    levels = [
        gap + steady * passed + sigma * (step - rest * passed)
        for step, passed in zip(walk, _ELAPSED[1:], strict=True)
    ]
    if surge:
        levels = [level + surge.lift(minute + 1) for minute, level in enumerate(levels)]
    return levels


def _constant_tick(base: int, levels: list[float], kind: str) -> int:
    """The tick size if the whole path stays in one tick band, else 0."""
    low = max(1, int(base * (1 + min(levels))) - 1)
    high = int(base * (1 + max(levels))) + 1
    tick = ticks.tick_size(low, kind)
    return tick if tick == ticks.tick_size(high, kind) else 0


def draw_volumes(listing: Listing, plan: StockDay, *, seed_text: str, skip: int) -> Volumes:
    """The session's volumes; at least four shares a minute, so that open, high, low and close can
    all trade."""
    day = listing.usual_volume * plan.times
    unit = day * (1 - _OPENING_SHARE - _CLOSING_SHARE) / CONTINUOUS_MINUTES * 3
    draw = Random(f"{seed_text}:volumes").random
    raw = [unit * shape * draw() * (0.2 + draw()) / 1.05 for shape in VOLUME_SHAPE]
    if plan.surge:
        heats = [plan.surge.heat(minute) for minute in range(CONTINUOUS_MINUTES)]
        extra = listing.usual_volume * (plan.surge.times - 1) / (sum(heats) or 1.0)
        raw = [
            volume + extra * heat * (0.5 + draw()) for volume, heat in zip(raw, heats, strict=True)
        ]
    minutes = [4 + int(volume) for volume in raw]
    auction = 1 + int(day * _OPENING_SHARE * (0.5 + draw()))
    closing = 1 + int(day * _CLOSING_SHARE * (0.5 + draw()))
    if skip:
        minutes[:skip] = [0] * skip
    minutes[skip] += auction
    return Volumes(minutes, auction, closing, [0, *accumulate(minutes)])


def _buying(plan: StockDay, base: int, opening: int, closes: list[int]) -> list[float]:
    """The share of each minute's volume that lifts the ask: follows the price, and leads it in a
    surge. Without signals it leads nothing: the prices of a minute are those of the one before."""
    usual = 0.5 + 0.012 * plan.pressure
    scale = 0.5 / (plan.sigma * base)
    befores = [opening, *closes[:-1]]
    if not plan.leads:
        closes, befores = befores, [opening, *befores[:-1]]
    raw = [usual + scale * (price - before) for price, before in zip(closes, befores, strict=True)]
    surge = plan.surge
    if surge:
        rising = 0.13 if surge.height > 0 else -0.10
        raw = [
            part + (rising if minute < surge.start + surge.rise else -0.04) * surge.heat(minute)
            for minute, part in enumerate(raw)
        ]
    return [max(0.2, min(0.8, part)) for part in raw]

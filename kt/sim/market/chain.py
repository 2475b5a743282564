"""The chain of sessions: each starts from the previous close, forwards and backwards in time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kt.rules import ticks
from kt.sim.market.draw import VOLUME_SHAPE, Volumes, draw_path, draw_volumes, snap
from kt.sim.market.listing import Listing
from kt.sim.market.noise import bell, share
from kt.sim.market.path import SessionPath
from kt.sim.market.plan import Planner
from kt.sim.market.recorded_day import Recording
from kt.sim.market.steered import Seconds, SteeredPath, SteeringStep, seconds_of

PATHS_BACK = 5
"""How many sessions before session 0 have minute data; older ones have only day bars."""
OLDEST = -500
"""The oldest session that exists."""


@dataclass(frozen=True, slots=True)
class DayBar:
    """One finished session of one stock."""

    session: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    value: int


class Chain:
    """The closes, day bars and price paths of all sessions, computed on demand and cached."""

    kept = 6
    """How many earlier sessions' paths stay in memory."""

    def __init__(self, planner: Planner, recording: Recording | None = None) -> None:
        self.planner = planner
        self._recording = recording
        self._closes: dict[str, dict[int, int]] = {}
        self._paths: dict[tuple[str, int, int], SessionPath] = {}
        self._volumes: dict[tuple[str, int, int], Volumes] = {}
        self._bars: dict[str, dict[int, DayBar]] = {}
        self.changes = 0
        """How many times a stock was steered."""
        self._steps: dict[tuple[str, int], tuple[SteeringStep, ...]] = {}
        self._seconds: dict[tuple[str, int, int], tuple[SessionPath, Seconds]] = {}
        """The unsteered sessions of steered stocks, second by second."""

    # --- steering -------------------------------------------------------------------------

    def steps(self, code: str, session: int) -> tuple[SteeringStep, ...]:
        return self._steps.get((code, session), ())

    def all_steps(self) -> list[tuple[str, int, tuple[SteeringStep, ...]]]:
        """(code, session, steps) of every steered stock and session."""
        return [(code, session, steps) for (code, session), steps in self._steps.items()]

    def steered(self, session: int) -> list[str]:
        """The codes of the stocks that are steered in a session."""
        return [code for code, at in self._steps if at == session]

    def steer(
        self, listing: Listing, session: int, skip: int, steps: Iterable[SteeringStep]
    ) -> None:
        """Replace the steps of a session; later sessions start from the resulting close."""
        code = listing.code
        self.changes += 1
        self._steps[code, session] = tuple(steps)
        self._paths = {
            name: path for name, path in self._paths.items() if name[0] != code or name[1] < session
        }
        path = self.path(listing, session, skip)
        bars, closes = self._bars.get(code, {}), self._closes.get(code, {})
        self._bars[code] = {at: bar for at, bar in bars.items() if at < session}
        self._closes[code] = {at: close for at, close in closes.items() if at < session}
        self._closes[code][session] = path.closing_price

    def close(self, listing: Listing, session: int) -> int:
        """The close of a session in won; -1 is the session before the first."""
        closes = self._closes.setdefault(listing.code, {-1: listing.base_price})
        if session in closes:
            return closes[session]
        at = max(closes) if session >= 0 else min(closes)
        while at < session:
            at += 1
            closes[at] = self._next_close(listing, at, closes[at - 1])
        while at > session:
            closes[at - 1] = self._close_before(listing, at, closes[at])
            at -= 1
        return closes[session]

    def _next_close(self, listing: Listing, session: int, base: int) -> int:
        recorded = self._recording and self._recording.day(listing.code, session)
        if recorded:
            return recorded[-1].close
        lower, upper = ticks.price_limits(base, listing.market, listing.kind)
        wanted = snap(base * (1 + self.planner.day(listing, session).change), listing.kind)
        return max(lower, min(upper, wanted))

    def _close_before(self, listing: Listing, session: int, close: int) -> int:
        change = self.planner.day(listing, session).change
        return snap(close / (1 + change), listing.kind)

    def base(self, listing: Listing, session: int) -> int:
        return self.close(listing, session - 1)

    def path(self, listing: Listing, session: int, skip: int = 0) -> SessionPath:
        """The session's trades; the first `skip` minutes do not trade (late opening)."""
        name = (listing.code, session, skip)
        if name not in self._paths:
            steps = self.steps(listing.code, session)
            if steps:
                self._paths[name] = self._steered(name, listing, steps)
            else:
                self._paths[name] = self._make_path(
                    listing, session, skip, self.close(listing, session)
                )
        return self._paths[name]

    def _steered(
        self, name: tuple[str, int, int], listing: Listing, steps: tuple[SteeringStep, ...]
    ) -> SessionPath:
        if name not in self._seconds:
            own = self._next_close(listing, name[1], self.base(listing, name[1]))
            plain = self._make_path(listing, name[1], name[2], own)
            self._seconds[name] = plain, seconds_of(plain)
        return SteeredPath(*self._seconds[name], steps)

    def _make_path(self, listing: Listing, session: int, skip: int, close: int) -> SessionPath:
        base = self.base(listing, session)
        key = self.planner.key(listing.code) ^ (session * 0x5851F42D4C957F2D & (1 << 64) - 1)
        recorded = self._recording and self._recording.day(listing.code, session)
        if recorded:
            return recorded.path(listing, key=key, base=base)
        return draw_path(
            listing,
            self.planner.day(listing, session),
            self._drawn_volumes(listing, session, skip),
            seed_text=f"{self.planner.seed}:{listing.code}:{session}",
            key=key,
            base=base,
            close=close,
            skip=skip,
        )

    def volumes(self, listing: Listing, session: int, skip: int) -> Callable[[int], int]:
        """The approximate volume by second of a session, without computing its path."""
        recorded = self._recording and self._recording.day(listing.code, session)
        if recorded:
            return self.path(listing, session, skip).volume_at
        return self._drawn_volumes(listing, session, skip).by

    def _drawn_volumes(self, listing: Listing, session: int, skip: int) -> Volumes:
        name = (listing.code, session, skip)
        if name not in self._volumes:
            self._volumes[name] = draw_volumes(
                listing,
                self.planner.day(listing, session),
                seed_text=f"{self.planner.seed}:{listing.code}:{session}",
                skip=skip,
            )
        return self._volumes[name]

    def forget(self, session: int) -> None:
        """Drop the cached paths of sessions before this one, and the minutes of those that are
        left; they can be computed again."""
        self._paths = {name: path for name, path in self._paths.items() if name[1] >= session}
        for path in self._paths.values():
            path.forget_minutes()
        self._volumes = {name: drawn for name, drawn in self._volumes.items() if name[1] >= session}
        self._seconds = {name: had for name, had in self._seconds.items() if name[1] >= session}

    def bar(self, listing: Listing, session: int, skip: int = 0) -> DayBar:
        """The finished session as one bar."""
        bars = self._bars.setdefault(listing.code, {})
        if session not in bars:
            maker = self._bar_of_path if session >= -PATHS_BACK else self._bar_of_plan
            bars[session] = maker(listing, session, skip)
        return bars[session]

    def _bar_of_path(self, listing: Listing, session: int, skip: int) -> DayBar:
        path = self.path(listing, session, skip)
        first, high, low = path.whole_range()
        volume, value = path.volume_at(24 * 3600), path.value_at(24 * 3600)
        return DayBar(session, first, high, low, path.closing_price, volume, value)

    def _bar_of_plan(self, listing: Listing, session: int, skip: int) -> DayBar:
        plan = self.planner.day(listing, session)
        base, close = self.base(listing, session), self.close(listing, session)
        lower, upper = ticks.price_limits(base, listing.market, listing.kind)
        key = self.planner.key(listing.code)
        first = max(lower, min(upper, snap(base * (1 + plan.gap), listing.kind)))
        top = base * plan.sigma * 0.8 * abs(bell(key, 16 * session + 8))
        if plan.surge and plan.surge.height > 0:
            top += base * plan.surge.height * (1 - plan.surge.keep)
        bottom = base * plan.sigma * 0.8 * abs(bell(key, 16 * session + 9))
        high = min(upper, max(first, close, snap(max(first, close) + top, listing.kind)))
        low = max(lower, min(first, close, snap(min(first, close) - bottom, listing.kind)))
        volume = self._volume_of_plan(listing, session)
        return DayBar(session, first, high, low, close, volume, volume * (first + close) // 2)

    def _volume_of_plan(self, listing: Listing, session: int) -> int:
        plan, key = self.planner.day(listing, session), self.planner.key(listing.code)
        times = plan.times + (plan.surge.times - 1 if plan.surge else 0.0)
        volume = int(listing.usual_volume * times * (0.9 + 0.2 * share(key, 16 * session + 10)))
        return max(volume, len(VOLUME_SHAPE) * 4)

    def traded(self, listing: Listing, session: int, skip: int = 0) -> tuple[int, int]:
        """The close and the volume of a finished session: those of its `bar`, without its path."""
        recorded = self._recording and self._recording.day(listing.code, session)
        if recorded or self.steps(listing.code, session):
            bar = self.bar(listing, session, skip)
            return bar.close, bar.volume
        close = self.close(listing, session)
        if session < -PATHS_BACK:
            return close, self._volume_of_plan(listing, session)
        volumes = self._drawn_volumes(listing, session, skip)
        return close, volumes.sums[-1] + volumes.closing

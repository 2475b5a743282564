"""Implements the Market port on the embedded market."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from kt.records import (
    Bar,
    Book,
    BrokerActivity,
    BuyingStreak,
    Flow,
    ForeignHolding,
    InstitutionDay,
    Instrument,
    Interval,
    MarketIndex,
    MarketName,
    Quote,
    Ranked,
    Ranking,
    SectorFlow,
    Strength,
)
from kt.sim.market import (
    conditions,
    expected_prices,
    flow,
    history,
    market_figures,
    rankings,
)
from kt.sim.market.board import Board, Moment
from kt.sim.market.depth import Depth
from kt.sim.market.path import SessionPath
from kt.sim.market.session_days import AUCTION_SECOND

T = TypeVar("T")
_STRENGTHS = 60
"""The number of rows of ka10046: one hour of minutes."""


class MarketView:
    """Implements `kt.ports.Market` for the current moment; raises only UnknownStock."""

    def __init__(self, board: Board, depth: Depth, now: Callable[[], datetime]) -> None:
        self._board = board
        self._depth = depth
        self._now = now
        self._kept: dict[object, Any] = {}
        self._kept_for: tuple[int, ...] = ()

    def _once(self, key: object, moment: Moment, make: Callable[[], T]) -> T:
        """What `make` returns, once for each second of an unchanged market."""
        market = (moment.session, moment.second, self._depth.changes, self._board.chain.changes)
        if market != self._kept_for:
            self._kept.clear()
            self._kept_for = market
        if key not in self._kept:
            self._kept[key] = make()
        found: T = self._kept[key]
        return found

    def _moment(self) -> Moment:
        return self._board.moment(self._now())

    def instruments(self) -> tuple[Instrument, ...]:
        moment, board = self._moment(), self._board
        base = board.chain.base
        return board.daily(
            moment,
            "instruments",
            lambda: tuple(item.instrument(base(item, moment.session)) for item in board.listings),
        )

    def index(self, market: MarketName) -> MarketIndex:
        return market_figures.index(self._board, self._moment(), market)

    def sectors(self, market: MarketName) -> tuple[SectorFlow, ...]:
        return market_figures.sectors(self._board, self._moment(), market)

    def streaks(self, market: MarketName) -> tuple[BuyingStreak, ...]:
        return market_figures.streaks(self._board, self._moment(), market)

    def ranking(self, ranking: Ranking) -> tuple[Ranked, ...]:
        moment = self._moment()
        return self._once(ranking, moment, lambda: rankings.rank(self._board, moment, ranking))

    def conditions(self) -> tuple[str, ...]:
        return tuple(condition.name for condition in conditions.CONDITIONS)

    def condition(self, name: str) -> tuple[Ranked, ...]:
        return conditions.matches(self._board, self._moment(), name)

    def quote(self, stock_code: str) -> Quote:
        return self._quote_at(stock_code, self._moment())

    def _quote_at(self, stock_code: str, moment: Moment) -> Quote:
        found = self._once(
            ("quote", stock_code), moment, lambda: self._make_quote(stock_code, moment)
        )
        return msgspec.structs.replace(found, at=moment.at) if found.at != moment.at else found

    def _make_quote(self, stock_code: str, moment: Moment) -> Quote:
        listing = self._board.listing(stock_code)
        path = self._board.path(stock_code, moment.session)
        price, volume, value, change_pct = path.traded_at(moment.second)
        opening, high, low = path.range_at(moment.second)
        ask, bid = self._depth.top(stock_code, path, self._board.unit(stock_code), moment.second)
        expected, expected_volume = expected_prices.expected(path, moment.second)
        return Quote(
            stock_code=stock_code,
            stock_name=listing.name,
            price=price,
            base_price=path.base,
            change=price - path.base,
            change_pct=change_pct,
            volume=volume,
            open=opening,
            high=high,
            low=low,
            upper_limit=path.upper,
            lower_limit=path.lower,
            value=value,
            bid=bid,
            ask=ask,
            expected_price=expected,
            expected_volume=expected_volume,
            listed_shares=listing.shares,
            at=moment.at,
        )

    def quotes(self, stock_codes: Sequence[str]) -> tuple[Quote, ...]:
        moment = self._moment()
        known = (code for code in stock_codes if self._board.knows(code))
        return tuple(self._quote_at(code, moment) for code in known)

    def book(self, stock_code: str) -> Book:
        moment = self._moment()
        path, unit = self._board.path(stock_code, moment.session), self._board.unit(stock_code)
        found = self._once(
            ("book", stock_code),
            moment,
            lambda: self._depth.book(stock_code, path, unit, moment.second),
        )
        return msgspec.structs.replace(found, at=moment.at)

    def brokers(self, stock_code: str) -> BrokerActivity:
        return flow.broker_activity(self._board, stock_code, self._moment())

    def strength(self, stock_code: str) -> tuple[Strength, ...]:
        """The last minutes, newest first; `volume` is the volume since the previous row."""
        moment = self._moment()
        path = self._board.path(stock_code, moment.session)
        origin = self._board.days.origin(moment.session)
        newest = min(moment.second, AUCTION_SECOND - 1)
        seconds = [newest, *range(newest // 60 * 60 - 1, path.skip * 60, -60)][:_STRENGTHS]
        found = [_strength(path, origin, second) for second in seconds]
        return tuple([row for row in found if row is not None])

    def flow(self, stock_code: str) -> tuple[Flow, ...]:
        return flow.flow_rows(self._board, stock_code, self._moment())

    def foreign(self, stock_code: str) -> tuple[ForeignHolding, ...]:
        return flow.foreign_rows(self._board, stock_code, self._moment())

    def institutions(self, stock_code: str, start: date, end: date) -> tuple[InstitutionDay, ...]:
        return flow.institution_rows(self._board, stock_code, self._moment(), start, end)

    def bars(
        self, stock_code: str, interval: Interval, count: int, *, size: int = 1
    ) -> tuple[Bar, ...]:
        self._board.listing(stock_code)
        return history.bars(self._board, stock_code, self._moment(), interval, count, size)


def _strength(path: SessionPath, origin: datetime, second: int) -> Strength | None:
    """One row of trade strength; None before the first trade. Those at the ends of minutes are
    kept."""
    found = path.strengths.get(second)
    if found is not None:
        return found
    price, volume, _, _ = path.traded_at(second)
    if not volume:
        return None
    inner = volume - path.cumulative[second // 60]
    found = Strength(
        at=origin + timedelta(seconds=second),
        price=price,
        volume=inner,
        strength=path.strength_at(second, 0, inner),
        strength_5m=path.strength_at(second, 5, inner),
        strength_20m=path.strength_at(second, 20, inner),
        strength_60m=path.strength_at(second, 60, inner),
    )
    if second % 60 == 59:
        path.strengths[second] = found
    return found

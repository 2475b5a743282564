"""The embedded market on minute bars instead of a seed: only the stocks of the data, and nothing
that bars do not tell (docs/virtual-clock.md#bars)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

import msgspec

from kt.records import (
    BrokerActivity,
    BuyingStreak,
    Flow,
    ForeignHolding,
    InstitutionDay,
    MarketName,
    SectorFlow,
    Side,
)
from kt.rules import calendar
from kt.rules.bar_fill import FillModel
from kt.sim.market.bar_path import BarPath
from kt.sim.market.bar_tables import BarDay, BarRow, BarTables, StockBars
from kt.sim.market.bars_to_path import path_of_bars
from kt.sim.market.board import Board, Moment
from kt.sim.market.chain import PATHS_BACK, Chain, DayBar
from kt.sim.market.depth import Depth
from kt.sim.market.listing import Listing, listings
from kt.sim.market.path import SessionPath
from kt.sim.market.plan import Planner
from kt.sim.market.session_days import CONTINUOUS_MINUTES, SessionDays
from kt.sim.market.view import MarketView

_FEWEST_SHARES = 1_000_000
_BOOK_PART = 10
"""A level of the book shows a usual minute's volume divided by this."""


@dataclass(frozen=True)
class BarMarket:
    """Bars to trade on from `first` on, and how orders fill on them. The stocks are those with a
    bar before that day: its last close is their first base price, and nobody can know now which
    stocks come later."""

    tables: BarTables
    first: date
    model: FillModel

    @cached_property
    def stocks(self) -> dict[str, StockBars]:
        return {
            code: stock
            for code, stock in sorted(self.tables.stocks.items())
            if any(day < self.first for day in stock.days)
        }

    @property
    def left_out(self) -> tuple[str, ...]:
        """The codes of the stocks that begin too late."""
        return tuple(sorted(set(self.tables.stocks) - set(self.stocks)))


class SavedStock(msgspec.Struct, frozen=True):
    """A stock at the end of a backtest: its last price and its usual volume."""

    code: str
    name: str
    market: str
    kind: str
    price: int
    volume: int


def saved(board: Board, at: datetime) -> str:
    """The stocks with their last prices, as JSON: what is left of the bars when they are over."""
    moment = board.moment(at)
    stocks = [
        SavedStock(
            code=item.code,
            name=item.name,
            market=item.market,
            kind=item.kind,
            price=board.path(item.code, moment.session).price_at(moment.second),
            volume=item.usual_volume,
        )
        for item in board.listings
    ]
    return msgspec.json.encode(stocks).decode()


def resumed(text: str, day: date) -> BarMarket:
    """The market of `saved` from its day on: every stock stays at its last price."""
    tables = BarTables(Path())
    for stock in msgspec.json.decode(text, type=list[SavedStock]):
        bars = BarDay(tables.source)
        price = stock.price
        bars.add(BarRow(0, price, price, price, price, stock.volume, 0))
        days = {calendar.previous_trading_day(day): bars}
        tables.stocks[stock.code] = StockBars(
            stock.code, stock.name, stock.market, stock.kind, days
        )
    return BarMarket(tables, day, FillModel())


def listed(market: BarMarket) -> tuple[Listing, ...]:
    """The stocks; what no column says is taken from the built-in list (the name, the market and the
    number of shares, of 2026-03-20)."""
    known = {item.code: item for item in listings()}
    return tuple(
        _listing(stock, market.first, known.get(stock.code)) for stock in market.stocks.values()
    )


def _listing(stock: StockBars, first: date, known: Listing | None) -> Listing:
    earlier = [stock.days[day] for day in sorted(stock.days) if day < first]
    usual = max(CONTINUOUS_MINUTES, sum(day.volume for day in earlier) // len(earlier))
    usual_market = known.market if known else MarketName.KOSPI
    return Listing(
        code=stock.code,
        name=stock.name or (known.name if known else stock.code),
        market=MarketName(stock.market) if stock.market else usual_market,
        base_price=earlier[-1].close,
        shares=known.shares if known else max(_FEWEST_SHARES, 100 * usual),
        usual_volume=usual,
        kind=stock.kind or (known.kind if known else "STOCK"),
    )


class BarChain(Chain):
    """The sessions of the data. A day without a bar of a stock is a day without trades."""

    kept = 1  # real data may have thousands of stocks

    def __init__(self, planner: Planner, market: BarMarket, days: SessionDays) -> None:
        super().__init__(planner)
        self._stocks = market.stocks
        self._days = days
        self._firsts: dict[str, int] = {}
        self._ordered = {code: sorted(stock.days) for code, stock in self._stocks.items()}

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(self._stocks)

    def first_session(self, code: str) -> int:
        """The session of the stock's first day in the data."""
        if code not in self._firsts:
            session = 0
            while self._days.day(session - 1) >= self._ordered[code][0]:
                session -= 1
            self._firsts[code] = session
        return self._firsts[code]

    def close(self, listing: Listing, session: int) -> int:
        """The last close of the data up to a session; before the data, its first open."""
        days = self._ordered[listing.code]
        place = bisect_right(days, self._days.day(session))
        bars = self._stocks[listing.code].days
        return bars[days[place - 1]].close if place else next(iter(bars[days[0]])).open

    def _make_path(self, listing: Listing, session: int, skip: int, close: int) -> SessionPath:
        rows = list(self._stocks[listing.code].days.get(self._days.day(session)) or ())
        key, base = self.planner.key(listing.code), self.base(listing, session)
        return path_of_bars(BarPath, rows, listing, key=key, base=base, skip=skip, leads=False)

    def volumes(self, listing: Listing, session: int, skip: int) -> Callable[[int], int]:
        return self.path(listing, session, skip).volume_at

    def bar(self, listing: Listing, session: int, skip: int = 0) -> DayBar:
        bars = self._bars.setdefault(listing.code, {})
        if session not in bars:
            found = self._bar_of_path(listing, session, skip)
            if not found.volume:
                price = found.close
                found = DayBar(session, price, price, price, price, 0, 0)
            bars[session] = found
        return bars[session]

    def traded(self, listing: Listing, session: int, skip: int = 0) -> tuple[int, int]:
        found = self.bar(listing, session, skip)
        return found.close, found.volume


class BarBoard(Board):
    """The data's stocks, from their first day on."""

    def __init__(self, seed: int, days: SessionDays, market: BarMarket) -> None:
        super().__init__(seed, days, listed=listed(market))
        self.bar_chain = BarChain(self.planner, market, days)
        self.chain = self.bar_chain
        self.fill_model = market.model
        self._first = min(map(self.oldest, self.bar_chain.codes))

    def has_minutes(self, session: int, moment: Moment) -> bool:
        return session >= max(self._first, moment.session - PATHS_BACK)

    def oldest(self, code: str) -> int:
        return self.bar_chain.first_session(code)


class BarDepth(Depth):
    """The order book that bars do not tell: levels of one unchanging size around the last price,
    the same on both sides, so that nothing can be read from it."""

    def _sizes(
        self,
        code: str,
        path: SessionPath,
        unit: int,
        side: Side,
        prices: Sequence[int],
        tick: int,
        second: int,
    ) -> list[int]:
        return [max(1, unit // _BOOK_PART)] * len(prices)


class BarView(MarketView):
    """The market of the data: who bought is not in bars, and is absent."""

    def sectors(self, market: MarketName) -> tuple[SectorFlow, ...]:
        return ()

    def streaks(self, market: MarketName) -> tuple[BuyingStreak, ...]:
        return ()

    def brokers(self, stock_code: str) -> BrokerActivity:
        self._board.listing(stock_code)
        return BrokerActivity(stock_code=stock_code, sellers=(), buyers=())

    def flow(self, stock_code: str) -> tuple[Flow, ...]:
        self._board.listing(stock_code)
        return ()

    def foreign(self, stock_code: str) -> tuple[ForeignHolding, ...]:
        self._board.listing(stock_code)
        return ()

    def institutions(self, stock_code: str, start: date, end: date) -> tuple[InstitutionDay, ...]:
        self._board.listing(stock_code)
        return ()

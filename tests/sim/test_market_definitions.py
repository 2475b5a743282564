"""What is kept, summed or computed for one second alone equals its plain definition."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kt.records import Interval, MarketName, Ranking, Side
from kt.sim.exchange import Exchange, Steer
from kt.sim.market.depth import LEVELS, Depth, down, up
from kt.sim.market.noise import hundredths, scatter
from kt.sim.market.path import SessionPath
from kt.sim.market.session_days import AUCTION_SECOND, CONTINUOUS_MINUTES
from kt.sim.market.view import MarketView
from tests.sim.scene import CODE, at, board_of, chain_of, opened, paths

PLACES = st.integers(0, 199)
SECONDS = st.integers(0, AUCTION_SECOND - 1)
SEEDS = st.sampled_from([1, 7])


def fresh(seed: int, place: int, session: int = 0) -> SessionPath:
    """A stock's session of which nothing has been asked yet."""
    chain = chain_of(seed)
    return chain.path(sorted(board_of(seed).listings, key=lambda item: item.code)[place], session)


@given(st.floats(-1e7, 1e7) | st.integers(-(10**6), 10**6).map(lambda n: n / 1000))
@example(0.125)
@example(2.675)
@example(-0.001)
def test_hundredths_are_rounded_as_python_does(value: float) -> None:
    assert repr(hundredths(value)) == repr(round(value, 2))


@settings(max_examples=15, deadline=None)
@given(SEEDS, PLACES, st.integers(0, CONTINUOUS_MINUTES - 1))
def test_a_second_alone_is_that_of_the_whole_minute(seed: int, place: int, index: int) -> None:
    path, drawn = fresh(seed, place), fresh(seed, place).seconds_in(index)
    begun = index * 60
    for inside in range(60):
        assert path.shape(index, inside) == drawn.prices[inside]
        assert path.quantity_in(index, inside) == drawn.quantities[inside]
        assert path.volume_in(index, inside) == sum(drawn.quantities[: inside + 1])
        traded = [second for second in range(inside + 1) if drawn.quantities[second]]
        assert path.last_traded(begun + inside) == begun + traded[-1]
        assert path.price_at(begun + inside) == drawn.prices[traded[-1]]
        shown = [drawn.prices[second] for second in traded]
        assert (drawn.highs[inside], drawn.lows[inside]) == (max(shown), min(shown))


@settings(max_examples=10, deadline=None)
@given(SEEDS, PLACES, SECONDS)
def test_the_day_so_far_is_what_its_seconds_say(seed: int, place: int, second: int) -> None:
    path, told = fresh(seed, place), fresh(seed, place)
    trades = []
    for index in range(second // 60 + 1):
        drawn = told.draw_seconds(index)
        for inside, size in enumerate(drawn.quantities):
            if size and index * 60 + inside <= second:
                trades.append((index * 60 + inside, drawn.prices[inside], size))
    prices = [price for _, price, _ in trades]
    assert path.range_at(second) == (path.opening, max(prices), min(prices))
    price, volume, value, change_pct = path.traded_at(second)
    assert (price, volume) == (prices[-1], sum(size for _, _, size in trades))
    assert (price, volume, value) == (
        path.price_at(second),
        path.volume_at(second),
        path.value_at(second),
    )
    assert change_pct == round(100 * (price - path.base) / path.base, 2)
    trade = path.trade_at(trades[-1][0])
    assert trade is not None
    assert (trade.second, trade.price, trade.quantity) == trades[-1]


def test_the_range_of_a_whole_session_is_that_of_its_end() -> None:
    for path in [*paths(1).values(), *paths(7, -2).values()]:
        assert path.whole_range() == path.range_at(24 * 3600)


def size_of(path: SessionPath, unit: int, side: Side, price: int, second: int) -> int:
    """The displayed size of a level, as it is defined."""
    tick = up(price, path.kind) - price
    epoch = (second + price // tick * 7 % 11) // 11
    bits = scatter(path.key ^ price, 2 * epoch + (side is Side.BUY))
    first, then = (bits & 0xFFFF) / 65536, ((bits >> 16) & 0xFFFF) / 65536
    lean = 3 * (path.buying(second // 60 + path.lead) - 0.5)
    weight = 1 + lean if side is Side.BUY else 1 - lean
    return 1 + int(unit * max(0.3, weight) * first * (0.1 + 2.4 * then * then))


@settings(max_examples=15, deadline=None)
@given(SEEDS, PLACES, SECONDS)
def test_a_book_is_ten_ticks_a_side(seed: int, place: int, second: int) -> None:
    path, depth, unit = fresh(seed, place), Depth(), 1000
    book = depth.book("A", path, unit, second)
    best = dict(zip((Side.SELL, Side.BUY), depth.best(path, second), strict=True))
    for side, levels in ((Side.SELL, book.asks), (Side.BUY, book.bids)):
        move: Callable[[int, str], int] = up if side is Side.SELL else down
        price, expected = best[side], []
        while price and path.lower <= price <= path.upper and len(expected) < LEVELS:
            expected.append((price, size_of(path, unit, side, price, second)))
            price = move(price, path.kind)
        assert [(level.price, level.quantity) for level in levels] == expected


def everything(market: MarketView, codes: list[str]) -> dict[str, Any]:
    """Every view of the market; of some stocks, where one is of a stock."""
    found: dict[str, Any] = {"stocks": market.instruments(), "quotes": market.quotes(codes)}
    for kind in Ranking:
        found[kind] = market.ranking(kind)
    for name in (MarketName.KOSPI, MarketName.KOSDAQ):
        found[name] = market.index(name), market.sectors(name), market.streaks(name)
    for code in codes:
        day = at(0).date()
        found[code] = (
            market.book(code),
            market.brokers(code),
            market.strength(code),
            market.flow(code),
            market.foreign(code),
            market.institutions(code, day.replace(month=9), day.replace(month=12)),
            *(market.bars(code, interval, 90) for interval in Interval),
            market.bars(code, Interval.MINUTE, 70, size=5),
            market.bars(code, Interval.TICK, 20, size=3),
        )
    return found


TIMES = [at(8, 40), at(9, 0, 3), at(9, 0, 58), at(9, 47, 59), at(15, 21), at(15, 31), at(10, day=1)]


@pytest.mark.parametrize("steered", [pytest.param(False, marks=pytest.mark.soak), True])
def test_an_exchange_that_was_asked_all_day_says_what_a_new_one_says(steered: bool) -> None:
    exchange, clock = opened(at(8, 30), seed=7)
    draw = random.Random(3)
    codes = draw.sample([item.stock_code for item in exchange.market.instruments()], 3)
    made: list[tuple[Any, Steer]] = []
    for moment in TIMES:
        clock.set(moment)
        if steered and moment.hour == 9:
            request = Steer(stock_code=codes[0], price=exchange.market.quote(codes[0]).price)
            exchange.steer(request)
            made.append((moment, request))
        told = everything(exchange.market, codes)
        assert told == everything(as_new(made, moment).market, codes), moment


def as_new(made: list[tuple[Any, Steer]], moment: Any) -> Exchange:
    """An exchange of the same seed that was steered the same and asked nothing."""
    exchange, clock = opened(at(8, 30), seed=7)
    for when, request in made:
        clock.set(when)
        exchange.steer(request)
    clock.set(moment)
    return exchange


def test_rankings_are_the_quotes_in_order() -> None:
    exchange, clock = opened(at(9, 1), seed=7)
    for moment in (at(9, 1), at(11, 13, 37), at(15, 40)):
        clock.set(moment)
        codes = [item.stock_code for item in exchange.market.instruments()]
        quotes = {quote.stock_code: quote for quote in exchange.market.quotes(codes)}
        measures: dict[Ranking, Callable[[Any], float]] = {
            Ranking.VOLUME: lambda quote: quote.volume,
            Ranking.VALUE: lambda quote: quote.value,
            Ranking.CHANGE: lambda quote: quote.change_pct,
        }
        for kind, measure in measures.items():
            rows = exchange.market.ranking(kind)
            order = sorted(quotes.values(), key=lambda quote: (-measure(quote), quote.stock_code))
            assert [row.stock_code for row in rows] == [quote.stock_code for quote in order]
            for row in rows:
                quote = quotes[row.stock_code]
                told = (row.price, row.change_pct, row.volume, row.value)
                assert told == (quote.price, quote.change_pct, quote.volume, quote.value)
        surges = exchange.market.ranking(Ranking.VOLUME_SURGE)
        assert all(
            (first.surge_pct, second.stock_code) > (second.surge_pct, first.stock_code)
            for first, second in pairwise(surges)
        )


def test_books_are_sent_only_where_they_are_watched() -> None:
    exchange, clock = opened(at(10), seed=7)
    exchange.watch({CODE, "005930"}, {"005930"})
    clock.advance(30)
    told = {
        (type(event).__name__, event.stock_code) for key, event in exchange.advance() if not key
    }
    assert told == {("Tick", CODE), ("Tick", "005930"), ("BookUpdate", "005930")}

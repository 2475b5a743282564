"""The market port: quotes, books, rankings, charts and flows agree with each other."""

from __future__ import annotations

import time
from datetime import date, timedelta
from itertools import pairwise

import pytest

from kt.errors import UnknownStock
from kt.records import Interval, Ranking
from kt.rules import ticks
from kt.sim.market.depth import LEVELS, Depth
from kt.sim.market.view import MarketView
from tests.sim.scene import CODE, at, board_of, opened

BIG = "005930"


@pytest.fixture(scope="module")
def market() -> MarketView:
    return opened()[0].market


def test_a_quote_has_everything(market: MarketView) -> None:
    quote = market.quote(CODE)
    assert quote.stock_name == "원익홀딩스"
    assert quote.change == quote.price - quote.base_price
    assert quote.change_pct == round(100 * quote.change / quote.base_price, 2)
    assert quote.low <= quote.open <= quote.high
    assert (quote.lower_limit, quote.upper_limit) == ticks.price_limits(quote.base_price, "KOSDAQ")
    assert quote.bid < quote.ask
    assert quote.price in (quote.bid, quote.ask)
    assert quote.volume * quote.low <= quote.value <= quote.volume * quote.high
    assert quote.expected_price == 0


def test_unknown_stocks(market: MarketView) -> None:
    for ask in (market.quote, market.book, market.strength, market.flow, market.brokers):
        with pytest.raises(UnknownStock):
            ask("999999")
    with pytest.raises(UnknownStock):
        market.bars("999999", Interval.DAY, 3)
    assert [quote.stock_code for quote in market.quotes(["999999", BIG])] == [BIG]


def test_the_book_has_ten_levels_a_tick_apart(market: MarketView) -> None:
    book, quote = market.book(CODE), market.quote(CODE)
    assert book.asks[0].price == quote.ask
    assert book.bids[0].price == quote.bid
    assert len(book.asks) == len(book.bids) == LEVELS
    for levels, step in ((book.asks, 1), (book.bids, -1)):
        prices = [level.price for level in levels]
        assert prices == [ticks.step(prices[0], step * number) for number in range(LEVELS)]
        assert all(level.quantity > 0 for level in levels)
    assert book.total_ask == sum(level.quantity for level in book.asks)


def test_at_the_upper_limit_there_are_no_asks() -> None:
    board = board_of()
    path = board.path(CODE, 0)
    path.closes[60] = path.opens[61] = path.upper
    depth = Depth()
    ask, bid = depth.best(path, 60 * 60 + 59)
    assert (ask, bid) == (0, path.upper)
    assert depth.book(CODE, path, 100, 60 * 60 + 59).asks == ()


def test_rankings_are_sorted_and_true(market: MarketView) -> None:
    keys = {
        Ranking.VOLUME: lambda row: row.volume,
        Ranking.VALUE: lambda row: row.value,
        Ranking.CHANGE: lambda row: row.change_pct,
        Ranking.VOLUME_SURGE: lambda row: row.surge_pct,
    }
    for ranking, key in keys.items():
        rows = market.ranking(ranking)
        assert [row.rank for row in rows] == list(range(1, len(rows) + 1))
        values = [key(row) for row in rows]
        assert values == sorted(values, reverse=True)
        top = market.quote(rows[0].stock_code)
        assert (rows[0].price, rows[0].change_pct, rows[0].volume) == (
            top.price,
            top.change_pct,
            top.volume,
        )
    assert len(market.ranking(Ranking.VOLUME)) == len(market.instruments())


def test_minutes_run_to_this_second_and_back_some_days(market: MarketView) -> None:
    bars = market.bars(CODE, Interval.MINUTE, 900)
    assert len(bars) == 900
    assert bars[-1].at == at(10)
    assert bars[-1].close == market.quote(CODE).price
    assert [bar.at for bar in bars] == sorted({bar.at for bar in bars})
    today = [bar for bar in bars if bar.at.date() == at(0).date()]
    assert len(today) == 61
    assert sum(bar.volume for bar in today) == market.quote(CODE).volume
    assert max(bar.high for bar in today) == market.quote(CODE).high
    assert {bar.at.strftime("%H%M") for bar in bars} >= {"0900", "1519", "1530"}


def test_bigger_minutes_hold_the_small_ones(market: MarketView) -> None:
    small = market.bars(CODE, Interval.MINUTE, 61)
    big = market.bars(CODE, Interval.MINUTE, 7, size=10)
    assert [bar.at.minute for bar in big[:6]] == [0, 10, 20, 30, 40, 50]
    assert big[0].open == small[0].open
    assert big[5].close == small[59].close
    assert sum(bar.volume for bar in big) == sum(bar.volume for bar in small)


def test_days_reach_back_and_today_runs(market: MarketView) -> None:
    bars, quote = market.bars(CODE, Interval.DAY, 200), market.quote(CODE)
    assert len(bars) == 200
    today, yesterday = bars[-1], bars[-2]
    assert (today.open, today.high, today.low, today.close, today.volume) == (
        quote.open,
        quote.high,
        quote.low,
        quote.price,
        quote.volume,
    )
    assert yesterday.close == quote.base_price
    assert yesterday.at.date() == date(2026, 11, 20)
    minutes = market.bars(CODE, Interval.MINUTE, 900)
    friday = [bar for bar in minutes if bar.at.date() == date(2026, 11, 20)]
    assert len(friday) == 381
    assert (max(bar.high for bar in friday), min(bar.low for bar in friday)) == (
        yesterday.high,
        yesterday.low,
    )
    assert sum(bar.volume for bar in friday) == yesterday.volume


def test_weeks_and_months_join_days(market: MarketView) -> None:
    days = market.bars(CODE, Interval.DAY, 40)
    week, month = (market.bars(CODE, kind, 3)[-1] for kind in (Interval.WEEK, Interval.MONTH))
    assert week.at.date() == date(2026, 11, 23)
    assert month.at.date() == date(2026, 11, 2)
    november = [bar for bar in days if bar.at.month == 11]
    assert month.open == november[0].open
    assert month.close == november[-1].close
    assert month.high == max(bar.high for bar in november)
    assert month.volume == sum(bar.volume for bar in november)


def test_ticks_are_the_newest_trades(market: MarketView) -> None:
    one = market.bars(CODE, Interval.TICK, 50)
    assert len(one) == 50
    assert one[-1].close == market.quote(CODE).price
    assert all(bar.open == bar.high == bar.low == bar.close for bar in one)
    five = market.bars(CODE, Interval.TICK, 10, size=5)
    assert sum(bar.volume for bar in five) == sum(bar.volume for bar in one)


def test_flows_reach_back_60_days_and_agree(market: MarketView) -> None:
    flow, foreign = market.flow(CODE), market.foreign(CODE)
    assert len(flow) >= 60
    assert flow[0].day == at(0).date()
    assert [row.day for row in flow] == sorted((row.day for row in flow), reverse=True)
    assert flow[0].volume == market.quote(CODE).volume
    assert [row.foreign for row in flow] == [row.change for row in foreign]
    for newer, older in pairwise(foreign):
        assert newer.shares == older.shares + newer.change
    start, end = date(2026, 11, 9), date(2026, 11, 20)
    period = market.institutions(CODE, start, end)
    assert len(period) == 10  # the examination day trades too
    assert period[0].foreign_total == sum(row.foreign for row in period)
    assert period[-1].institution_total == period[-1].institution


def test_firms_lean_with_the_foreigners(market: MarketView) -> None:
    activity = market.brokers(CODE)
    assert len(activity.buyers) == len(activity.sellers) == 5
    for side in (activity.buyers, activity.sellers):
        quantities = [share.quantity for share in side]
        assert quantities == sorted(quantities, reverse=True)
    foreigners = {"모간스탠리", "JP모간", "골드만삭스", "UBS", "메릴린치"}
    bought = [item for item in market.instruments() if market.flow(item.stock_code)[0].foreign > 0]
    found = [market.brokers(item.stock_code) for item in bought]
    buying, selling = (
        sum(share.name in foreigners for seen in found for share in side(seen))
        for side in (lambda seen: seen.buyers, lambda seen: seen.sellers)
    )
    assert buying > 3 * selling


def test_the_busiest_firms_lean_with_who_knows_something(market: MarketView) -> None:
    leans: dict[bool, list[float]] = {True: [], False: []}
    for item in market.instruments():
        row, activity = market.flow(item.stock_code)[0], market.brokers(item.stock_code)
        bought = sum(share.quantity for share in activity.buyers)
        sold = sum(share.quantity for share in activity.sellers)
        leans[row.foreign + row.institution > 0].append((bought - sold) / row.volume)
    assert sum(leans[True]) / len(leans[True]) > 0.01
    assert sum(leans[False]) / len(leans[False]) < -0.01


def test_strength_is_newest_first(market: MarketView) -> None:
    rows = market.strength(CODE)
    assert rows[0].at == at(10, 0, 7)
    assert rows[0].price == market.quote(CODE).price
    assert [row.at for row in rows] == sorted((row.at for row in rows), reverse=True)
    assert rows[0].strength > 100
    minutes = market.bars(CODE, Interval.MINUTE, 2)
    assert [row.volume for row in rows[:2]] == [bar.volume for bar in reversed(minutes)]


def test_before_the_open_there_is_only_an_expectation() -> None:
    exchange, clock = opened(at(8, 20))
    quote = exchange.market.quote(CODE)
    assert (quote.price, quote.volume, quote.expected_price) == (quote.base_price, 0, 0)
    assert exchange.market.bars(CODE, Interval.DAY, 1)[0].at.date() == date(2026, 11, 20)
    assert exchange.market.ranking(Ranking.VOLUME) == ()
    seen = []
    for _ in range(29):
        clock.advance(60)
        seen.append(exchange.market.quote(CODE))
    waiting = [quote for quote in seen if quote.expected_price]
    assert len(waiting) == 20
    assert waiting[-1].expected_volume > waiting[0].expected_volume
    clock.set(at(8, 59, 59))
    last = exchange.market.quote(CODE).expected_price
    clock.set(at(9))
    opening = exchange.market.quote(CODE)
    assert abs(last - opening.open) <= 2 * ticks.tick_size(opening.open)
    assert opening.price == opening.open


def test_the_closing_auction_waits_and_prints() -> None:
    exchange, clock = opened(at(15, 25))
    waiting = exchange.market.quote(CODE)
    assert waiting.expected_price > 0
    clock.set(at(15, 29, 59))
    assert exchange.market.quote(CODE).volume == waiting.volume
    clock.set(at(15, 30))
    closed = exchange.market.quote(CODE)
    assert closed.volume > waiting.volume
    assert exchange.market.bars(CODE, Interval.MINUTE, 1)[0].close == closed.price
    clock.set(at(23))
    assert exchange.market.quote(CODE).price == closed.price


def test_on_a_closed_day_the_last_session_shows() -> None:
    exchange, clock = opened(at(12, day=5))
    saturday = exchange.market.quote(BIG)
    assert saturday.volume > 0
    assert exchange.session == 0
    clock.set(at(8, day=7))
    monday = exchange.market.quote(BIG)
    assert exchange.session == 1
    assert (monday.base_price, monday.volume) == (saturday.price, 0)


def test_an_examination_day_is_an_hour_late() -> None:
    exchange, clock = opened(at(9, 30, day=-4))
    assert exchange.market.quote(BIG).volume == 0
    clock.set(at(10, 5, day=-4))
    assert exchange.market.quote(BIG).volume > 0
    clock.set(at(16, 20, day=-4))
    before = exchange.market.quote(BIG).volume
    clock.set(at(16, 30, day=-4))
    assert exchange.market.quote(BIG).volume > before


def test_the_years_first_session_opens_at_ten() -> None:
    first = at(9, 30) + timedelta(days=42)
    assert first.date() == date(2027, 1, 4)
    exchange, clock = opened(first)
    assert exchange.market.quote(BIG).volume == 0
    clock.set(first.replace(hour=10, minute=0))
    quote = exchange.market.quote(BIG)
    assert quote.price == quote.open == exchange.market.bars(BIG, Interval.MINUTE, 1)[0].open


def test_answers_are_fast() -> None:
    """A session's prices at once, rankings in no time afterwards; wide margins for slow
    machines (measured: 0.1 s and 2 ms)."""
    started = time.process_time()
    market = opened(seed=9)[0].market
    for ranking in Ranking:
        market.ranking(ranking)
    assert time.process_time() - started < 2.0
    started = time.process_time()
    for ranking in Ranking:
        market.ranking(ranking)
    assert time.process_time() - started < 0.4

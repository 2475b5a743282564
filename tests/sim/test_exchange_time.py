"""The exchange through time: auctions, the end of a session, nights, events at any speed."""

from __future__ import annotations

import time
from datetime import date, timedelta

import pytest

from kt.errors import ConfigError
from kt.records import BookUpdate, OutcomeStatus, SessionNotice, Tick
from kt.rules import ticks
from kt.sim.exchange import Exchange, ExchangeBroker
from tests.sim.scene import CODE, at, buy, mine, opened, orders, sell

BIG = "005930"


def test_the_opening_auction_serves_who_came_before_it() -> None:
    exchange, clock = opened(at(8, 40))
    broker = ExchangeBroker(exchange, "a")
    quote = exchange.market.quote(BIG)
    eager = buy(broker, 3, quote.upper_limit, BIG)
    market = buy(broker, 2, code=BIG)
    low = buy(broker, 1, quote.lower_limit, BIG)
    assert {frame.status for frame in orders(mine(exchange))} == {"RECEIVED"}
    clock.set(at(8, 59, 59))
    assert mine(exchange) == []
    clock.set(at(9, 0, 1))
    fills = {frame.ord_no: frame for frame in orders(mine(exchange))}
    assert set(fills) == {eager.ord_no, market.ord_no}
    opening = exchange.market.quote(BIG).open
    assert {frame.fill_price for frame in fills.values()} == {opening}
    assert {frame.at for frame in fills.values()} == {at(9)}
    assert fills[eager.ord_no].fill_quantity == 3
    assert [row.ord_no for row in broker.open_orders()] == [low.ord_no]


def test_the_closing_auction_takes_the_rest_and_then_orders_expire() -> None:
    exchange, clock = opened(at(15, 10))
    broker = ExchangeBroker(exchange, "a")
    quote = exchange.market.quote(BIG)
    low = buy(broker, 1, quote.lower_limit, BIG)
    clock.set(at(15, 21))
    late = buy(broker, 2, quote.upper_limit, BIG)
    assert [frame.status for frame in orders(mine(exchange))] == ["RECEIVED", "RECEIVED"]
    clock.set(at(15, 30))
    (fill,) = orders(mine(exchange))
    assert (fill.ord_no, fill.fill_price) == (late.ord_no, exchange.market.quote(BIG).price)
    clock.set(at(15, 31))
    assert broker.open_orders() == ()
    expired = next(row for row in broker.day_orders() if row.ord_no == low.ord_no)
    assert (expired.open_quantity, expired.filled_quantity) == (0, 0)
    deposit = broker.deposit()
    assert deposit.orderable == deposit.d2_cash


def test_the_next_session_starts_from_the_closes_and_settles_on_the_second() -> None:
    exchange, clock = opened()
    broker = ExchangeBroker(exchange, "a")
    buy(broker, 10)
    spent = 10_000_000 - broker.deposit().d2_cash
    assert spent > 0
    clock.set(at(18))
    close = exchange.market.quote(CODE).price
    for day, cash in ((1, 10_000_000), (2, 10_000_000 - spent), (3, 10_000_000 - spent)):
        clock.set(at(10, day=day))
        exchange.advance()
        if day == 1:
            assert exchange.market.quote(CODE).base_price == close
        assert (broker.deposit().cash, broker.deposit().d2_cash) == (cash, 10_000_000 - spent)
        assert broker.day_orders() == broker.executions() == ()
        assert broker.holdings().items[0].quantity == 10
    assert exchange.session == 3


def test_realised_profit_is_todays_alone() -> None:
    exchange, clock = opened()
    broker = ExchangeBroker(exchange, "a")
    buy(broker, 10)
    clock.advance(60)
    sell(broker, 10)
    (row,) = broker.returns()
    assert row.realised_today == sum(sale.profit for sale in broker.realised(CODE))
    assert broker.deposit().d2_cash == 10_000_000 + row.realised_today
    assert row.fee > 0
    clock.set(at(10, day=1))
    assert broker.realised(CODE) == broker.returns() == ()


def test_a_jump_over_weeks_is_quick_and_lands_right() -> None:
    exchange, clock = opened()
    broker = ExchangeBroker(exchange, "a")
    buy(broker, 1, ticks.step(exchange.market.quote(CODE).price, -60))
    exchange.watch({CODE, BIG})
    clock.set(at(11, day=60))
    started = time.process_time()
    events = exchange.advance()
    assert time.process_time() - started < 2.0
    assert len(events) < 200
    assert clock.now().date() == date(2027, 1, 22)
    assert exchange.session == 41
    assert broker.open_orders() == ()


def test_a_clock_that_goes_back_while_running_is_waited_for() -> None:
    exchange, clock = opened(at(11))
    exchange.advance()
    clock.set(at(10, 59))
    assert exchange.now() == at(11)
    assert buy(ExchangeBroker(exchange, "a"), 1).status is OutcomeStatus.ACKED
    clock.set(at(11, 0, 5))
    assert exchange.now() == at(11, 0, 5)


# --- events ---


def watched(exchange: Exchange) -> tuple[list[Tick], list[BookUpdate]]:
    events = [event for owner, event in exchange.advance() if owner is None]
    return (
        [event for event in events if isinstance(event, Tick)],
        [event for event in events if isinstance(event, BookUpdate)],
    )


def test_watched_stocks_tell_every_trade_once() -> None:
    exchange, clock = opened(at(10))
    exchange.watch({CODE, "999999"})
    volume = exchange.market.quote(CODE).volume
    watched(exchange)
    seen: list[Tick] = []
    for _ in range(240):
        clock.advance(0.25)
        fresh, books = watched(exchange)
        assert len(fresh) <= 1
        assert len(books) <= 1
        seen += fresh
    assert {tick.stock_code for tick in seen} == {CODE}
    assert 10 <= len(seen) <= 60
    for tick in seen:
        volume += tick.quantity
        assert tick.volume == volume
        assert tick.price in (tick.ask, tick.bid)
        assert tick.low <= tick.price <= tick.high
    quote = exchange.market.quote(CODE)
    assert (seen[-1].price, seen[-1].volume) == (quote.price, quote.volume)


def test_at_high_speed_ticks_are_few_but_lose_no_volume() -> None:
    exchange, clock = opened(at(10))
    exchange.watch({CODE})
    watched(exchange)
    before = exchange.market.quote(CODE).volume
    for _ in range(20):
        clock.advance(30)
        seen, books = watched(exchange)
        assert 1 <= len(seen) <= 3
        assert len(books) == 1
        assert sum(tick.quantity for tick in seen) == exchange.market.quote(CODE).volume - before
        before = exchange.market.quote(CODE).volume


def test_a_book_is_sent_again_after_its_levels_were_consumed() -> None:
    exchange, _ = opened()
    exchange.watch({CODE})
    watched(exchange)
    assert watched(exchange) == ([], [])
    buy(ExchangeBroker(exchange, "a"), 10)
    _, (update,) = watched(exchange)
    assert update.book.asks == exchange.market.book(CODE).asks


def test_unwatched_stocks_send_no_market_data() -> None:
    exchange, clock = opened()
    clock.advance(30)
    assert exchange.advance() == []
    exchange.watch({CODE})
    exchange.watch(set())
    clock.advance(30)
    assert exchange.advance() == []


def test_the_session_says_its_phases() -> None:
    exchange, clock = opened(at(8, 29))
    said: list[SessionNotice] = []
    while clock.now() < at(15, 45):
        clock.advance(20)
        said += [event for _, event in exchange.advance() if isinstance(event, SessionNotice)]
    codes = [notice.code for notice in said]
    assert codes == ["0"] * 30 + ["3"] + ["2"] * 10 + ["4", "8"]
    assert (said[0].at, said[0].left_seconds) == (at(8, 30), 1_800)
    assert said[30].at == at(9)
    assert exchange.phase().code == "8"


def test_the_phase_can_be_asked_for() -> None:
    for hour, minute, code in ((7, 0, "8"), (8, 45, "0"), (12, 0, "3"), (15, 25, "2")):
        assert opened(at(hour, minute))[0].phase().code == code


def test_events_come_in_the_order_of_their_times() -> None:
    exchange, clock = opened()
    exchange.watch({CODE, BIG})
    broker = ExchangeBroker(exchange, "a")
    buy(broker, 50, exchange.market.quote(CODE).bid)
    buy(broker, 5, exchange.market.quote(BIG).bid, BIG)
    for _ in range(10):
        clock.advance(45)
        times = [event.at for _, event in exchange.advance()]
        assert times == sorted(times)


def test_costs_are_named() -> None:
    with pytest.raises(ConfigError, match="known: real, mock"):
        opened(costs="free")


def test_mock_costs_are_taken() -> None:
    exchange, clock = opened(costs="mock")
    broker = ExchangeBroker(exchange, "a")
    buy(broker, 10)
    clock.advance(1)
    rows = broker.executions()
    value = sum(row.price * row.quantity for row in rows)
    assert sum(row.fee for row in rows) == value * 35 // 10_000 // 10 * 10


def test_a_position_from_yesterday_can_be_sold_today() -> None:
    exchange, clock = opened()
    broker = ExchangeBroker(exchange, "a")
    buy(broker, 10)
    clock.set(at(9, 30) + timedelta(days=1))
    assert sell(broker, 10).status is OutcomeStatus.ACKED

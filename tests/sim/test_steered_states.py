"""A steered halt, volatility interruption or limit lock: what trades, what waits, how it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kt.errors import UsageError
from kt.records import (
    AmendTicket,
    BookUpdate,
    CancelTicket,
    OutcomeStatus,
    Tick,
    ViNotice,
)
from kt.sim.exchange.broker_port import ExchangeBroker
from kt.sim.market.depth import down, up
from tests.sim.scene import CODE, at, buy, filled, opened, sell, steer, step

# --- a halt ----------------------------------------------------------------------------------


def test_a_halt_stops_the_stock_and_its_orders() -> None:
    exchange, clock = opened()
    broker = ExchangeBroker(exchange, "a")
    buy(broker, 10)
    resting = sell(broker, 5, step(exchange, 3)).ord_no
    exchange.watch({CODE})
    assert steer(exchange, halt=True).halted
    clock.advance(1)
    exchange.advance()
    volume = exchange.market.quote(CODE).volume
    for outcome in (
        sell(broker, 1),
        buy(broker, 1, step(exchange, -1)),
        broker.amend(
            AmendTicket(ord_no=resting, stock_code=CODE, quantity=0, price=step(exchange, 4))
        ),
    ):
        assert (outcome.status, outcome.code) == (OutcomeStatus.REJECTED, "571476")
    assert buy(broker, 1, code="005930").status is OutcomeStatus.ACKED, "another stock trades"
    clock.advance(3_000)
    assert not [event for _, event in exchange.advance() if isinstance(event, Tick | BookUpdate)]
    quote = exchange.market.quote(CODE)
    assert (quote.volume, quote.bid) == (volume, 0)
    assert [level.quantity for level in exchange.market.book(CODE).asks] == [5], "their own"
    cancelled = broker.cancel(CancelTicket(ord_no=resting, stock_code=CODE, quantity=0))
    assert cancelled.status is OutcomeStatus.ACKED
    assert [row.sellable for row in broker.holdings().items if row.stock_code == CODE] == [10]
    steer(exchange, halt=True)
    assert not steer(exchange, halt=False).halted
    clock.advance(1)
    assert [event for _, event in exchange.advance() if isinstance(event, Tick)]
    assert sell(broker, 10).status is OutcomeStatus.ACKED
    assert exchange.market.quote(CODE).volume > volume


def test_a_price_set_in_a_halt_is_where_it_resumes() -> None:
    exchange, clock = opened()
    broker = ExchangeBroker(exchange, "a")
    buy(broker, 10)
    waiting = buy(broker, 50, step(exchange, -10)).ord_no
    last, gap = exchange.market.quote(CODE).price, step(exchange, -50)
    steer(exchange, halt=True)
    clock.advance(60)
    assert steer(exchange, price=gap).halted
    clock.advance(60)
    assert exchange.market.quote(CODE).price == last
    assert waiting not in filled(broker, clock)
    steer(exchange, halt=False)
    clock.advance(1)
    assert exchange.market.quote(CODE).price == gap
    assert filled(broker, clock)[waiting] == 50


def test_a_halt_may_keep_a_stock_from_opening() -> None:
    exchange, clock = opened(at(8, 45))
    broker = ExchangeBroker(exchange, "a")
    number = buy(broker, 10).ord_no
    steer(exchange, halt=True)
    clock.set(at(9, 30))
    quote = exchange.market.quote(CODE)
    assert (quote.volume, quote.expected_price, quote.price) == (0, 0, quote.base_price)
    assert number not in filled(broker, clock)
    steer(exchange, halt=False)
    clock.advance(2)
    assert exchange.market.quote(CODE).volume > 0
    assert filled(broker, clock)[number] == 10


def test_a_halt_may_last_until_the_close() -> None:
    exchange, clock = opened(at(15, 0))
    broker = ExchangeBroker(exchange, "a")
    buy(broker, 10)
    waiting = sell(broker, 10, step(exchange, 2)).ord_no
    steer(exchange, halt=True)
    clock.advance(5)
    last = exchange.market.quote(CODE)
    clock.set(at(15, 31))
    after = exchange.market.quote(CODE)
    assert (after.price, after.volume) == (last.price, last.volume)
    assert not [row for row in broker.open_orders() if row.ord_no == waiting]
    assert waiting not in filled(broker, clock)


# --- a volatility interruption -----------------------------------------------------------------


def test_an_interruption_collects_orders_and_prints_once() -> None:
    exchange, clock = opened()
    broker = ExchangeBroker(exchange, "a")
    buy(broker, 10)
    exchange.watch({CODE})
    told = steer(exchange, vi=True)
    assert told.vi_until is not None
    length = told.vi_until - told.at
    assert timedelta(minutes=2) <= length <= timedelta(minutes=2, seconds=30)
    clock.advance(1)
    begun = [event for _, event in exchange.advance() if isinstance(event, ViNotice)]
    assert [(event.stock_code, event.active, event.at) for event in begun] == [
        (CODE, True, told.at)
    ]
    number = sell(broker, 10).ord_no
    bought = buy(ExchangeBroker(exchange, "b"), 10, step(exchange, 30)).ord_no
    for _ in range(11):
        clock.advance(10)
        assert not [event for _, event in exchange.advance() if isinstance(event, Tick | ViNotice)]
        assert exchange.market.quote(CODE).expected_price
    assert filled(broker, clock).keys() == {"0100001"}
    clock.set(told.vi_until)
    ended = [event for _, event in exchange.advance()]
    assert [event.active for event in ended if isinstance(event, ViNotice)] == [False]
    (tick,) = [event for event in ended if isinstance(event, Tick)]
    assert tick.quantity > 100, "what would have traded meanwhile"
    clock.advance(1)
    for key, order in (("a", number), ("b", bought)):
        rows = [row for row in ExchangeBroker(exchange, key).executions() if row.ord_no == order]
        assert sum(row.quantity for row in rows) == 10
        assert {row.price for row in rows} == {tick.price}
        assert {row.at for row in rows} == {told.vi_until}
    assert exchange.market.quote(CODE).expected_price == 0


def test_a_price_set_meanwhile_is_what_it_prints() -> None:
    exchange, clock = opened()
    last, price = exchange.market.quote(CODE).price, step(exchange, -45)
    told = steer(exchange, vi=True, price=price)
    assert told.vi_until is not None
    clock.advance(100)
    assert exchange.market.quote(CODE).price == last
    clock.set(told.vi_until)
    assert exchange.market.quote(CODE).price == price
    with pytest.raises(UsageError, match="cannot be interrupted"):
        steer(exchange, vi=True)
        steer(exchange, vi=True)


def test_a_halt_ends_an_interruption() -> None:
    exchange, clock = opened()
    told = steer(exchange, vi=True)
    clock.advance(30)
    steer(exchange, halt=True)
    clock.advance(1)
    ended = [event for _, event in exchange.advance() if isinstance(event, ViNotice)]
    assert [event.active for event in ended] == [True, False]
    assert told.vi_until is not None
    clock.set(told.vi_until + timedelta(minutes=1))
    assert not [event for _, event in exchange.advance() if isinstance(event, ViNotice)]


def test_one_shortly_before_the_closing_auction_is_part_of_it() -> None:
    exchange, clock = opened(at(15, 19))
    told = steer(exchange, vi=True)
    assert told.vi_until == at(15, 20)
    clock.set(at(15, 31))
    assert exchange.market.quote(CODE).volume > 0


# --- a limit lock ------------------------------------------------------------------------------


def test_a_lower_lock_has_no_bids_and_a_market_sale_waits_for_buyers() -> None:
    exchange, clock = opened(cash=10**10)
    broker = ExchangeBroker(exchange, "a")
    buy(broker, 100)
    bid = buy(ExchangeBroker(exchange, "b"), 70, step(exchange, -10)).ord_no
    told = steer(exchange, lock="lower")
    clock.advance(1)
    quote = exchange.market.quote(CODE)
    assert told.locked
    assert (quote.price, quote.ask, quote.bid) == (quote.lower_limit, quote.lower_limit, 0)
    book = exchange.market.book(CODE)
    assert book.bids == ()
    assert book.asks[0].quantity > 10 * exchange.market._board.unit(CODE)
    assert filled(ExchangeBroker(exchange, "b"), clock)[bid] == 70, "it was on the way down"
    number = sell(broker, 100).ord_no
    limit = sell(ExchangeBroker(exchange, "b"), 70, quote.lower_limit).ord_no
    clock.advance(1_800)
    assert {row.ord_no: row.open_quantity for row in broker.open_orders()} == {number: 100}
    assert [row.ord_no for row in ExchangeBroker(exchange, "b").open_orders()] == [limit]
    assert broker.holdings().items[0].sellable == 0
    assert exchange.market.quote(CODE).volume == quote.volume
    assert buy(ExchangeBroker(exchange, "c"), 5).status is OutcomeStatus.ACKED, "sellers there are"
    steer(exchange, lock="")
    clock.advance(2)
    assert exchange.market.quote(CODE).price == up(quote.lower_limit)
    assert filled(broker, clock)[number] == 100
    assert filled(ExchangeBroker(exchange, "b"), clock)[limit] == 70


def test_an_upper_lock_has_no_offers() -> None:
    exchange, clock = opened(cash=10**10)
    steer(exchange, lock="upper")
    clock.advance(1)
    quote = exchange.market.quote(CODE)
    assert (quote.price, quote.ask, quote.bid) == (quote.upper_limit, 0, quote.upper_limit)
    broker = ExchangeBroker(exchange, "a")
    number = buy(broker, 10).ord_no
    clock.advance(600)
    assert number not in filled(broker, clock)
    steer(exchange, price=down(quote.upper_limit))
    clock.advance(1)
    assert filled(broker, clock)[number] == 10


def test_a_lock_may_last_until_the_close() -> None:
    exchange, clock = opened(at(15, 10))
    broker = ExchangeBroker(exchange, "a")
    buy(broker, 10)
    steer(exchange, lock="lower")
    clock.advance(2)
    number = sell(broker, 10).ord_no
    lower = exchange.market.quote(CODE).lower_limit
    clock.set(at(15, 31))
    assert exchange.market.quote(CODE).price == lower
    assert number not in filled(broker, clock)
    assert broker.open_orders() == ()
    assert broker.holdings().items[0].sellable == 10

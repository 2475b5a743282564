"""The fakes that most tests trade on behave as the exchange does, where a contract is about both.

What the wire says of the exchange is in `test_broker_contract.py`; so a fake is held to what the
wire says too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from kt.clock import ManualClock
from kt.errors import UnknownStock
from kt.ports import Broker, Market, OrderGateway
from kt.records import (
    AmendTicket,
    BrokerOrder,
    CancelTicket,
    Interval,
    OrderTicket,
    OrderType,
    Outcome,
    OutcomeStatus,
    Ranking,
    Side,
)
from kt.rules import ticks
from kt.sim.exchange import Exchange, ExchangeBroker
from tests import fakes
from tests.fakes import OPEN, SAMSUNG, FakeBroker, FakeMarket

NOBODY = "999999"
LATE = "9999999"


@dataclass
class Venue:
    """A market, an account in it, and the orders' way to it."""

    clock: ManualClock
    market: Market
    account: Any
    fake: bool

    @property
    def broker(self) -> Broker:
        return self.account

    @property
    def gateway(self) -> OrderGateway:
        return self.account

    def rows(self) -> list[BrokerOrder]:
        """The day's orders, once the market had a moment."""
        self.clock.sleep(1)
        return list(self.broker.day_orders())

    def low(self) -> int:
        """A price at which nobody sells."""
        return self.market.quote(SAMSUNG).lower_limit

    def bought(self, quantity: int) -> Outcome:
        """Bought at market, and filled."""
        outcome = self.gateway.place(market(Side.BUY, quantity))
        if self.fake:
            self.account.fill(outcome.ord_no, quantity, self.market.quote(SAMSUNG).price)
        self.clock.sleep(10)
        return outcome


def market(side: Side, quantity: int) -> OrderTicket:
    return fakes.ticket(side, quantity=quantity, price=0, order_type=OrderType.MARKET)


def exchange() -> Venue:
    clock = ManualClock(OPEN)
    made = Exchange(clock=clock, seed=1)
    return Venue(clock, made.market, ExchangeBroker(made, "contract"), fake=False)


def faked() -> Venue:
    clock = ManualClock(OPEN)
    return Venue(clock, FakeMarket(clock), FakeBroker(clock), fake=True)


@pytest.fixture(params=[exchange, faked], ids=["exchange", "fakes"])
def venue(request: pytest.FixtureRequest) -> Venue:
    made: Venue = request.param()
    return made


def seen(row: BrokerOrder) -> tuple[Any, ...]:
    return (row.ord_no, row.original_ord_no, row.kind, row.status, row.quantity, row.price,
            row.open_quantity, row.filled_quantity, row.confirmed_quantity)  # fmt: skip


# the account


def test_an_open_order_reserves_its_cash(venue: Venue) -> None:
    before, low = venue.broker.deposit(), venue.low()
    outcome = venue.gateway.place(fakes.ticket(quantity=3, price=low))
    assert outcome.status is OutcomeStatus.ACKED
    assert len(outcome.ord_no) == 7
    assert (outcome.original_ord_no, outcome.quantity, outcome.code) == ("", 0, "")
    (row,) = venue.rows()
    assert seen(row) == (outcome.ord_no, "", "NEW", "RECEIVED", 3, low, 3, 0, 0)
    assert (row.side, row.order_type, row.stock_name) == (Side.BUY, OrderType.LIMIT, "삼성전자")
    assert venue.broker.open_orders() == venue.broker.open_orders(SAMSUNG) == (row,)
    assert venue.broker.open_orders("000660") == ()
    after = venue.broker.deposit()
    assert after.cash == before.cash
    assert 0 <= before.orderable - after.orderable - 3 * low <= 100, "its fee may be bound too"
    assert (venue.broker.executions(), venue.broker.holdings().items) == ((), ())


def test_an_amend_is_a_new_number_of_the_same_chain(venue: Venue) -> None:
    low = venue.low()
    first = venue.gateway.place(fakes.ticket(quantity=3, price=low))
    second = venue.gateway.amend(amend(first, low + 100))
    assert second.status is OutcomeStatus.ACKED
    assert int(second.ord_no) > int(first.ord_no)
    assert (second.original_ord_no, second.quantity) == (first.ord_no, 3)
    old, new = venue.rows()
    assert seen(old) == (first.ord_no, "", "NEW", "RECEIVED", 3, low, 0, 0, 0)
    assert seen(new) == (
        second.ord_no, first.ord_no, "AMEND", "CONFIRMED", 3, low + 100, 3, 0, 3,
    )  # fmt: skip
    third = venue.gateway.amend(amend(second, low + 200))
    assert third.original_ord_no == first.ord_no, "the root of the chain"
    assert venue.rows()[-1].original_ord_no == second.ord_no, "the number that it amended"
    assert [row.ord_no for row in venue.broker.open_orders()] == [third.ord_no]


def test_a_cancel_takes_back_a_part_or_all(venue: Venue) -> None:
    low = venue.low()
    order = venue.gateway.place(fakes.ticket(quantity=3, price=low))
    part = venue.gateway.cancel(cancel(order, 1))
    assert (part.status, part.quantity) == (OutcomeStatus.ACKED, 1)
    assert part.original_ord_no == order.ord_no
    assert [row.open_quantity for row in venue.rows()] == [2, 0]
    rest = venue.gateway.cancel(cancel(order))
    assert (rest.status, rest.quantity) == (OutcomeStatus.ACKED, 2)
    rows = venue.rows()
    assert [seen(row) for row in rows] == [
        (order.ord_no, "", "NEW", "RECEIVED", 3, low, 0, 0, 0),
        (part.ord_no, order.ord_no, "CANCEL", "CONFIRMED", 1, low, 0, 0, 1),
        (rest.ord_no, order.ord_no, "CANCEL", "CONFIRMED", 2, low, 0, 0, 2),
    ]
    assert venue.broker.open_orders() == ()
    assert venue.broker.deposit().orderable == venue.broker.deposit().cash


def amend(order: Outcome, price: int) -> AmendTicket:
    return AmendTicket(ord_no=order.ord_no, stock_code=SAMSUNG, quantity=0, price=price)


def cancel(order: Outcome, quantity: int = 0) -> CancelTicket:
    return CancelTicket(ord_no=order.ord_no, stock_code=SAMSUNG, quantity=quantity)


def test_an_order_without_open_quantity_cannot_be_changed(venue: Venue) -> None:
    order = venue.gateway.place(fakes.ticket(quantity=3, price=venue.low()))
    assert venue.gateway.cancel(cancel(order)).status is OutcomeStatus.ACKED
    for again in (
        venue.gateway.cancel(cancel(order)),
        venue.gateway.amend(amend(order, venue.low() + 100)),
    ):
        assert (again.status, again.code, again.ord_no) == (OutcomeStatus.REJECTED, "RC4033", "")


def test_a_number_that_is_none_is_refused(venue: Venue) -> None:
    nobodys = Outcome(status=OutcomeStatus.ACKED, evidence="", ord_no=LATE)
    for told in (
        venue.gateway.cancel(cancel(nobodys)),
        venue.gateway.amend(amend(nobodys, venue.low())),
    ):
        assert (told.status, told.code, told.ord_no) == (OutcomeStatus.REJECTED, "RC4061", "")
    assert venue.rows() == []


REFUSED: dict[str, Callable[[int], OrderTicket]] = {
    "308002": lambda low: fakes.ticket(quantity=0, price=low),
    "RC4003": lambda low: fakes.ticket(quantity=1, price=low + 1),
    "RC4025": lambda low: fakes.ticket(quantity=10_000, price=low),
    "800033": lambda low: fakes.ticket(Side.SELL, quantity=1, price=low),
}


@pytest.mark.parametrize("code", REFUSED)
def test_what_cannot_be_is_refused(venue: Venue, code: str) -> None:
    outcome = venue.gateway.place(REFUSED[code](venue.low()))
    assert (outcome.status, outcome.code, outcome.ord_no) == (OutcomeStatus.REJECTED, code, "")
    assert venue.rows() == []


def test_a_market_order_fills_and_is_held(venue: Venue) -> None:
    before = venue.broker.deposit().orderable
    order = venue.bought(3)
    fills = venue.broker.executions(SAMSUNG)
    assert sum(fill.quantity for fill in fills) == 3
    assert {(fill.ord_no, fill.side, fill.order_quantity, fill.order_price) for fill in fills} == {
        (order.ord_no, Side.BUY, 3, 0)
    }
    assert fills[-1].open_quantity == 0
    assert venue.broker.executions("000660") == ()
    spent = sum(fill.quantity * fill.price for fill in fills)
    holdings = venue.broker.holdings()
    (held,) = holdings.items
    assert (held.quantity, held.sellable, held.cost) == (3, 3, spent)
    assert held.average_price == spent // 3
    assert holdings.total_cost == held.cost
    assert holdings.total_value == held.value == 3 * held.price
    assert holdings.total_profit == held.profit
    assert 0 <= before - venue.broker.deposit().orderable - spent <= 100
    (row,) = venue.rows()
    assert (row.open_quantity, row.filled_quantity) == (0, 3)
    assert venue.broker.open_orders() == ()
    assert venue.gateway.cancel(cancel(order)).code == "RC4033"


def test_a_resting_sell_binds_its_shares(venue: Venue) -> None:
    venue.bought(3)
    high = venue.market.quote(SAMSUNG).upper_limit
    sell = venue.gateway.place(fakes.ticket(Side.SELL, quantity=2, price=high))
    assert sell.status is OutcomeStatus.ACKED
    venue.clock.sleep(1)
    (held,) = venue.broker.holdings().items
    assert (held.quantity, held.sellable) == (3, 1)
    more = venue.gateway.place(fakes.ticket(Side.SELL, quantity=2, price=high))
    assert (more.status, more.code) == (OutcomeStatus.REJECTED, "800033")
    venue.gateway.cancel(cancel(sell))
    venue.clock.sleep(1)
    assert venue.broker.holdings().items[0].sellable == 3


def test_the_days_orders_are_listed_from_a_number_in_their_order(venue: Venue) -> None:
    low = venue.low()
    numbers = [venue.gateway.place(fakes.ticket(quantity=1, price=low)).ord_no for _ in range(3)]
    assert [row.ord_no for row in venue.rows()] == numbers == sorted(numbers)
    assert [row.ord_no for row in venue.broker.day_orders(numbers[1])] == numbers[1:]
    venue.clock.advance(24 * 3600)
    assert venue.broker.day_orders() == ()
    assert venue.broker.open_orders() == ()
    assert venue.broker.executions() == ()


def test_the_account_has_a_number_and_a_clock(venue: Venue) -> None:
    assert venue.broker.account().isdigit()
    assert venue.broker.skew() == 0
    assert venue.broker.realised(SAMSUNG) == ()
    assert venue.broker.returns() == ()


# the market


def test_quotes_lie_inside_their_limits_on_the_grid(venue: Venue) -> None:
    (quote,) = venue.market.quotes([SAMSUNG, NOBODY])
    assert (quote.stock_code, quote.stock_name) == (SAMSUNG, "삼성전자")
    assert quote.lower_limit < quote.base_price < quote.upper_limit
    assert quote.lower_limit <= quote.price <= quote.upper_limit
    limits = ticks.price_limits(quote.base_price)
    assert (quote.lower_limit, quote.upper_limit) == limits
    assert quote.change == quote.price - quote.base_price
    assert quote.bid <= quote.ask
    assert quote.at == venue.clock.now()
    assert venue.market.quote(SAMSUNG).price == quote.price


def test_a_book_has_its_best_prices_first(venue: Venue) -> None:
    book, quote = venue.market.book(SAMSUNG), venue.market.quote(SAMSUNG)
    asks, bids = [level.price for level in book.asks], [level.price for level in book.bids]
    assert (asks, bids) == (sorted(asks), sorted(bids, reverse=True))
    assert bids[0] < asks[0]
    assert (bids[0], asks[0]) == (quote.bid, quote.ask)
    assert all(ticks.is_on_tick(price) for price in asks + bids)
    assert book.total_ask >= sum(level.quantity for level in book.asks) > 0
    assert book.total_bid >= sum(level.quantity for level in book.bids) > 0


@pytest.mark.parametrize("ranking", Ranking)
def test_rankings_count_from_one_and_are_of_listed_stocks(venue: Venue, ranking: Ranking) -> None:
    rows = venue.market.ranking(ranking)
    assert [row.rank for row in rows] == list(range(1, len(rows) + 1))
    assert {row.ranking for row in rows} == {ranking}
    listed = {stock.stock_code: stock for stock in venue.market.instruments()}
    assert all(listed[row.stock_code].stock_name == row.stock_name for row in rows)
    assert listed[SAMSUNG].base_price == venue.market.quote(SAMSUNG).base_price


@pytest.mark.parametrize("interval", [Interval.MINUTE, Interval.DAY])
def test_bars_run_oldest_first_and_are_as_many_as_asked_for(
    venue: Venue, interval: Interval
) -> None:
    bars = venue.market.bars(SAMSUNG, interval, 2)
    assert len(bars) == 2
    assert bars[0].at < bars[1].at <= venue.clock.now()
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
               for bar in bars)  # fmt: skip


OF_ONE = [
    name
    for name, method in inspect.getmembers(Market, inspect.isfunction)
    if list(inspect.signature(method).parameters) == ["self", "stock_code"]
]
"""What the Market is asked about one stock."""


@pytest.mark.parametrize("name", OF_ONE)
def test_a_stock_that_is_none_is_unknown(venue: Venue, name: str) -> None:
    with pytest.raises(UnknownStock):
        getattr(venue.market, name)(NOBODY)


def test_a_stock_that_is_none_has_no_bars(venue: Venue) -> None:
    with pytest.raises(UnknownStock):
        venue.market.bars(NOBODY, Interval.DAY, 2)

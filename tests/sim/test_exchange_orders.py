"""Orders as an account sees them: answers, frames, lists, refusals and chains of numbers."""

from __future__ import annotations

import pytest

from kt.broker.rest.error_codes import BY_CODE, TREATMENTS
from kt.records import (
    AmendTicket,
    CancelTicket,
    OrderType,
    Outcome,
    OutcomeStatus,
    Side,
)
from kt.rules import ticks
from kt.sim.exchange import Exchange, ExchangeBroker
from kt.sim.exchange.refusals import TEXTS, Refused
from kt.sim.market.depth import down, up
from tests.sim.scene import CODE, at, balances, buy, mine, opened, orders, sell, ticket

BIG = "005930"


def amend(broker: object, ord_no: str, price: int, quantity: int = 0, code: str = CODE) -> Outcome:
    found: Outcome = broker.amend(  # type: ignore[attr-defined]
        AmendTicket(ord_no=ord_no, stock_code=code, quantity=quantity, price=price)
    )
    return found


def cancel(broker: object, ord_no: str, quantity: int = 0, code: str = CODE) -> Outcome:
    found: Outcome = broker.cancel(  # type: ignore[attr-defined]
        CancelTicket(ord_no=ord_no, stock_code=code, quantity=quantity)
    )
    return found


def low_price(exchange: Exchange, code: str = CODE, steps: int = 60) -> int:
    """A price that will not trade soon."""
    return ticks.step(exchange.market.quote(code).price, -steps)


# --- acceptance and fills ---


def test_a_marketable_order_fills_at_once_and_in_parts() -> None:
    exchange, _ = opened()
    broker = ExchangeBroker(exchange, "a")
    ask = exchange.market.book(CODE).asks[0]
    outcome = buy(broker, 100, ask.price)
    assert outcome.status is OutcomeStatus.ACKED
    assert len(outcome.ord_no) == 7
    assert outcome.original_ord_no == ""
    events = mine(exchange)
    frames = orders(events)
    assert frames[0].status == "RECEIVED"
    assert frames[0].open_quantity == 100
    fills = frames[1:]
    assert len(fills) > 1
    assert {frame.status for frame in fills} == {"FILL"}
    assert sum(frame.fill_quantity for frame in fills) == 100
    left = 100
    for frame in fills:
        left -= frame.fill_quantity
        assert frame.open_quantity == left
        assert frame.fill_price == ask.price
    assert len({frame.exec_no for frame in fills}) == len(fills)
    assert fills[-1].fee == 100 * ask.price * 15 // 100_000 // 10 * 10
    assert [frame.quantity for frame in balances(events)][-1] == 100
    assert exchange.market.book(CODE).asks[0].quantity == ask.quantity - 100


def test_numbers_grow_over_all_accounts() -> None:
    exchange, _ = opened()
    price = low_price(exchange)
    numbers = [int(buy(ExchangeBroker(exchange, key), 1, price).ord_no) for key in "abab"]
    assert numbers == list(range(numbers[0], numbers[0] + 4))


def test_a_market_order_pays_what_the_levels_ask() -> None:
    exchange, _ = opened(cash=10**12)
    broker = ExchangeBroker(exchange, "a")
    asks = exchange.market.book(CODE).asks
    buy(broker, asks[0].quantity + 10)
    fills = orders(mine(exchange))[1:]
    assert sum(f.fill_quantity for f in fills if f.fill_price == asks[0].price) == asks[0].quantity
    assert sum(f.fill_quantity for f in fills if f.fill_price == asks[1].price) == 10


def test_waiting_orders_fill_when_the_market_comes() -> None:
    """At the best bid, behind its queue, most stocks serve an order within some minutes."""
    exchange, clock = opened()
    broker = ExchangeBroker(exchange, "a")
    stocks = [item.stock_code for item in exchange.market.instruments() if item.base_price < 50_000]
    placed = {}
    for code in stocks[:12]:
        placed[code] = exchange.market.quote(code).bid
        buy(broker, 10, placed[code], code)
    assert {frame.status for frame in orders(mine(exchange))} == {"RECEIVED"}
    for _ in range(20):
        clock.advance(60)
        exchange.advance()
    held = {item.stock_code: item for item in broker.holdings().items}
    assert len(held) >= 6
    for code, item in held.items():
        assert item.average_price == placed[code]


def test_many_steps_or_one_give_the_same_fills() -> None:
    """The clock may run at any speed."""
    results = []
    for step in (1, 37, 1_800):
        exchange, clock = opened(at(10))
        broker = ExchangeBroker(exchange, "a")
        price = exchange.market.quote(BIG).price
        buy(broker, 10, ticks.step(price, -1), BIG)
        buy(broker, 10, ticks.step(price, -3), BIG)
        while clock.now() < at(11):
            clock.advance(min(step, (at(11) - clock.now()).total_seconds()))
            exchange.advance()
        clock.advance(1)
        results.append([(f.ord_no, f.price, f.quantity, f.at) for f in broker.executions()])
    assert results[0]
    assert results[0] == results[1] == results[2]


def test_the_lists_come_later_than_the_frames() -> None:
    exchange, clock = opened(delay=0.7)
    broker = ExchangeBroker(exchange, "a")
    buy(broker, 10)
    buy(broker, 10, low_price(exchange))
    assert orders(mine(exchange))[1].status == "FILL"
    assert broker.executions() == broker.open_orders() == broker.day_orders() == ()
    assert broker.holdings().items[0].quantity == 10
    clock.advance(0.69)
    assert broker.executions() == broker.open_orders() == ()
    clock.advance(0.01)
    assert sum(row.quantity for row in broker.executions()) == 10
    assert [row.open_quantity for row in broker.open_orders()] == [10]
    exchange.listing_delay = 10
    buy(broker, 1, low_price(exchange))
    clock.advance(9)
    assert len(broker.day_orders()) == 0
    clock.advance(1)
    assert len(broker.day_orders()) == 3


def test_lists_name_what_the_account_did() -> None:
    exchange, clock = opened()
    broker = ExchangeBroker(exchange, "a")
    first = buy(broker, 10)
    price = low_price(exchange)
    second = buy(broker, 20, price)
    clock.advance(1)
    done, waiting = broker.day_orders()
    assert (done.ord_no, done.status, done.filled_quantity, done.open_quantity) == (
        first.ord_no,
        "FILL",
        10,
        0,
    )
    assert (done.order_type, done.price) == (OrderType.MARKET, 0)
    assert (waiting.ord_no, waiting.status, waiting.quantity, waiting.price) == (
        second.ord_no,
        "RECEIVED",
        20,
        price,
    )
    assert broker.day_orders(second.ord_no) == (waiting,)
    assert broker.open_orders() == broker.open_orders(CODE) == (waiting,)
    assert broker.open_orders(BIG) == ()
    assert ExchangeBroker(exchange, "b").day_orders() == ()
    rows = broker.executions(CODE)
    assert sum(row.quantity for row in rows) == 10
    assert [row.order_quantity - row.open_quantity for row in rows][-1] == 10


# --- refusals ---


def refusal(outcome: Outcome) -> str:
    assert outcome.status is OutcomeStatus.REJECTED
    assert outcome.ord_no == ""
    assert outcome.message
    return outcome.code


def test_refusals_by_price_and_stock() -> None:
    exchange, _ = opened(cash=10**11)
    broker, quote = ExchangeBroker(exchange, "a"), exchange.market.quote(CODE)
    assert refusal(buy(broker, 1, quote.price + 1)) == "RC4003"
    assert refusal(buy(broker, 1, up(quote.upper_limit))) == "RC4027"
    assert refusal(buy(broker, 1, down(quote.lower_limit))) == "RC4027"
    assert refusal(buy(broker, 1, 10_000, code="999999")) == "RC4007"
    assert refusal(buy(broker, 0, quote.price)) == "308002"
    assert refusal(broker.place(ticket(Side.BUY, 1, kind=OrderType.LIMIT))) == "RC4003"
    for edge in (quote.upper_limit, quote.lower_limit):
        assert buy(broker, 1, edge).status is OutcomeStatus.ACKED


def test_refusals_change_nothing() -> None:
    exchange, _ = opened()
    broker = ExchangeBroker(exchange, "a")
    before = broker.deposit()
    refusal(buy(broker, 10**6, exchange.market.quote(CODE).price))
    assert mine(exchange) == []
    assert broker.deposit() == before
    assert buy(broker, 1, low_price(exchange)).ord_no == "0100001"


def test_short_of_cash_to_the_won() -> None:
    exchange, _ = opened()
    broker, price = ExchangeBroker(exchange, "a"), low_price(exchange)
    most = broker.orderable(CODE, price)
    assert most is not None
    assert most.amount == 10_000_000
    assert refusal(buy(broker, most.quantity + 1, price)) == "RC4025"
    assert buy(broker, most.quantity, price).status is OutcomeStatus.ACKED
    assert 0 <= broker.deposit().orderable < price + 10
    assert refusal(buy(broker, 1, price)) == "RC4025"


def test_a_market_buy_is_reserved_at_the_upper_limit() -> None:
    exchange, _ = opened()
    broker, quote = ExchangeBroker(exchange, "a"), exchange.market.quote(CODE)
    most = broker.orderable(CODE, 0)
    assert most is not None
    assert most.quantity * quote.upper_limit <= 10_000_000
    assert refusal(buy(broker, most.quantity + 1)) == "RC4025"
    assert buy(broker, most.quantity).status is OutcomeStatus.ACKED


def test_short_of_shares_counts_open_sells() -> None:
    exchange, clock = opened()
    broker = ExchangeBroker(exchange, "a")
    assert refusal(sell(broker, 1, low_price(exchange))) == "800033"
    buy(broker, 10)
    far = ticks.step(exchange.market.quote(CODE).price, 30)
    assert sell(broker, 6, far).status is OutcomeStatus.ACKED
    assert broker.holdings().items[0].sellable == 4
    assert refusal(sell(broker, 5)) == "800033"
    assert sell(broker, 4).status is OutcomeStatus.ACKED
    clock.advance(2)
    assert broker.holdings().items[0].quantity == 6


@pytest.mark.parametrize(
    ("hour", "minute", "day", "code"),
    [
        (8, 29, 0, "RC4057"),
        (15, 30, 0, "RC4058"),
        (20, 0, 0, "RC4058"),
        (10, 0, 5, "RC4010"),
        (10, 0, 32, "RC4010"),  # Christmas
    ],
)
def test_refusals_by_the_hour(hour: int, minute: int, day: int, code: str) -> None:
    exchange, _ = opened(at(hour, minute, day=day))
    broker = ExchangeBroker(exchange, "a")
    assert refusal(buy(broker, 1, low_price(exchange, BIG), BIG)) == code
    assert refusal(cancel(broker, "0100001")) == code
    assert refusal(amend(broker, "0100001", 10_000)) == code


@pytest.mark.parametrize(("hour", "minute"), [(8, 30), (9, 0), (15, 20), (15, 29)])
def test_orders_are_taken_from_the_opening_to_the_closing_auction(hour: int, minute: int) -> None:
    exchange, _ = opened(at(hour, minute))
    assert buy(ExchangeBroker(exchange, "a"), 1, low_price(exchange)).status is OutcomeStatus.ACKED


# --- amend and cancel ---


def test_an_amend_gets_a_number_of_its_own_and_the_chain_goes_on_from_it() -> None:
    exchange, clock = opened()
    broker, price = ExchangeBroker(exchange, "a"), low_price(exchange)
    first = buy(broker, 10, price)
    mine(exchange)
    second = amend(broker, first.ord_no, down(price))
    assert second.status is OutcomeStatus.ACKED
    assert int(second.ord_no) > int(first.ord_no)
    assert (second.original_ord_no, second.quantity) == (first.ord_no, 10)
    frames = orders(mine(exchange))
    assert [(frame.status, frame.intent) for frame in frames] == [
        ("RECEIVED", "AMEND"),
        ("CONFIRMED", "AMEND"),
    ]
    assert {(frame.ord_no, frame.original_ord_no) for frame in frames} == {
        (second.ord_no, first.ord_no)
    }
    assert refusal(amend(broker, first.ord_no, price)) == "RC4033"
    assert refusal(cancel(broker, first.ord_no)) == "RC4033"
    third = amend(broker, second.ord_no, price)
    assert third.original_ord_no == first.ord_no
    fourth = cancel(broker, third.ord_no)
    assert (fourth.original_ord_no, fourth.quantity) == (first.ord_no, 10)
    assert refusal(cancel(broker, third.ord_no)) == "RC4033"
    assert refusal(cancel(broker, fourth.ord_no)) == "RC4033"
    clock.advance(1)
    assert broker.open_orders() == ()
    assert [row.kind for row in broker.day_orders()] == ["NEW", "AMEND", "AMEND", "CANCEL"]
    assert broker.deposit().orderable == 10_000_000


def test_a_cancel_says_received_confirmed_cancelled() -> None:
    exchange, _ = opened()
    broker = ExchangeBroker(exchange, "a")
    first = buy(broker, 10, low_price(exchange))
    mine(exchange)
    done = cancel(broker, first.ord_no)
    frames = orders(mine(exchange))
    assert [frame.status for frame in frames] == ["RECEIVED", "CONFIRMED", "CANCELLED"]
    assert {frame.intent for frame in frames} == {"CANCEL"}
    assert {(frame.ord_no, frame.original_ord_no) for frame in frames} == {
        (done.ord_no, first.ord_no)
    }
    assert (frames[-1].quantity, frames[-1].open_quantity) == (10, 0)


def test_a_part_cancelled_leaves_the_rest_under_its_number() -> None:
    exchange, clock = opened()
    broker = ExchangeBroker(exchange, "a")
    first = buy(broker, 10, low_price(exchange))
    assert refusal(cancel(broker, first.ord_no, 11)) == "RC4033"
    assert cancel(broker, first.ord_no, 4).quantity == 4
    clock.advance(1)
    (left,) = broker.open_orders()
    assert (left.ord_no, left.quantity, left.open_quantity) == (first.ord_no, 10, 6)
    assert cancel(broker, first.ord_no).quantity == 6


def test_a_part_amended_leaves_the_rest_under_its_number() -> None:
    exchange, clock = opened()
    broker, price = ExchangeBroker(exchange, "a"), low_price(exchange)
    first = buy(broker, 10, price)
    second = amend(broker, first.ord_no, down(price), 3)
    clock.advance(1)
    rows = {row.ord_no: (row.price, row.open_quantity) for row in broker.open_orders()}
    assert rows == {first.ord_no: (price, 7), second.ord_no: (down(price), 3)}


def test_an_amend_to_a_marketable_price_trades_at_once() -> None:
    exchange, _ = opened()
    broker = ExchangeBroker(exchange, "a")
    first = buy(broker, 10, low_price(exchange))
    mine(exchange)
    second = amend(broker, first.ord_no, ticks.step(exchange.market.quote(CODE).ask, 3))
    fills = [frame for frame in orders(mine(exchange)) if frame.status == "FILL"]
    assert sum(frame.fill_quantity for frame in fills) == 10
    assert {frame.ord_no for frame in fills} == {second.ord_no}


def test_amends_are_checked_like_orders() -> None:
    exchange, _ = opened()
    broker, price = ExchangeBroker(exchange, "a"), low_price(exchange)
    quote = exchange.market.quote(CODE)
    first = buy(broker, broker.orderable(CODE, price).quantity, price)  # type: ignore[union-attr]
    before = broker.deposit()
    assert refusal(amend(broker, first.ord_no, price + 1)) == "RC4003"
    assert refusal(amend(broker, first.ord_no, up(quote.upper_limit))) == "RC4027"
    assert refusal(amend(broker, first.ord_no, ticks.step(price, 10))) == "RC4025"
    assert broker.deposit() == before
    assert amend(broker, first.ord_no, down(price)).status is OutcomeStatus.ACKED


def test_numbers_that_are_not_the_accounts() -> None:
    exchange, _ = opened()
    broker, price = ExchangeBroker(exchange, "a"), low_price(exchange)
    first = buy(broker, 10, price)
    stranger = ExchangeBroker(exchange, "b")
    assert refusal(cancel(stranger, first.ord_no)) == "RC4061"
    assert refusal(cancel(broker, "0999999")) == "RC4061"
    assert refusal(cancel(broker, "not a number")) == "RC4061"
    assert refusal(cancel(broker, first.ord_no, code=BIG)) == "RC4061"
    assert refusal(amend(broker, "0999999", price)) == "RC4061"


def test_after_a_fill_there_is_nothing_left_to_cancel() -> None:
    exchange, _ = opened()
    broker = ExchangeBroker(exchange, "a")
    done = buy(broker, 1)
    assert refusal(cancel(broker, done.ord_no)) == "RC4033"


# --- between accounts ---


def test_two_accounts_trade_with_each_other_inside_the_spread() -> None:
    exchange, clock = opened(at(10, 30))
    seller, buyer = ExchangeBroker(exchange, "a"), ExchangeBroker(exchange, "b")
    code = next(
        item.stock_code
        for item in exchange.market.instruments()
        if exchange.market.quote(item.stock_code).price < 20_000
    )
    buy(seller, 20, code=code)
    clock.advance(2)
    quote = exchange.market.quote(code)
    sell(seller, 20, quote.ask, code=code)
    exchange.advance()
    displayed = exchange.market.book(code).asks[0].quantity
    assert displayed > 20
    buy(buyer, displayed, quote.ask, code=code)
    frames = [event for _, event in exchange.advance()]
    sold = [f for f in orders(frames) if f.side is Side.SELL and f.status == "FILL"]
    assert sum(frame.fill_quantity for frame in sold) == 20
    total = seller.deposit().d2_cash + buyer.deposit().d2_cash
    assert total < 20_000_000
    assert buyer.holdings().items[0].quantity == displayed
    assert seller.holdings().items == ()


def test_a_resting_order_is_in_every_accounts_book() -> None:
    exchange, _ = opened(cash=10**12)
    broker = ExchangeBroker(exchange, "a")
    before = exchange.market.book(CODE)
    best, behind = before.bids[0].price, before.bids[3].price
    buy(broker, 70, behind)
    after = exchange.market.book(CODE)
    assert after.bids[3].quantity == before.bids[3].quantity + 70
    assert after.total_bid == before.total_bid + 70
    buy(broker, before.asks[0].quantity, before.asks[0].price)
    eaten = exchange.market.quote(CODE)
    assert (eaten.bid, eaten.ask) == (best, before.asks[1].price)
    inside = buy(broker, 9, before.asks[0].price)
    quote, book = exchange.market.quote(CODE), exchange.market.book(CODE)
    assert (quote.bid, quote.ask) == (before.asks[0].price, before.asks[1].price)
    assert (book.bids[0].price, book.bids[0].quantity) == (before.asks[0].price, 9)
    cancel(broker, inside.ord_no)
    assert exchange.market.quote(CODE).bid == best


def test_a_book_is_never_crossed_by_who_waits() -> None:
    exchange, clock = opened(cash=10**12)
    broker = ExchangeBroker(exchange, "a")
    asks = exchange.market.book(CODE).asks
    wanted = sum(level.quantity for level in asks[:3]) + 500
    buy(broker, wanted, asks[2].price)
    for _ in range(30):
        clock.advance(1)
        book = exchange.market.book(CODE)
        assert book.bids[0].price < book.asks[0].price


@pytest.mark.parametrize("code", TEXTS)
def test_a_refusal_says_what_the_broker_reads_from_its_code(code: str) -> None:
    """A day over the exchange in this process learns the same as one over its wire."""
    rule, outcome = BY_CODE[code], Refused(code).outcome()
    assert (outcome.concerns, outcome.not_enough) == (rule.concerns, rule.not_enough)
    assert outcome.status is TREATMENTS[rule.category].order

"""A stock that is steered: where it trades, halts, interruptions, locks, and all that follows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kt.errors import KtError, UsageError
from kt.records import (
    BookUpdate,
    Interval,
    Side,
    Tick,
)
from kt.rules import ticks
from kt.sim.exchange.broker_port import ExchangeBroker
from kt.sim.market.depth import down, up
from kt.sim.market.session_days import AUCTION_SECOND
from kt.sim.market.steered import SteeredPath, SteeringStep, seconds_of
from kt.sim.scenario import play
from tests.serving import Served, serve
from tests.sim.scene import CODE, STATEFUL, at, board_of, buy, filled, opened, sell, steer, step
from tests.sim.wireclient import client, frames


@pytest.fixture(autouse=True)
def files_are_let_go() -> Iterator[None]:
    yield
    while STATEFUL:
        STATEFUL.pop().close()


# --- a price ---------------------------------------------------------------------------------


def test_it_trades_at_the_price_with_a_book_around_it() -> None:
    exchange, clock = opened()
    exchange.watch({CODE})
    exchange.advance()
    price = step(exchange, -40)
    told = steer(exchange, price=price)
    assert (told.price, told.at) == (price, at(10, 0, 8))
    assert exchange.market.quote(CODE).price != price, "not before the next second"
    clock.advance(1)
    seen = [event for _, event in exchange.advance()]
    assert [event.price for event in seen if isinstance(event, Tick)] == [price]
    book = [event.book for event in seen if isinstance(event, BookUpdate)][-1]
    assert price in (book.asks[0].price, book.bids[0].price)
    assert up(book.bids[0].price) == book.asks[0].price
    for _ in range(20):
        clock.advance(30)
        seen = [event for _, event in exchange.advance()]
        assert {event.price for event in seen if isinstance(event, Tick)} <= {price}
    assert exchange.market.quote(CODE).price == price
    assert exchange.market.bars(CODE, Interval.MINUTE, 1)[0].close == price
    assert exchange.market.bars(CODE, Interval.DAY, 1)[0].close == price


def test_nothing_that_was_changes() -> None:
    exchange, clock = opened(at(10, 30, 40))

    def seen() -> tuple[object, ...]:
        """The running minute's value is told by where it will end, so it is left out."""
        minutes = exchange.market.bars(CODE, Interval.MINUTE, 200)
        last = msgspec.structs.replace(minutes[-1], value=0)
        quote = msgspec.structs.replace(exchange.market.quote(CODE), value=0)
        return minutes[:-1], last, quote, exchange.market.bars(CODE, Interval.TICK, 200)

    before = seen()
    steer(exchange, price=step(exchange, 30))
    assert seen() == before
    clock.advance(60)
    minutes = exchange.market.bars(CODE, Interval.MINUTE, 201)
    assert minutes[:-2] == before[0]


def test_others_do_not_move() -> None:
    plain, clock = opened()
    other, same = opened()
    steer(other, price=step(other, -40))
    for one in (clock, same):
        one.advance(600)
    mine_alone = {CODE}
    for code in [item.stock_code for item in plain.market.instruments()]:
        if code not in mine_alone:
            assert other.market.quote(code) == plain.market.quote(code)


def test_resting_orders_meet_the_price_as_in_a_market() -> None:
    """What it goes through fills whole, at its own price; what it does not reach stays."""
    exchange, clock = opened(cash=10**11)
    broker, neighbour = ExchangeBroker(exchange, "a"), ExchangeBroker(exchange, "b")
    buy(broker, 5_000)
    last = exchange.market.quote(CODE).price
    above = sell(broker, 2_000, ticks.step(last, 50)).ord_no
    through = buy(neighbour, 30_000, ticks.step(last, -20)).ord_no
    at_price = buy(neighbour, 100, ticks.step(last, -40)).ord_no
    below = buy(neighbour, 100, ticks.step(last, -60)).ord_no
    clock.advance(1)
    steer(exchange, price=ticks.step(last, -40))
    clock.advance(1)
    done = filled(neighbour, clock)
    assert done[through] == 30_000
    assert done[at_price] == 100
    assert below not in done
    assert {row.price for row in neighbour.executions() if row.ord_no == through} == {
        ticks.step(last, -20)
    }
    assert above not in filled(broker, clock)
    assert next(row for row in broker.open_orders() if row.ord_no == above).open_quantity == 2_000
    steer(exchange, price=ticks.step(last, 51))
    clock.advance(2)
    assert filled(broker, clock)[above] == 2_000


def test_a_market_order_gets_the_price() -> None:
    exchange, clock = opened()
    broker = ExchangeBroker(exchange, "a")
    buy(broker, 10)
    price = step(exchange, -60)
    steer(exchange, price=price)
    clock.advance(1)
    number = sell(broker, 10).ord_no
    assert filled(broker, clock)[number] == 10
    paid = {row.price for row in broker.executions() if row.ord_no == number}
    assert max(paid) <= price and min(paid) >= ticks.step(price, -4)


def test_set_free_it_goes_on_from_there() -> None:
    exchange, clock = opened()
    price = step(exchange, -40)
    steer(exchange, price=price)
    clock.advance(60)
    told = steer(exchange, free=True)
    assert told.price == price
    clock.advance(1)
    assert exchange.market.quote(CODE).price == price
    seen = set()
    for _ in range(60):
        clock.advance(60)
        quote = exchange.market.quote(CODE)
        assert quote.lower_limit <= quote.price <= quote.upper_limit
        assert ticks.is_on_tick(quote.price)
        seen.add(quote.price)
    assert len(seen) > 5


def test_the_close_and_the_next_day_follow() -> None:
    exchange, clock = opened(at(15, 10))
    price = step(exchange, -30)
    steer(exchange, price=price)
    clock.set(at(15, 31))
    assert exchange.market.quote(CODE).price == price
    clock.set(at(9, 5, day=1))
    assert exchange.market.quote(CODE).base_price == price
    assert exchange.market.bars(CODE, Interval.DAY, 2)[0].close == price
    steer(exchange, price=step(exchange, 10))
    clock.advance(60)
    assert exchange.market.bars(CODE, Interval.DAY, 2)[0].close == price


def test_before_the_open_it_opens_there() -> None:
    exchange, clock = opened(at(8, 50))
    price = step(exchange, 20)
    order = buy(ExchangeBroker(exchange, "a"), 10).ord_no
    steer(exchange, price=price)
    assert exchange.market.quote(CODE).expected_price
    clock.set(at(9, 0, 1))
    assert exchange.market.quote(CODE).open == price
    assert filled(ExchangeBroker(exchange, "a"), clock)[order] == 10
    assert {row.price for row in ExchangeBroker(exchange, "a").executions()} == {price}


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"price": 1}, "outside the day's limits"),
        ({"price": 10**9}, "outside the day's limits"),
        ({}, "say what to do"),
        ({"price": 1, "free": True}, "give one of"),
        ({"price": 1, "lock": "lower"}, "give one of"),
        ({"free": True, "code": "999999"}, "no such stock"),
    ],
)
def test_steering_to_an_impossible_state_is_refused_with_the_reason(
    wish: dict[str, Any], words: str
) -> None:
    exchange, _ = opened()
    with pytest.raises(UsageError, match=words):
        steer(exchange, **wish)
    assert not exchange.market._board.chain.all_steps()


def test_a_price_is_on_the_grid() -> None:
    exchange, clock = opened()
    price = exchange.market.quote(CODE).price
    with pytest.raises(UsageError, match=f"between two ticks, {price} and {up(price)}"):
        steer(exchange, price=price + 1)
    clock.set(at(15, 31))
    with pytest.raises(UsageError, match="over"):
        steer(exchange, price=price)


# --- over time ---------------------------------------------------------------------------------


def test_a_restart_knows_what_was_steered(tmp_path: Path) -> None:
    state = tmp_path / "exchange.db"
    exchange, clock = opened(state=state)
    price = step(exchange, -40)
    steer(exchange, price=price)
    clock.advance(120)
    steer(exchange, free=True)
    clock.advance(300)
    steer(exchange, halt=True)
    clock.advance(10)
    code, before = "005930", exchange.market.bars(CODE, Interval.MINUTE, 20)
    quotes = exchange.market.quote(CODE), exchange.market.quote(code)
    STATEFUL.remove(exchange)
    exchange.close()
    again, later = opened(clock.now(), state=state)
    assert again.market.bars(CODE, Interval.MINUTE, 20) == before
    assert (again.market.quote(CODE), again.market.quote(code)) == quotes
    assert again.steered(CODE).halted
    # and much later, when what was kept of that session has been made again
    days = again.market.bars(CODE, Interval.MINUTE, 20)
    later.set(at(10, day=11))
    again.advance()
    stayed = [bar for bar in again.market.bars(CODE, Interval.MINUTE, 5_000) if bar in days]
    assert stayed == list(days)


def test_a_turn_changes_nothing_before_it() -> None:
    """Whatever the steps are: before the first of them every second is the plain one."""
    board = board_of()
    plain = board.path(CODE, 0)
    steps = [
        SteeringStep(second=4_000, action="price", price=plain.lower, quantity=9),
        SteeringStep(second=5_000, action="halt"),
        SteeringStep(second=6_000, action="resume", quantity=5),
        SteeringStep(second=7_000, action="interrupt", until=7_130),
        SteeringStep(second=8_000, action="lock", price=plain.upper, quantity=7),
        SteeringStep(second=9_000, action="free", price=down(plain.upper), quantity=3),
    ]
    path = SteeredPath(plain, seconds_of(plain), steps)
    for second in (*range(-5, 4_000, 13), 3_999):
        assert path.price_at(second) == plain.price_at(second)
        assert path.trade_at(second) == plain.trade_at(second)
        assert path.range_at(second) == plain.range_at(second)
        assert path.strength_at(second) == plain.strength_at(second)
    total = 0
    for second in range(AUCTION_SECOND):
        trade = path.trade_at(second)
        total += trade.quantity if trade else 0
        assert path.volume_at(second) == total
        if trade:
            assert plain.lower <= trade.price <= plain.upper
    assert not any(path.trade_at(second) for second in range(5_000, 6_000))
    assert not any(path.trade_at(second) for second in range(7_000, 7_130))


# --- over the wire -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(speed=150, cash=1_000_000_000) as found:
        yield found


def test_the_stream_tells_prices_and_interruptions(served: Served) -> None:
    price = ticks.step(served.exchange.price("000660"), -10)
    with client(served.base_url) as wire, frames(served.ws_url, wire.token) as stream:
        stream.register(["000660"], ["0B"])
        stream.register([""], ["1h"], group="2")
        told = served.control.steer("000660", price=price)
        assert (told["price"], told["halted"], told["vi_until"]) == (price, False, None)
        while stream.rows("0B")[-1]["values"]["10"].lstrip("+-") != str(price):
            pass
        until = served.control.steer("000660", vi=True)["vi_until"]
        begun, ended = stream.rows("1h", 2)
        assert begun["item"] == "000660"
        assert begun["name"] == "VI발동/해제"
        assert (begun["values"]["9068"], ended["values"]["9068"]) == ("1", "2")
        assert begun["values"]["1221"] == str(price)
        assert begun["values"]["9008"] == "001"
        assert ended["values"]["1224"] == until[11:19].replace(":", "")
        assert served.control.steered("000660")["vi_until"] is None


def test_a_halt_over_the_wire(served: Served) -> None:
    with client(served.base_url, "halted") as wire:
        assert served.control.steer("035720", halt=True)["halted"]
        order = {"stk_cd": "035720", "ord_qty": "1", "trde_tp": "3"}
        body: dict[str, Any] = {"return_code": 0}
        while body["return_code"] == 0:
            body = wire.order("kt10000", **order).json()
        assert body == {"return_code": 20, "return_msg": "[2000](571476:거래정지 종목입니다.)"}
        served.control.steer("035720", halt=False)
        while wire.order("kt10000", **order).json()["return_code"]:
            pass


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"price": 1}, "outside the day's limits"),
        ({"lock": "sideways"}, "lock"),
        ({}, "say what to do"),
    ],
)
def test_an_impossible_steering_request_gets_an_http_error(
    served: Served, wish: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        served.control.steer("005930", **wish)
    with pytest.raises(UsageError, match="no such stock"):
        served.control.steered("999999")


def test_a_request_without_the_control_key_cannot_steer(served: Served) -> None:
    with client(served.base_url) as wire:
        for method in ("GET", "POST"):
            answer = wire.http.request(method, "/kt/market?stock_code=005930")
            assert answer.status_code == 403


# --- shares and sides ------------------------------------------------------------------------


def test_so_many_shares_trade_with_the_waiting_orders_and_then_nothing() -> None:
    exchange, clock = opened(cash=10**11)
    broker, neighbour = ExchangeBroker(exchange, "a"), ExchangeBroker(exchange, "b")
    price = step(exchange, -3)
    first, second = buy(broker, 10, price).ord_no, buy(neighbour, 10, price).ord_no
    assert exchange.steered(CODE).waiting == ((Side.BUY, price, 10), (Side.BUY, price, 10))
    steer(exchange, price=price, side=Side.SELL, shares=13)
    clock.advance(600)
    assert (filled(broker, clock), filled(neighbour, clock)) == ({first: 10}, {second: 3})
    quote = exchange.market.quote(CODE)
    clock.advance(600)
    assert exchange.market.quote(CODE).volume == quote.volume
    steer(exchange, price=price, shares=7)
    clock.advance(2)
    assert filled(neighbour, clock) == {second: 10}
    steer(exchange, price=step(exchange, 1))
    clock.advance(60)
    assert exchange.market.quote(CODE).volume > quote.volume + 7, "it trades as usual again"


@pytest.mark.parametrize("side", list(Side))
def test_the_side_says_on_which_side_of_the_book_the_price_is(side: Side) -> None:
    exchange, clock = opened()
    price = step(exchange, 5)
    steer(exchange, price=price, side=side)
    for _ in range(30):
        clock.advance(7)
        book = exchange.market.book(CODE)
        best = book.asks[0] if side is Side.BUY else book.bids[0]
        assert best.price == price


def test_shares_need_a_price_and_a_stock_that_trades() -> None:
    exchange, clock = opened()
    price = step(exchange, 1)
    for loose in ({"shares": 5}, {"side": Side.BUY}, {"free": True, "shares": 5}):
        with pytest.raises(UsageError, match="go with a price"):
            steer(exchange, **loose)
    steer(exchange, halt=True)
    clock.advance(1)
    with pytest.raises(UsageError, match="no order can be filled"):
        steer(exchange, price=price, shares=5)


def test_a_scenario_without_its_order_ends_and_says_which(served: Served) -> None:
    said: list[str] = []
    moves = play(
        served.control, "buy", "005930", served.clock, pause=0, patience=0.5, say=said.append
    )
    assert next(moves).price == 70_100
    with pytest.raises(KtError, match="no order to buy 005930 at 70,000 has come") as raised:
        next(moves)
    assert raised.value.hint == "kt order buy 005930 10 --price 70000"
    assert said == ["waiting for an order to buy 005930 at 70,000"]

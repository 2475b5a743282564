"""Every method of the Market and the Broker port: the exchange in-process and over the wire agree.

The wire tells less in places (values in millions, shares in thousands, no value in some rankings);
`AS_TOLD` takes the same away from the exchange's own answer, field by field, and nothing else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kt.broker.kiwoom import Kiwoom
from kt.broker.rest.client import Http, Rest
from kt.broker.rest.endpoints import Group
from kt.broker.rest.rate_limit import Pacer
from kt.broker.rest.token import TokenSource
from kt.broker.rest.token_server import WireTokenServer
from kt.broker.stream.condition_search import Searches
from kt.broker.stream.live import KiwoomStream
from kt.config.secrets import AppKeys
from kt.errors import UnknownCondition, UnknownStock, WireError
from kt.ports import Broker, Market
from kt.records import (
    AmendTicket,
    Bar,
    CancelTicket,
    Instrument,
    Interval,
    MarketName,
    OrderTicket,
    OrderType,
    OutcomeStatus,
    Quote,
    Ranked,
    Ranking,
    Side,
)
from kt.sim.exchange import ExchangeBroker
from tests.serving import Served, serve

CODE = "005930"
MILLION, THOUSAND = 1_000_000, 1_000
PAGE = 100


@dataclass
class Both:
    """The two ways to one exchange, with an account of the same name each."""

    served: Served
    wire: Kiwoom
    faults: list[WireError]

    @property
    def direct(self) -> Broker:
        return ExchangeBroker(self.served.exchange, "contract")

    @property
    def market(self) -> Market:
        return self.served.exchange.market


def wired(served: Served, key: str, folder: Path, faults: list[WireError]) -> Kiwoom:
    http = Http(served.base_url)
    pacer = Pacer(folder, key, served.clock, 1_000, 1_000)
    pacer.rates[Group.TOKEN] = 1_000
    keys = AppKeys(key, "secret")
    server = WireTokenServer(http, pacer, served.clock)
    tokens = TokenSource(keys, served.base_url, folder, served.clock, server)
    rest = Rest(http, tokens, pacer, served.clock)
    searches = Searches(
        lambda: KiwoomStream(served.ws_url, tokens, served.clock, folder / "locks", key)
    )
    return Kiwoom(rest, served.clock, faults.append, searches=searches)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    faults: list[WireError] = []
    with serve(seed=7, open_at="10:00") as served:
        wire = wired(served, "contract", tmp_path_factory.mktemp("state"), faults)
        yield Both(served, wire, faults)
        wire.rest.http.close()
    assert faults == []


def agree(
    direct: Callable[[], Any], wire: Callable[[], Any], as_told: Callable[[Any], Any] = lambda x: x
) -> Any:
    """Ask in-process before and after the wire: where the market stood still, all three agree."""
    for _ in range(40):
        before, told, after = as_told(direct()), wire(), as_told(direct())
        if before == after:
            assert told == before
            return told
    raise AssertionError("the market never stood still")


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def each(told: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda items: tuple(told(item) for item in items)


def instrument(one: Instrument) -> tuple[Any, ...]:
    return (one.stock_code, one.stock_name, one.market, one.base_price, one.kind, one.warning,
            one.listed_shares, one.sector)  # fmt: skip


def ranked(one: Ranked) -> Ranked:
    tells_value = one.ranking in {Ranking.VOLUME, Ranking.VALUE}
    value = one.value // MILLION * MILLION if tells_value else 0
    return msgspec.structs.replace(
        one,
        value=value,
        surge_pct=one.surge_pct if one.ranking is Ranking.VOLUME_SURGE else None,
        strength=one.strength if one.ranking is Ranking.CHANGE else None,
    )


def quoted(one: Quote) -> Quote:
    """ka10095."""
    return msgspec.structs.replace(
        one,
        value=one.value // MILLION * MILLION,
        listed_shares=one.listed_shares // THOUSAND * THOUSAND,
        at=one.at and one.at.replace(microsecond=0),
    )


def basic(one: Quote) -> Quote:
    """ka10001 tells no value, no best prices and no time."""
    return msgspec.structs.replace(quoted(one), value=0, bid=0, ask=0, at=None)


def bar(interval: Interval) -> Callable[[Bar], Bar]:
    """Ticks and minutes come without a value, days in millions, weeks and months in won."""

    def told(one: Bar) -> Bar:
        if interval in {Interval.TICK, Interval.MINUTE}:
            return msgspec.structs.replace(one, value=0)
        if interval is Interval.DAY:
            return msgspec.structs.replace(one, value=one.value // MILLION * MILLION)
        return one

    return told


@pytest.mark.parametrize("market", [MarketName.KOSPI, MarketName.KOSDAQ])
def test_the_index_of_a_market(both: Both, market: MarketName) -> None:
    found = agree(lambda: whole_seconds(both.market.index(market)), lambda: both.wire.index(market))
    assert found.value > 10
    listed = [stock for stock in both.market.instruments() if stock.market is market]
    assert found.rising + found.unchanged + found.falling == len(listed)


@pytest.mark.parametrize("market", [MarketName.KOSPI, MarketName.KOSDAQ])
def test_the_sectors_of_a_market(both: Both, market: MarketName) -> None:
    whole, *classes = agree(lambda: both.market.sectors(market), lambda: both.wire.sectors(market))
    names = {stock.sector for stock in both.market.instruments() if stock.market is market}
    assert {sector.name for sector in classes} == names
    assert abs(sum(sector.foreign for sector in classes) - whole.foreign) <= 2


@pytest.mark.parametrize("market", [MarketName.KOSPI, MarketName.KOSDAQ])
def test_the_stocks_bought_most_over_five_days(both: Both, market: MarketName) -> None:
    found = agree(lambda: both.market.streaks(market)[:PAGE], lambda: both.wire.streaks(market))
    first = found[0]
    newest = both.market.flow(first.stock_code)[0]
    assert (first.foreign_days > 0) == (newest.foreign > 0)
    assert all(streak.institution + streak.foreign > 0 for streak in found)


def test_instruments(both: Both) -> None:
    direct = sorted(map(instrument, both.market.instruments()))
    assert sorted(map(instrument, both.wire.instruments())) == direct
    assert len(direct) > 150


@pytest.mark.parametrize("ranking", Ranking)
def test_rankings(both: Both, ranking: Ranking) -> None:
    """Two of them are asked for stocks with 10,000 shares traded at least; a page is 100 rows."""

    def told(rows: tuple[Ranked, ...]) -> tuple[Ranked, ...]:
        if ranking in {Ranking.VOLUME_SURGE, Ranking.CHANGE}:
            rows = tuple(row for row in rows if row.volume >= 10_000)
        return tuple(
            msgspec.structs.replace(ranked(row), rank=place)
            for place, row in enumerate(rows[:PAGE], start=1)
        )

    found = agree(lambda: both.market.ranking(ranking), lambda: both.wire.ranking(ranking), told)
    assert len(found) == PAGE


def test_quote(both: Both) -> None:
    agree(lambda: both.market.quote(CODE), lambda: both.wire.quote(CODE), basic)


def test_quotes(both: Both) -> None:
    codes = [CODE, "999999", "000660", "035720"]
    told = agree(lambda: both.market.quotes(codes), lambda: both.wire.quotes(codes), each(quoted))
    assert [quote.stock_code for quote in told] == [CODE, "000660", "035720"]


def test_book(both: Both) -> None:
    def told(book: Any) -> Any:
        return msgspec.structs.replace(book, at=book.at and book.at.replace(microsecond=0))

    book = agree(lambda: both.market.book(CODE), lambda: both.wire.book(CODE), told)
    assert len(book.asks) == len(book.bids) == 10


@pytest.mark.parametrize("name", ["brokers", "strength", "flow", "foreign"])
def test_what_is_told_of_one_stock(both: Both, name: str) -> None:
    """Of the lists by day the wire's first page is read: 100 days."""

    def first_page(found: Any) -> Any:
        return found[:PAGE] if name in {"flow", "foreign"} else found

    assert agree(
        lambda: getattr(both.market, name)(CODE),
        lambda: getattr(both.wire, name)(CODE),
        first_page,
    )


def test_institutions(both: Both) -> None:
    dates = date(2026, 11, 9), date(2026, 11, 20)
    told = agree(
        lambda: both.market.institutions(CODE, *dates),
        lambda: both.wire.institutions(CODE, *dates),
    )
    assert len(told) == 10


@pytest.mark.parametrize(
    ("interval", "count", "size"),
    [
        (Interval.TICK, 20, 1),
        (Interval.TICK, 5, 5),
        (Interval.MINUTE, 30, 1),
        (Interval.MINUTE, 1_000, 1),
        (Interval.MINUTE, 10, 5),
        (Interval.DAY, 60, 1),
        (Interval.WEEK, 10, 1),
        (Interval.MONTH, 5, 1),
    ],
)
def test_bars(both: Both, interval: Interval, count: int, size: int) -> None:
    told = agree(
        lambda: both.market.bars(CODE, interval, count, size=size),
        lambda: both.wire.bars(CODE, interval, count, size=size),
        each(bar(interval)),
    )
    assert len(told) == count


@pytest.mark.parametrize(
    "ask",
    [
        lambda market: market.quote("999999"),
        lambda market: market.book("999999"),
        lambda market: market.brokers("999999"),
    ],
)
def test_an_unknown_stock_is_one_either_way(both: Both, ask: Callable[[Any], Any]) -> None:
    for market in (both.market, both.wire):
        with pytest.raises(UnknownStock):
            ask(market)


# --- the account ------------------------------------------------------------------------------

ACCOUNT: dict[str, Callable[[Broker], Any]] = {
    "account": lambda broker: broker.account(),
    "deposit": lambda broker: broker.deposit(),
    "orderable": lambda broker: broker.orderable(CODE, 200_000),
    "holdings": lambda broker: broker.holdings(),
    "open_orders": lambda broker: broker.open_orders(),
    "open_orders of one": lambda broker: broker.open_orders(CODE),
    "executions": lambda broker: broker.executions(),
    "executions of one": lambda broker: broker.executions("000660"),
    "day_orders": lambda broker: broker.day_orders(),
    "realised": lambda broker: broker.realised(CODE),
    "returns": lambda broker: broker.returns(),
}


def whole_seconds(value: Any) -> Any:
    """The wire's times have no fractions."""
    if isinstance(value, tuple):
        return tuple(map(whole_seconds, value))
    at = getattr(value, "at", None)
    return msgspec.structs.replace(value, at=at.replace(microsecond=0)) if at else value


def listed(orders: Any) -> Any:
    """ka10075 tells no confirmed quantity, and shows an amended order as received."""
    return tuple(
        msgspec.structs.replace(
            one,
            confirmed_quantity=0,
            status="RECEIVED" if one.status == "CONFIRMED" else one.status,
        )
        for one in whole_seconds(orders)
    )


def same_account(both: Both) -> dict[str, Any]:
    return {
        name: agree(
            lambda ask=ask: ask(both.direct),
            lambda ask=ask: ask(both.wire),
            listed if name.startswith("open") else whole_seconds,
        )
        for name, ask in ACCOUNT.items()
    }


def order(side: Side, quantity: int, price: int = 0, code: str = CODE) -> OrderTicket:
    kind = OrderType.LIMIT if price else OrderType.MARKET
    return OrderTicket(side=side, stock_code=code, quantity=quantity, order_type=kind, price=price)


def test_a_life_of_orders(both: Both) -> None:
    """Buy at market, sell a part; leave, amend and cancel another; the books agree throughout."""
    same_account(both)
    bought = both.wire.place(order(Side.BUY, 5))
    assert bought.status is OutcomeStatus.ACKED
    eventually(lambda: sum(hit.quantity for hit in both.wire.executions(CODE)) == 5)
    held = same_account(both)
    assert held["holdings"].items[0].quantity == 5
    assert held["open_orders"] == ()

    low = both.wire.quote(CODE).lower_limit
    resting = both.wire.place(order(Side.BUY, 3, low))
    eventually(lambda: len(both.wire.open_orders()) == 1)
    opened = same_account(both)
    assert opened["open_orders"][0].ord_no == resting.ord_no

    amended = both.wire.amend(
        AmendTicket(ord_no=resting.ord_no, stock_code=CODE, quantity=0, price=low + 100)
    )
    assert amended.status is OutcomeStatus.ACKED
    assert int(amended.ord_no) > int(resting.ord_no)
    assert amended.original_ord_no == resting.ord_no
    eventually(lambda: [o.price for o in both.wire.open_orders()] == [low + 100])
    same_account(both)

    cancelled = both.wire.cancel(CancelTicket(ord_no=amended.ord_no, stock_code=CODE))
    assert (cancelled.status, cancelled.quantity) == (OutcomeStatus.ACKED, 3)
    eventually(lambda: both.wire.open_orders() == ())
    same_account(both)

    both.wire.place(order(Side.SELL, 2))
    eventually(lambda: len(both.wire.realised(CODE)) >= 1)
    eventually(lambda: both.wire.holdings().items[0].quantity == 3)
    after = same_account(both)
    assert sum(sale.quantity for sale in after["realised"]) == 2
    numbers = [int(one.ord_no) for one in after["day_orders"]]
    assert numbers == sorted(numbers)
    from_second = both.wire.day_orders(resting.ord_no)
    assert [one.ord_no for one in from_second] == [
        one.ord_no for one in both.direct.day_orders(resting.ord_no)
    ]


@pytest.mark.parametrize(
    ("ticket", "code"),
    [
        (order(Side.BUY, 1, 150_010), "RC4003"),
        (order(Side.BUY, 1, 900_000), "RC4027"),
        (order(Side.SELL, 1, 100), "RC4027"),
        (order(Side.BUY, 100_000), "RC4025"),
        (order(Side.SELL, 1, code="000660"), "800033"),
        (CancelTicket(ord_no="9999999", stock_code=CODE), "RC4061"),
    ],
)
def test_the_same_refusal_either_way(
    both: Both, ticket: OrderTicket | CancelTicket, code: str
) -> None:
    found = [
        broker.cancel(ticket) if isinstance(ticket, CancelTicket) else broker.place(ticket)
        for broker in (both.direct, both.wire)
    ]
    for one in found:
        assert (one.status, one.code, one.ord_no) == (OutcomeStatus.REJECTED, code, "")
    direct, wire = ((one.concerns, one.not_enough) for one in found)
    assert direct == wire


def test_a_cancelled_order_cannot_be_cancelled_again(both: Both) -> None:
    low = both.wire.quote(CODE).lower_limit
    for broker in (both.direct, both.wire):
        resting = broker.place(order(Side.BUY, 1, low))
        ticket = CancelTicket(ord_no=resting.ord_no, stock_code=CODE)
        assert broker.cancel(ticket).status is OutcomeStatus.ACKED
        assert broker.cancel(ticket).code == "RC4033"


# --- the line itself --------------------------------------------------------------------------


def test_a_token_that_died_at_the_server_is_replaced(both: Both) -> None:
    tokens = both.wire.rest.tokens
    dead = tokens.token()
    tokens.server.revoke(tokens.keys, dead)
    assert both.wire.account() == both.direct.account()
    assert tokens.token() != dead


def test_an_order_goes_through_although_the_token_died(both: Both) -> None:
    tokens = both.wire.rest.tokens
    tokens.server.revoke(tokens.keys, tokens.token())
    low = both.wire.quote(CODE).lower_limit
    tokens.server.revoke(tokens.keys, tokens.token())
    placed = both.wire.place(order(Side.BUY, 1, low))
    assert placed.status is OutcomeStatus.ACKED
    both.wire.cancel(CancelTicket(ord_no=placed.ord_no, stock_code=CODE))


def test_paced_by_its_limit_the_exchange_never_refuses(tmp_path: Path) -> None:
    """60 quotes by four threads at the exchange's own 5 a second, at 20 times the speed."""
    calls: list[tuple[Any, ...]] = []
    with serve(speed=20.0, rate=5.0) as served:
        wire = wired(served, "paced", tmp_path, [])
        wire.rest.pacer.rates = dict.fromkeys(wire.rest.pacer.rates, 5.0)
        wire.rest.on_call = lambda *told: calls.append(told)
        began = served.clock.monotonic()
        threads = [
            threading.Thread(target=lambda: [wire.quote(CODE) for _ in range(15)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = served.clock.monotonic() - began
        wire.rest.http.close()
    assert [told[3] for told in calls] == [200] * 60
    assert took > 11.0


def test_condition_searches(both: Both) -> None:
    assert both.wire.conditions() == both.market.conditions()
    for name in both.market.conditions():
        assert agree(lambda n=name: both.market.condition(n), lambda n=name: both.wire.condition(n))
    with pytest.raises(UnknownCondition, match="no condition search '없음'"):
        both.wire.condition("없음")

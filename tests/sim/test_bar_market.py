"""The embedded exchange on minute bars: what it shows at each second, how orders fill, and that
nothing that it says depends on what comes later."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kt.backtest import bar_files
from kt.clock import ManualClock
from kt.errors import UnknownStock
from kt.records import Interval, MarketName, OrderNotice, Ranking, Side, Tick
from kt.rules.bar_fill import FillModel
from kt.sim.exchange import Exchange, ExchangeBroker
from kt.sim.market.bar_board import BarMarket
from kt.sim.market.bar_tables import BarTables
from tests.bar_data import DAYS, Line, at, other_future, walk, write
from tests.sim.scene import ticket

BEFORE, DAY, NEXT = DAYS
CODE, OTHER, LATE = "005930", "0091P0", "000660"
LINES: list[Line] = [
    (CODE, at(BEFORE, 0), 70_000, 70_000, 70_000, 70_000, 3_800_000),
    (OTHER, at(BEFORE, 0), 5_000, 5_000, 5_000, 5_000, 380_000),
    (CODE, at(DAY, 0), 70_100, 70_500, 70_000, 70_300, 1_000),
    (CODE, at(DAY, 1), 70_300, 70_400, 70_100, 70_200, 400),
    (CODE, at(DAY, 4), 70_200, 70_900, 70_200, 70_800, 800),
    (CODE, at(DAY, 5), 70_800, 70_800, 70_800, 70_800, 3),
    (CODE, at(DAY, 390), 71_000, 71_000, 71_000, 71_000, 500),
    (LATE, at(DAY, 0), 180_000, 180_000, 180_000, 180_000, 1_000),
]


def tables(tmp_path: Path, lines: Iterable[Line] = LINES) -> BarTables:
    return bar_files.read(write(tmp_path / "bars.csv", lines))


def opened(
    found: BarTables, now: datetime, model: FillModel | None = None, first: date = DAY
) -> tuple[Exchange, ManualClock]:
    clock = ManualClock(now)
    market = BarMarket(found, first, model or FillModel())
    return Exchange(clock=clock, bars=market, cash=100_000_000, listing_delay=0), clock


def second(minute: int, seconds: float, day: date = DAY) -> datetime:
    return at(day, minute) + timedelta(seconds=seconds)


def test_a_bar_is_known_at_its_end(tmp_path: Path) -> None:
    exchange, clock = opened(tables(tmp_path), second(-10, 0))
    market = exchange.market
    seen = []
    for moment in (second(0, 0), second(0, 55), second(0, 56), second(0, 59), second(1, 30)):
        clock.set(moment)
        quote = market.quote(CODE)
        seen.append((quote.price, quote.open, quote.high, quote.low, quote.volume))
    assert seen == [
        (70_000, 0, 0, 0, 0),
        (70_000, 0, 0, 0, 0),
        (70_100, 70_100, 70_100, 70_100, 250),
        (70_300, 70_100, 70_500, 70_000, 1_000),
        (70_300, 70_100, 70_500, 70_000, 1_000),
    ]
    clock.set(second(3, 59))
    assert market.quote(CODE).price == 70_200, "minutes without a bar have no trades"
    clock.set(second(6, 0))
    assert (market.quote(CODE).price, market.quote(CODE).volume) == (70_800, 2_203)


def test_charts_are_the_bars(tmp_path: Path) -> None:
    exchange, _ = opened(tables(tmp_path), second(400, 0))
    bars = exchange.market.bars(CODE, Interval.MINUTE, 10)
    shown = [(bar.at, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars]
    assert shown == [line[1:] for line in LINES if line[0] == CODE]
    days = exchange.market.bars(CODE, Interval.DAY, 10)
    assert [(bar.at.date(), bar.open, bar.high, bar.low, bar.close) for bar in days] == [
        (BEFORE, 70_000, 70_000, 70_000, 70_000),
        (DAY, 70_100, 71_000, 70_000, 71_000),
    ]


def test_the_stream_shows_each_bars_extremes(tmp_path: Path) -> None:
    exchange, clock = opened(tables(tmp_path), second(-1, 0))
    exchange.watch({CODE})
    exchange.advance()
    ticks: list[tuple[int, int, datetime]] = []
    for step in range(1, 30):
        clock.set(second(-1, 5 * step))
        ticks += [
            (event.price, event.quantity, event.at)
            for _, event in exchange.advance()
            if isinstance(event, Tick)
        ]
    assert ticks == [
        (70_000, 500, second(0, 57)),
        (70_500, 250, second(0, 58)),
        (70_300, 250, second(0, 59)),
    ]


def test_only_stocks_that_were_there_before_are_listed(tmp_path: Path) -> None:
    exchange, _ = opened(tables(tmp_path), second(10, 0))
    found = {item.stock_code: item for item in exchange.market.instruments()}
    assert set(found) == {CODE, OTHER}
    assert (found[CODE].stock_name, found[CODE].base_price) == ("삼성전자", 70_000)
    assert found[OTHER].stock_name == OTHER
    with pytest.raises(UnknownStock):
        exchange.market.quote(LATE)


def test_a_stock_without_a_bar_stays_where_it_was(tmp_path: Path) -> None:
    exchange, _ = opened(tables(tmp_path), second(400, 0))
    quote = exchange.market.quote(OTHER)
    assert (quote.price, quote.volume, quote.high) == (5_000, 0, 0)
    assert [row.stock_code for row in exchange.market.ranking(Ranking.VALUE)] == [CODE]
    (day,) = exchange.market.bars(OTHER, Interval.DAY, 1)
    assert (day.open, day.high, day.low, day.close, day.volume) == (5_000,) * 4 + (0,)


def test_what_bars_do_not_tell_is_absent(tmp_path: Path) -> None:
    exchange, clock = opened(tables(tmp_path), second(-5, 0))
    market = exchange.market
    assert (market.quote(CODE).expected_price, market.quote(CODE).expected_volume) == (0, 0)
    clock.set(second(385, 0))
    assert market.quote(CODE).expected_price == 0, "of the closing auction too"
    assert not market.flow(CODE) and not market.foreign(CODE)
    assert not market.institutions(CODE, BEFORE, DAY) and not market.brokers(CODE).buyers
    assert not market.streaks(MarketName.KOSPI) and not market.sectors(MarketName.KOSPI)
    book = market.book(CODE)
    assert {level.quantity for level in (*book.asks, *book.bids)} == {1_000}
    assert len(book.asks) == len(book.bids) == 10


# --- fills, by hand ---------------------------------------------------------------------------


def fills(exchange: Exchange) -> list[tuple[str, int, int, datetime]]:
    return [
        (event.ord_no, event.fill_quantity, event.fill_price, event.at)
        for _, event in exchange.advance()
        if isinstance(event, OrderNotice) and event.fill_quantity
    ]


def test_a_market_order_fills_at_the_end_of_the_next_bar(tmp_path: Path) -> None:
    exchange, clock = opened(tables(tmp_path), second(0, 0))
    broker = ExchangeBroker(exchange, "a")
    order = broker.place(ticket(Side.BUY, 7, code=CODE))
    clock.set(second(1, 58))
    assert fills(exchange) == [], "not in the bar in which it was sent"
    clock.set(second(1, 59))
    assert fills(exchange) == [(order.ord_no, 7, 70_400, second(1, 59))], "open 70,300, one tick"


def test_no_order_gets_more_than_its_part_of_the_volume(tmp_path: Path) -> None:
    exchange, clock = opened(tables(tmp_path), second(-5, 0))
    broker = ExchangeBroker(exchange, "a")
    first = broker.place(ticket(Side.BUY, 90, code=CODE))
    then = broker.place(ticket(Side.BUY, 40, code=CODE))
    clock.set(second(10, 0))
    assert fills(exchange) == [
        (first.ord_no, 90, 70_400, second(0, 59)),  # 100 of 1,000 shares; close 70,300, one tick
        (then.ord_no, 10, 70_400, second(0, 59)),
        (then.ord_no, 30, 70_400, second(1, 59)),  # 40 of 400; open 70,300, one tick
    ]


def test_a_limit_order_waits_until_the_price_trades_through(tmp_path: Path) -> None:
    found = tables(tmp_path)
    for touch, expected in ((False, []), (True, [(70_100, second(1, 59))])):
        exchange, clock = opened(found, second(0, 0), FillModel(limit_touch=touch))
        broker = ExchangeBroker(exchange, "a")
        broker.place(ticket(Side.BUY, 5, 70_100, code=CODE))  # the low of the next bar
        clock.set(second(6, 0))
        assert [(price, moment) for _, _, price, moment in fills(exchange)] == expected
    exchange, clock = opened(found, second(1, 0))
    broker = ExchangeBroker(exchange, "a")
    broker.place(ticket(Side.BUY, 5, 70_300, code=CODE))
    clock.set(second(6, 0))
    assert [(price, moment) for _, _, price, moment in fills(exchange)] == [(70_300, second(4, 59))]


def test_the_closing_auction_is_one_bar(tmp_path: Path) -> None:
    exchange, clock = opened(tables(tmp_path), second(382, 0))
    broker = ExchangeBroker(exchange, "a")
    broker.place(ticket(Side.BUY, 60, code=CODE))
    broker.place(ticket(Side.BUY, 5, 71_000, code=CODE))  # only touched
    clock.set(second(391, 0))
    assert [row[1:] for row in fills(exchange)] == [(50, 71_100, second(390, 0))]
    assert not broker.open_orders(), "the rest expires"


def test_a_sale_gets_the_worse_price(tmp_path: Path) -> None:
    exchange, clock = opened(tables(tmp_path), second(-5, 0))
    broker = ExchangeBroker(exchange, "a")
    broker.place(ticket(Side.BUY, 10, code=CODE))
    clock.set(second(1, 0))
    fills(exchange)
    broker.place(ticket(Side.SELL, 10, code=CODE))
    clock.set(second(6, 0))
    assert [row[1:3] for row in fills(exchange)] == [(10, 70_100)], "open 70,200, one tick"


def test_a_saved_exchange_stays_at_its_last_prices(tmp_path: Path) -> None:
    exchange, clock = opened(tables(tmp_path), second(-5, 0))
    broker = ExchangeBroker(exchange, "a")
    broker.place(ticket(Side.BUY, 10, code=CODE))
    clock.set(second(391, 0))
    exchange.keep(tmp_path / "exchange.db")
    again = Exchange(clock=clock, cash=100_000_000, state_path=tmp_path / "exchange.db")
    clock.set(second(100, 0, NEXT))
    try:
        (held,) = ExchangeBroker(again, "a").holdings().items
        assert (held.stock_code, held.quantity, held.price) == (CODE, 10, 71_000)
        assert {item.stock_code for item in again.market.instruments()} == {CODE, OTHER}
        assert not again.market.flow(CODE)
    finally:
        again.close()


# --- no look-ahead ----------------------------------------------------------------------------

FEW = (*range(40), 200, 201, 300, *range(370, 380))
WALKS = [*walk(CODE, 70_000, DAYS, 1, FEW), *walk(OTHER, 5_000, DAYS, 2, FEW)]


def everything(exchange: Exchange) -> list[object]:
    """All that the market says at its time."""
    market = exchange.market
    found: list[object] = [market.instruments(), market.quotes((CODE, OTHER))]
    found += [market.ranking(ranking) for ranking in Ranking]
    found += [(market.index(name), market.sectors(name), market.streaks(name)) for name in MARKETS]
    found += [market.condition(name) for name in market.conditions()]
    for code in (CODE, OTHER):
        found += [market.book(code), market.strength(code), market.brokers(code)]
        found += [market.flow(code), market.foreign(code), market.institutions(code, *DAYS[:2])]
        found += [market.bars(code, interval, 40, size=1) for interval in Interval]
    return found


MARKETS = tuple(MarketName(name) for name in ("KOSPI", "KOSDAQ"))


@settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    day=st.sampled_from(DAYS[1:]),
    minute=st.one_of(st.integers(-30, 42), st.integers(198, 203), st.integers(368, 395)),
    inside=st.integers(0, 59),
    seed=st.integers(0, 99),
)
def test_nothing_depends_on_what_comes_later(
    tmp_path_factory: pytest.TempPathFactory, day: date, minute: int, inside: int, seed: int
) -> None:
    """Every bar that has not begun to trade at a moment is replaced: the market is the same."""
    now = second(minute, inside, day)
    since = at(day, minute) + timedelta(minutes=int(inside >= 56))
    if 380 <= minute < 390:
        since = at(day, 390)
    elif minute >= 390:
        since = at(day, 391)
    folder = tmp_path_factory.mktemp("bars")
    seen = []
    for lines in (WALKS, other_future(WALKS, since, seed)):
        exchange, clock = opened(tables(folder, lines), second(-30, 0))
        exchange.watch({CODE, OTHER})
        broker = ExchangeBroker(exchange, "a")
        events = []
        for step in (now - timedelta(minutes=3), now - timedelta(seconds=20), now):
            clock.set(max(step, clock.now()))
            if at(day, 0) <= clock.now() < at(day, 390):
                broker.place(ticket(Side.BUY, 3, code=CODE))
            events.append(exchange.advance())
        seen.append((everything(exchange), events, broker.executions(), broker.holdings()))
    assert seen[0] == seen[1]

"""Nothing that the seeded exchange says at a time depends on the prices after it (without signals:
with them its books lean to the next two minutes by design, docs/exchange.md#signals)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import accumulate
from typing import Any
from unittest import mock

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kt.clock import ManualClock
from kt.records import Interval, MarketName, Ranking, Side
from kt.sim.exchange import Exchange, ExchangeBroker
from kt.sim.market import board, chain
from kt.sim.market.draw import snap
from kt.sim.market.listing import listings
from kt.sim.market.minutes import LEAD
from kt.sim.market.path import SessionPath
from tests.sim.scene import CODE, at, ticket

Draw = Callable[..., SessionPath]
STOCKS = (*listings()[:9], *(item for item in listings() if item.code == CODE))
"""Ten stocks: all of them would take seconds."""


def replaced_after(minute: int, draw: Draw) -> Draw:
    """Paths whose minutes from `minute` of session 0 on are other ones: 1% higher, and busier."""

    def drawn(*given: Any, seed_text: str, **more: Any) -> SessionPath:
        path = draw(*given, seed_text=seed_text, **more)
        if not seed_text.endswith(":0"):
            return path

        def other(price: int) -> int:
            return min(path.upper, snap(price * 1.01))

        path.opens[minute + 1 :] = [other(price) for price in path.opens[minute + 1 :]]
        path.closes[minute:] = [other(price) for price in path.closes[minute:]]
        path.volumes = [*path.volumes[:minute], *(2 * size for size in path.volumes[minute:])]
        path.cumulative = [0, *accumulate(path.volumes)]
        path.closing_price = other(path.closing_price)
        shares = path.buying_shares or []
        path.buying_shares = [*shares[:minute], *(0.8 for _ in shares[minute:])]
        return path

    return drawn


def said(minute: int, *, signals: bool) -> list[object]:
    """All that the market says at the end of the minute before, and what an order got by then."""
    clock = ManualClock(at(9) + timedelta(minutes=minute - 3))
    with mock.patch.object(board, "listings", lambda: STOCKS):
        exchange = Exchange(clock=clock, signals=signals, cash=100_000_000, listing_delay=0)
    exchange.watch({CODE})
    broker, market = ExchangeBroker(exchange, "a"), exchange.market
    broker.place(ticket(Side.BUY, 300, code=CODE))
    broker.place(ticket(Side.SELL, 5, code=CODE))
    clock.set(at(9) + timedelta(minutes=minute, seconds=-1))
    found: list[object] = [exchange.advance(), broker.executions(), market.instruments()]
    found += [market.ranking(ranking) for ranking in Ranking]
    for name in (MarketName.KOSPI, MarketName.KOSDAQ):
        found += [market.index(name), market.sectors(name), market.streaks(name)]
    found += [market.quote(CODE), market.book(CODE), market.strength(CODE), market.flow(CODE)]
    found += [market.foreign(CODE), market.brokers(CODE)]
    return found + [market.bars(CODE, interval, 30) for interval in Interval]


def with_other_future(minute: int, since: int, *, signals: bool) -> list[object]:
    other = replaced_after(since, chain.draw_path)
    with mock.patch.object(chain, "draw_path", other):
        return said(minute, signals=signals)


@settings(max_examples=4, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(minute=st.integers(4, 379))
def test_nothing_depends_on_later_prices(minute: int) -> None:
    assert said(minute, signals=False) == with_other_future(minute, minute, signals=False)


def test_signals_look_two_minutes_ahead_and_no_further() -> None:
    usual = said(200, signals=True)
    assert usual == with_other_future(200, 200 + LEAD, signals=True)
    assert usual != with_other_future(200, 200, signals=True), "the book leads by design"


def test_the_test_sees_a_look_ahead() -> None:
    usual = said(200, signals=False)
    assert usual != with_other_future(200, 199, signals=False)

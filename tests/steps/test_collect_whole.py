"""The whole picture: every part is asked for, marked to now, and what is missing is named."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from kt.config.model import Limits
from kt.errors import Unreachable
from kt.records import Action, Bar, Interval, MarketName, Quote, Side
from kt.steps.decide import collect
from kt.steps.orders.place import place
from kt.steps.reconcile.startup import reconcile
from kt.steps.risk import check
from tests import fakes
from tests.fakes import HYNIX, OPEN, SAMSUNG, World


def hold(world: World, price: int = 180_000) -> None:
    world.broker.hold(HYNIX, 3, price)
    reconcile(world.ctx)


def test_every_part_is_there_and_nothing_is_missing(world: World) -> None:
    brief = collect.collect(world.ctx, (), [SAMSUNG])
    (stock,) = brief.stocks
    for name in collect.STOCK_PARTS:
        assert name in {"foreign", "institutions"} or getattr(stock, name), name
    assert (stock.missing, brief.missing) == ((), ())
    assert stock.quote.value == 70_000_000_000
    assert (stock.market, stock.sector) == (MarketName.KOSPI, "대형주")
    assert stock.streak is not None and stock.streak.institution_days == 3
    assert stock.indicators.vwap == 70_000
    assert [state.market for state in brief.markets] == ["KOSPI", "KOSDAQ"]
    assert brief.markets[0].index is not None and brief.markets[0].index.falling == 500
    assert brief.markets[0].sectors[0].foreign == -50
    asked = set(world.market.asked)
    assert {f"foreign.{SAMSUNG}", f"institutions.{SAMSUNG}", "sectors", "streaks"} <= asked
    assert "returns" in world.broker.asked
    assert f"quote.{HYNIX}" not in asked


def test_the_account_says_what_is_left_and_how_long(world: World) -> None:
    hold(world)
    world.market.prices[HYNIX] = 171_000
    world.broker.stand(fakes.ticket(Side.BUY, SAMSUNG, 5, 60_000))
    world.broker.stand(fakes.ticket(Side.SELL, HYNIX, 2, 190_000))
    brief = collect.collect(world.ctx, (), [SAMSUNG])
    room, costs = brief.room, brief.costs
    assert room.total_limit == Limits().total
    assert room.invested == brief.positions[0].cost + 300_000
    assert (room.loss_limit, room.orders_limit, room.stocks_limit) == (500_000, 200, 10)
    (position,) = brief.positions
    assert (position.price, position.sellable) == (171_000, 1), "marked, less what is being sold"
    assert position.profit < -27_000
    assert room.loss_used == -position.profit
    assert brief.stocks[0].position == position
    assert world.journal.positions()[0].price != 171_000, "nothing was written"
    assert [order.side for order in brief.open_orders] == ["BUY", "SELL"]
    assert costs is not None
    assert (costs.buy_pct, costs.sell_pct) == (0.015, 0.215)
    session = brief.session
    assert session is not None
    assert (session.phase, session.minutes_to_last_buy, session.minutes_to_close) == (
        "open", 319, 329,
    )  # fmt: skip
    world.clock.set(OPEN.replace(hour=16))
    closed = collect.collect(world.ctx, (), [SAMSUNG]).session
    assert closed is not None
    assert (closed.phase, closed.minutes_to_close) == ("idle", None)


def test_orders_that_the_broker_does_not_list_are_under_way_too(world: World) -> None:
    world.broker.outcomes = [fakes.unknown()]
    placed = place(world.ctx, check.check_order(world.ctx, fakes.intent()))
    world.broker.failing["open_orders"] = Unreachable("HTTP 503")
    brief = collect.collect(world.ctx, (), [SAMSUNG])
    assert placed.state == "UNKNOWN"
    assert [(o.stock_code, o.status, o.open_quantity) for o in brief.open_orders] == [
        (SAMSUNG, "UNKNOWN", 10)
    ]
    assert brief.missing == ("open_orders: HTTP 503",)
    assert brief.room.invested is None


@pytest.mark.parametrize("name", ["index", "sectors", "streaks"])
def test_a_market_that_cannot_be_had_is_named(world: World, name: str) -> None:
    world.market.failing[name] = Unreachable("HTTP 503")
    brief = collect.collect(world.ctx, (), [SAMSUNG])
    assert brief.missing == tuple(f"{name}.{m}: HTTP 503" for m in ("KOSPI", "KOSDAQ"))


def test_a_value_that_was_not_told_is_named_and_not_0(world: World) -> None:
    """ka10001 has no traded value: it is asked when the list of quotes fails."""
    world.market.failing["quotes"] = Unreachable("HTTP 503")
    whole = world.market.quote
    world.market.quote = lambda code: replace(whole(code), value=0)  # type: ignore[method-assign]
    (stock,) = collect.collect(world.ctx, (), [SAMSUNG]).stocks
    assert stock.missing == ("value: the broker did not tell it",)
    assert stock.indicators.vwap is None


def test_a_short_request_asks_only_for_what_changes_within_minutes(world: World) -> None:
    brief = collect.collect(world.ctx, (), [SAMSUNG], parts=collect.SHORT)
    (stock,) = brief.stocks
    assert stock.book and stock.minutes and stock.strength and brief.markets
    assert not (stock.days or stock.weeks or stock.flow or stock.brokers)
    assert (stock.missing, brief.missing) == ((), ())
    assert "returns" not in world.broker.asked
    names = {asked.partition(".")[0] for asked in world.market.asked}
    assert names == {"instruments", "quotes", "quote", "book", "bars", "strength", "index"}


def test_slow_charts_are_asked_for_once_a_day(world: World) -> None:
    def asked() -> int:
        brief = collect.collect(world.ctx, (), [SAMSUNG])
        assert brief.stocks[0].days[-1].close == world.market.prices[SAMSUNG]
        assert brief.stocks[0].weeks[-1].close == world.market.prices[SAMSUNG]
        asked = world.market.asked.count(f"bars.{SAMSUNG}")
        world.market.asked.clear()
        return asked

    assert asked() == 5
    world.market.prices[SAMSUNG] = 73_000
    world.clock.advance(600)
    assert asked() == 2, "ticks and minutes; today's bar is the quote's"
    world.clock.advance(86_400)
    assert asked() == 5


def test_nothing_later_than_now_comes_in(world: World) -> None:
    """A market that knows the future: every part of it is left out or named."""
    market, later = world.market, world.clock.now() + timedelta(minutes=5)
    bars, book, quotes = market.bars, market.book, market.quotes

    def more(code: str, interval: Interval, count: int, *, size: int = 1) -> tuple[Bar, ...]:
        found = bars(code, interval, count, size=size)
        return (*found, replace(found[-1], at=later, close=1))

    def early(codes: list[str]) -> tuple[Quote, ...]:
        return tuple(replace(quote, at=later) for quote in quotes(codes))

    market.bars = more  # type: ignore[assignment,method-assign]
    market.book = lambda code: replace(book(code), at=later)  # type: ignore[method-assign]
    market.quotes = early  # type: ignore[assignment,method-assign]
    (stock,) = collect.collect(world.ctx, (), [SAMSUNG]).stocks
    assert stock.quote.at == world.clock.now(), "asked for singly"
    assert stock.book is None
    assert [part.partition(":")[0] for part in stock.missing] == ["book"]
    for name in ("ticks", "minutes", "days", "weeks", "months"):
        assert all(bar.at <= world.clock.now() and bar.close != 1 for bar in getattr(stock, name))
    assert stock.minutes and stock.weeks


def test_a_decision_still_comes_of_the_whole_request(world: World) -> None:
    from kt.steps.decide import analyze

    world.analyst.answers = [{SAMSUNG: fakes.buy()}]
    brief = collect.collect(world.ctx, (), [SAMSUNG])
    (decided,) = analyze.analyze(world.ctx, brief)
    assert decided.action is Action.BUY
    ((asked, _),) = world.journal.questions("RUN")
    assert asked.request == brief

"""Daily profit and loss, the loss limit, and the balance."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import replace

from kt.config.model import Limits
from kt.errors import Unreachable
from kt.records import (
    Realised,
    Side,
    StopMode,
)
from kt.steps.orders import place
from kt.steps.portfolio import balance as account
from kt.steps.portfolio import daily_pnl
from kt.steps.reconcile import order_tracking
from kt.steps.risk import check, stops
from tests import fakes
from tests.engine.acting import at
from tests.fakes import SAMSUNG, World, unknown
from tests.steps.test_order_tracking import standing


def trade(world: World, side: Side, price: int, quantity: int = 10) -> None:
    world.market.prices[SAMSUNG] = price
    ticket = fakes.ticket(side, quantity=quantity, price=price)
    order = place.place(world.ctx, check.check_order(world.ctx, fakes.wanted(ticket)))
    order_tracking.on_notice(world.ctx, world.broker.fill(order.ord_no, quantity, price))


def test_the_days_result_is_realised_plus_unrealised_profit(world: World) -> None:
    trade(world, Side.BUY, 70_000)
    trade(world, Side.SELL, 71_000, 4)
    world.market.prices[SAMSUNG] = 72_000
    day = daily_pnl.close_day(world.ctx)
    assert day.realised == 4 * 1_000 - 40 - 568 - 40
    assert day.unrealised == 6 * 2_000 - 60 - 60 - 864
    assert (day.bought, day.sold, day.trades, day.wins) == (700_000, 284_000, 0, 0)
    assert (day.fees, day.taxes) == (140, 568)
    assert world.journal.days() == (day,)


def test_a_stock_without_a_price_keeps_its_last_one(world: World) -> None:
    trade(world, Side.BUY, 70_000)
    daily_pnl.mark(world.ctx, {SAMSUNG: 72_000})
    world.market.failing["quotes"] = Unreachable("HTTP 503")
    assert daily_pnl.close_day(world.ctx).unrealised > 0
    (position,) = world.journal.positions()
    assert position.price == 72_000


@pytest.mark.parametrize(("price", "stopped"), [(68_300, False), (68_100, True)])
def test_at_the_loss_limit_buying_ends_until_the_next_trading_day(
    world: World, price: int, stopped: bool
) -> None:
    world.configure(limits=Limits(daily_loss=20_000))
    trade(world, Side.BUY, 70_000)
    daily_pnl.close_day(world.ctx, {SAMSUNG: price})
    stop = world.journal.stop()
    assert (stop.mode is StopMode.REDUCE) is stopped
    if stopped:
        assert stop.until == date(2026, 11, 24)
        assert [level for level, *_ in world.notifier.told] == ["critical"]
        daily_pnl.close_day(world.ctx, {SAMSUNG: price})
        assert len(world.notifier.told) == 1, "notified once"


def test_on_a_friday_buying_resumes_on_monday(world: World) -> None:
    world.configure(limits=Limits(daily_loss=20_000))
    world.clock.set(at("10:00", day=4))
    trade(world, Side.BUY, 70_000)
    daily_pnl.close_day(world.ctx, {SAMSUNG: 67_000})
    assert world.journal.stop().until == date(2026, 11, 30)
    world.clock.set(at("10:00", day=5))
    assert stops.current(world.ctx).mode is StopMode.REDUCE
    world.clock.set(at("08:00", day=7))
    assert stops.current(world.ctx).mode is StopMode.RUNNING
    assert world.journal.stop().mode is StopMode.RUNNING


def test_the_owners_stop_is_not_softened_by_the_loss_limit(world: World) -> None:
    world.configure(limits=Limits(daily_loss=20_000))
    trade(world, Side.BUY, 70_000)
    stops.halt(world.ctx, "by hand")
    daily_pnl.close_day(world.ctx, {SAMSUNG: 60_000})
    stop = world.journal.stop()
    assert (stop.mode, stop.reason, stop.until) == (StopMode.HALT, "by hand", None)


def test_a_loss_carried_overnight_is_not_counted_today(world: World) -> None:
    world.configure(limits=Limits(daily_loss=20_000))
    trade(world, Side.BUY, 70_000)
    daily_pnl.close_day(world.ctx, {SAMSUNG: 68_500})
    world.clock.set(at("10:00", day=1))
    result = daily_pnl.close_day(world.ctx, {SAMSUNG: 67_500})
    assert result.unrealised < -20_000
    assert daily_pnl.loss(world.ctx, result) == 10 * 1_000 - 20  # less the smaller tax of 67,500
    assert stops.current(world.ctx).mode is StopMode.RUNNING


def test_realised_profit_that_differs_from_the_brokers_is_reported(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade(world, Side.BUY, 70_000)
    trade(world, Side.SELL, 71_000)
    row = Realised(
        stock_code=SAMSUNG,
        stock_name="삼성전자",
        quantity=10,
        buy_price=70_000.0,
        sell_price=71_000,
        profit=daily_pnl.realised(world.ctx, world.clock.now().date()),
        profit_pct=1.0,
        fee=0,
        tax=0,
    )
    monkeypatch.setattr(world.broker, "realised", lambda code: (row,))
    assert daily_pnl.compare(world.ctx) == ()
    monkeypatch.setattr(
        world.broker, "realised", lambda code: (replace(row, profit=row.profit - 10),)
    )
    (difference,) = daily_pnl.compare(world.ctx)
    assert difference.ours == "+8,380 won"
    assert difference.brokers == "+8,370 won by sale, +8,370 won by account"
    assert "+8,370" in str(world.journal.events(kinds=["notice"]))


def test_the_balance_shows_the_brokers_numbers_and_kts_exits(world: World) -> None:
    trade(world, Side.BUY, 70_000)
    world.broker.hold("000660", 2, 180_000)
    balance = account.balance(world.ctx)
    assert balance.account == "******7890"
    ours, external = balance.positions
    assert (ours.quantity, ours.stop_price, ours.source) == (10, 66_500, "kt")
    assert (external.quantity, external.stop_price, external.source) == (2, 0, "external")


@pytest.mark.parametrize("listed_after", [0.0, 1.0])
def test_the_balance_books_recent_fills_first(world: World, listed_after: float) -> None:
    """The holdings show it at once, the lists a moment later, and no process follows the order."""
    world.broker.listed_after = listed_after
    ordered = standing(world)
    world.broker.fill(ordered.ord_no, 10, 70_000)
    (position,) = account.balance(world.ctx).positions
    assert (position.source, position.quantity, position.stop_price) == ("kt", 10, 66_500)
    assert [held.stock_code for held in world.journal.positions()] == [SAMSUNG]


@pytest.mark.parametrize("lost", [False, True])
def test_shares_that_kt_may_have_bought_are_not_shown_as_external(world: World, lost: bool) -> None:
    if lost:
        world.broker.outcomes = [unknown()]
    standing(world)
    world.broker.hold(SAMSUNG, 10, 70_000)
    world.broker.failing["executions"] = Unreachable("no route to the broker")
    (position,) = account.balance(world.ctx).positions
    assert position.source == "kt"

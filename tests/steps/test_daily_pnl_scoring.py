"""Daily profit and loss, the loss limit, the balance, and the scoring of decisions."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from kt.config.model import Limits
from kt.errors import Unreachable
from kt.records import (
    Action,
    Bar,
    Decision,
    DecisionOutcome,
    Realised,
    Side,
    StopMode,
)
from kt.steps.decide import decision_scoring
from kt.steps.orders import place
from kt.steps.portfolio import balance as account
from kt.steps.portfolio import daily_pnl
from kt.steps.reconcile import order_tracking
from kt.steps.risk import check, stops
from tests import fakes
from tests.engine.acting import at
from tests.fakes import SAMSUNG, World, unknown
from tests.steps import trading
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


# scoring of decisions


def decided(world: World, **more: Any) -> Decision:
    name = f"D{len(more)}{more.get('action', 'BUY')}"
    fields = {"decision_id": name, "reference_price": 70_000, "analyst": "scripted"}
    decision = trading.decided(world, **(fields | more))
    world.journal.decisions("RUN", [decision])
    return decision


def minutes(world: World, start: datetime, closes: dict[int, int]) -> None:
    world.market.bars_by_code[SAMSUNG] = tuple(
        Bar(at=start + timedelta(minutes=n), open=c, high=c, low=c, close=c, volume=1)
        for n, c in closes.items()
    )


def test_a_decision_is_judged_at_its_horizon_after_costs(world: World) -> None:
    start = world.clock.now()
    decided(world)
    minutes(world, start, {0: 70_000, 59: 70_500, 60: 71_400, 90: 60_000})
    world.clock.advance(3_000)
    assert decision_scoring.learn(world.ctx).outcomes == (), "its hour is not over"
    world.clock.advance(3_000)
    (outcome,) = decision_scoring.learn(world.ctx).outcomes
    assert outcome.price_later == 71_400
    assert outcome.return_pct == pytest.approx(2.0 - 0.23)
    assert outcome.hit
    assert decision_scoring.learn(world.ctx).outcomes == (), "judged once"


@pytest.mark.parametrize(
    ("action", "later", "hit"),
    [
        (Action.BUY, 70_100, False),
        (Action.BUY, 70_300, True),
        (Action.SELL, 69_000, True),
        (Action.SELL, 70_100, False),
        (Action.HOLD, 70_100, True),
        (Action.HOLD, 71_000, False),
    ],
)
def test_a_hit_is_a_positive_return_after_costs(
    world: World, action: Action, later: int, hit: bool
) -> None:
    outcome = decision_scoring.judge(world.ctx, decided(world, action=action), later)
    assert outcome.hit is hit


def test_a_decision_before_the_close_is_judged_at_the_close(world: World) -> None:
    world.clock.set(at("15:10"))
    decided(world)
    minutes(world, at("15:10"), {0: 70_000, 20: 70_900, 30: 99_000})
    world.clock.set(at("16:30"))
    (outcome,) = decision_scoring.learn(world.ctx).outcomes
    assert outcome.price_later == 70_900


def test_an_earlier_days_decision_is_judged_by_that_days_bar(world: World) -> None:
    decided(world)
    world.market.bars_by_code[SAMSUNG] = (
        Bar(at=at("00:00"), open=1, high=1, low=1, close=71_000, volume=1),
        Bar(at=at("00:00", day=1), open=1, high=1, low=1, close=50_000, volume=1),
    )
    world.clock.set(at("10:00", day=1))
    (outcome,) = decision_scoring.learn(world.ctx).outcomes
    assert outcome.price_later == 71_000


def test_a_decision_without_a_price_is_scored_later(world: World) -> None:
    decided(world)
    minutes(world, world.clock.now(), {0: 70_000, 60: 71_000})
    world.clock.advance(4_000)
    world.market.failing["bars"] = Unreachable("HTTP 503")
    learned = decision_scoring.learn(world.ctx)
    assert learned.outcomes == ()
    assert len(learned.missing) == 1
    world.market.failing.clear()
    assert len(decision_scoring.learn(world.ctx).outcomes) == 1


def outcome(n: int, confidence: float, hit: bool, action: Action = Action.BUY) -> DecisionOutcome:
    return DecisionOutcome(
        decision_id=f"D{n}",
        stock_code=SAMSUNG,
        action=action,
        confidence=confidence,
        analyst="scripted",
        model="m",
        decided_at=fakes.OPEN,
        horizon_minutes=60,
        price_then=100,
        price_later=101,
        return_pct=1.0 if hit else -1.0,
        hit=hit,
    )


def test_the_track_record_is_given_as_text(world: World) -> None:
    assert decision_scoring.lessons(world.ctx) == ""
    for n, (confidence, hit) in enumerate([(0.65, True), (0.65, False), (0.9, True), (0.9, True)]):
        world.journal.put_outcome(outcome(n, confidence, hit))
    world.journal.put_outcome(outcome(9, 0.5, True, Action.HOLD))
    said = decision_scoring.lessons(world.ctx)
    assert "4 earlier BUY/SELL decisions, 3 hit" in said
    assert "0.6-0.7: 1/2 hit; 0.8-1.0: 2/2 hit" in said
    assert "mean return after costs +0.50 %" in said
    made = decision_scoring.record([outcome(0, 0.65, True), outcome(1, 0.65, False)])
    assert made is not None
    assert made.brier == pytest.approx((0.35**2 + 0.65**2) / 2)
    assert made.base_brier == 0.25

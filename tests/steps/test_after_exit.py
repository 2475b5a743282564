"""Buys after an exit and sells after a buy: cooldown, entries per day, turnover, holding time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from kt.config.model import Limits
from kt.records import Action, Check, Order, OrderState, Outcome, Side
from kt.steps.orders import place
from kt.steps.reconcile import order_tracking
from kt.steps.reconcile.startup import reconcile
from kt.steps.risk import check
from tests import fakes
from tests.engine.acting import at
from tests.fakes import HYNIX, SAMSUNG, World
from tests.steps.trading import bought, decided, leave, resting


def wished(world: World, **more: Any) -> Check:
    (checked,) = check.check(world.ctx, [decided(world, **more)])
    return checked


def denials(checked: Check) -> dict[str, str]:
    """The arithmetic of each denial, without what would pass instead."""
    return {result.code: result.detail.partition("; ")[0] for result in checked.denials}


def sold(world: World, order: Order | None, price: int) -> None:
    assert order is not None
    order_tracking.on_notice(world.ctx, world.broker.fill(order.ord_no, order.open_quantity, price))


def test_after_a_stop_loss_buys_are_denied_for_the_day(world: World) -> None:
    bought(world)
    sold(world, leave(world, 66_000).order, 66_000)
    denied = {"COOLDOWN": "left at 10:00:00 by stop_loss: not again today"}
    assert denials(wished(world)) == denied
    world.clock.set(at("15:19"))
    assert denials(wished(world)) == denied
    assert wished(world, stock_code=HYNIX).passed, "another stock is free"
    assert check.check_order(world.ctx, fakes.intent()).passed, "a person may"
    world.clock.set(at("09:01", day=1))
    assert wished(world.restart() and world).passed


def test_after_a_take_profit_buys_are_denied_for_fifteen_minutes(world: World) -> None:
    bought(world)
    sold(world, leave(world, 77_000).order, 77_000)
    world.clock.advance(899)
    assert denials(wished(world)) == {
        "COOLDOWN": "left at 10:00:00 by take_profit + 15 min = 10:15:00 > now"
    }
    world.clock.advance(1)
    assert wished(world).passed


@pytest.mark.parametrize("by_hand", [True, False])
def test_after_any_other_sell_buys_are_denied_for_five_minutes(world: World, by_hand: bool) -> None:
    bought(world)
    if by_hand:
        sold(world, resting(world), 71_000)
    else:  # in the account, by somebody else
        number = world.broker.stand(fakes.ticket(Side.SELL))
        world.broker.fill(number, 10, 70_000)
        reconcile(world.ctx)
    left = world.clock.now()
    by = "manual" if by_hand else "external"
    assert denials(wished(world)) == {
        "COOLDOWN": f"left at {left:%H:%M:%S} by {by} + 5 min = "
        f"{left + timedelta(minutes=5):%H:%M:%S} > now"
    }
    world.clock.advance(300)
    assert wished(world).passed


def test_the_last_sell_decides_the_cooldown(world: World) -> None:
    bought(world)
    sold(world, leave(world, 77_000).order, 77_000)
    world.clock.advance(1800)
    bought(world)
    sold(world, leave(world, 66_000).order, 66_000)
    assert denials(wished(world)) == {"COOLDOWN": "left at 10:30:00 by stop_loss: not again today"}


def entered(world: World, outcome: Outcome | None = None) -> Order:
    """One share bought by decision."""
    world.broker.outcomes = [outcome] if outcome else []
    number = len(world.journal.orders())
    order = place.place(world.ctx, wished(world, quantity=1, decision_id=f"D{number}"))
    if order.ord_no:
        sold(world, order, 70_000)
    return order


def test_the_entries_per_stock_and_day_are_limited(world: World) -> None:
    world.configure(limits=Limits(entries_per_stock=2))
    entered(world)
    assert entered(world, fakes.rejected()).state is OrderState.REJECTED
    assert entered(world, fakes.not_placed()).state is OrderState.NOT_PLACED
    entered(world)
    assert denials(wished(world, quantity=1)) == {
        "ENTRIES": "2 + 1 = 3 > buys of one stock a day 2"
    }
    assert wished(world, stock_code=HYNIX, quantity=1).passed
    assert check.check_order(world.ctx, fakes.intent(quantity=1)).passed
    world.clock.set(at("10:00", day=1))
    assert wished(world, quantity=1).passed


def test_a_cancelled_buy_counts_as_an_entry(world: World) -> None:
    world.configure(limits=Limits(entries_per_stock=1))
    order = place.place(world.ctx, wished(world, quantity=1))
    assert place.cancel(world.ctx, order).order.state is OrderState.CANCELLED
    assert list(denials(wished(world, quantity=1))) == ["ENTRIES"]


def turnover(checked: Check) -> str:
    (detail,) = [result.detail for result in checked.results if result.code == "TURNOVER"]
    return detail


def test_the_turnover_counts_fills_open_buys_and_the_batch(world: World) -> None:
    """280,000 filled (and sold again), 69,000 filled and 140,000 still open of another buy, and
    180,000 with its fee of 20 passed before in the batch."""
    world.configure(limits=Limits(turnover=894_019))
    bought(world, 4)
    sold(world, resting(world, 4), 71_000)
    order = place.place(world.ctx, check.check_order(world.ctx, fakes.intent(quantity=3)))
    order_tracking.on_notice(world.ctx, world.broker.fill(order.ord_no, 1, 69_000))
    first, second = check.check(
        world.ctx,
        [
            decided(world, stock_code=HYNIX, quantity=1),
            decided(world, stock_code="035720", quantity=5),
        ],
    )
    assert first.passed, first.denials
    assert turnover(first) == "489,000 + 180,000 = 669,000 <= limit 894,019"
    assert denials(second) == {"TURNOVER": "669,020 + 225,000 = 894,020 > limit 894,019"}


def test_the_turnover_limit_holds_for_manual_buys_and_amends_and_is_daily(world: World) -> None:
    world.configure(limits=Limits(turnover=710_000))
    order = place.place(world.ctx, check.check_order(world.ctx, fakes.intent()))
    assert denials(check.check_order(world.ctx, fakes.intent(quantity=1))) == {
        "TURNOVER": "700,000 + 70,000 = 770,000 > limit 710,000"
    }
    assert check.check_amend(world.ctx, order, price=71_000).passed, "its own money is left out"
    too_much = check.check_amend(world.ctx, order, price=71_100)
    assert denials(too_much) == {"TURNOVER": "0 + 711,000 = 711,000 > limit 710,000"}
    sold(world, order, 70_000)
    world.clock.set(at("10:00", day=1))
    assert check.check_order(world.ctx, fakes.intent(quantity=1)).passed


def test_external_shares_are_no_turnover(world: World) -> None:
    world.configure(limits=Limits(turnover=100_000))
    world.broker.hold(SAMSUNG, 10, 70_000)
    reconcile(world.ctx)
    checked = check.check_order(world.ctx, fakes.intent(quantity=1))
    assert checked.passed, checked.denials


def test_an_analysts_sell_within_the_minimum_holding_time_is_denied(world: World) -> None:
    bought(world)
    world.clock.advance(599)
    assert denials(wished(world, action=Action.SELL)) == {
        "HOLDING_TIME": "held for 10.0 min < limit 10 min"
    }
    typed = check.check_order(world.ctx, fakes.intent(Side.SELL))
    assert typed.passed, typed.denials
    world.clock.advance(1)
    assert wished(world, action=Action.SELL, confidence=0.0).passed
    bought(world, 1)
    assert denials(wished(world, action=Action.SELL)) == {
        "HOLDING_TIME": "held for 0.0 min < limit 10 min"
    }
    leave(world, 66_000)
    assert len(world.broker.sent) == 1, "a stop does not wait"


def test_shares_of_another_day_or_external_ones_may_be_sold(world: World) -> None:
    world.broker.hold(HYNIX, 1, 180_000)
    reconcile(world.ctx)
    assert wished(world, stock_code=HYNIX, action=Action.SELL, quantity=1).passed
    world.clock.set(at("15:19"))
    bought(world)
    world.clock.set(at("09:00", day=1))
    assert wished(world, action=Action.SELL).passed
    world.configure(exits=replace(world.config.exits, min_holding_minutes=1440))
    assert denials(wished(world, action=Action.SELL)) == {
        "HOLDING_TIME": "held for 1,061.0 min < limit 1,440 min"
    }

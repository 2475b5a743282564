"""Two runs order at once: the second one's check is of yesterday's news, and is made anew."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kt.config.model import Limits
from kt.errors import Denied
from kt.records import Check, OrderState, Side
from kt.steps.context import Context
from kt.steps.orders import place
from kt.steps.orders.recheck import CHECKS, place_checked
from kt.steps.risk import check
from tests import fakes
from tests.fakes import HYNIX, SAMSUNG, World


def other_run(world: World, side: Side = Side.BUY) -> None:
    """Another process orders another stock."""
    other = world.context(run="OTHER")
    checked = check.check_order(other, fakes.intent(side, code=HYNIX, price=180_000, quantity=1))
    assert checked.passed
    place.place(other, checked)


def test_a_check_that_another_run_overtook_sends_nothing(world: World) -> None:
    checked = check.check_order(world.ctx, fakes.intent())
    other_run(world)
    sent = len(world.broker.sent)
    with pytest.raises(Denied) as denied:
        place.place(world.ctx, checked)
    assert denied.value.code == "STALE_INPUT"
    assert len(world.broker.sent) == sent
    assert [order.stock_code for order in world.journal.orders()] == [HYNIX]


def test_orders_of_the_same_run_and_sells_of_others_take_nothing_from_it(world: World) -> None:
    world.broker.hold(HYNIX, 5, 180_000)
    first, second = (
        check.check_order(world.ctx, fakes.intent(code=code, price=price))
        for code, price in ((SAMSUNG, 70_000), ("035720", 45_000))
    )
    assert first.passed
    assert second.passed
    other_run(world, Side.SELL)
    assert place.place(world.ctx, first).ord_no
    assert place.place(world.ctx, second).ord_no


def test_a_limit_holds_for_all_runs_together(world: World) -> None:
    """One share of each would fit alone; the second is checked again and then denied."""
    world.configure(limits=replace(Limits(), per_stock=200_000, total=200_000))
    checked = check.check_order(world.ctx, fakes.intent(quantity=1))
    assert checked.passed
    other_run(world)
    order, newer = place_checked(world.ctx, checked)
    assert (order.state, order.code) == (OrderState.DENIED, "TOTAL_LIMIT")
    assert newer is not checked


def test_somebody_who_always_is_faster_is_given_way_to(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = check.check_order(world.ctx, fakes.intent())
    other_run(world)
    asked: list[Check] = []

    def too_late(ctx: Context, before: Check) -> Check:
        asked.append(before)
        return checked

    monkeypatch.setattr(check, "again", too_late)
    with pytest.raises(Denied, match="another kt process has ordered"):
        place_checked(world.ctx, checked)
    assert len(asked) == CHECKS


def test_a_check_without_the_count_is_taken_as_it_is(world: World) -> None:
    checked = replace(check.check_order(world.ctx, fakes.intent()), buys_seen=-1)
    other_run(world)
    assert place.place(world.ctx, checked).ord_no

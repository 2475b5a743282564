"""Two runs order at once: the second one's check is of yesterday's news, and is made anew."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kt.config.model import Limits
from kt.errors import Denied
from kt.records import Check, OrderState, Origin, Side
from kt.steps import check, place
from kt.steps.afresh import CHECKS, place_checked
from tests import fakes
from tests.fakes import HYNIX, SAMSUNG, World


def other_run(world: World, side: Side = Side.BUY) -> None:
    """Another process orders another stock."""
    other = world.context(run="OTHER")
    checked = check.check_order(
        other, fakes.ticket(side, code=HYNIX, price=180_000, quantity=1), Origin.MANUAL
    )
    assert checked.passed
    place.place(other, checked, origin=Origin.MANUAL)


def test_a_check_that_another_run_overtook_sends_nothing(world: World) -> None:
    checked = check.check_order(world.ctx, fakes.ticket(), Origin.MANUAL)
    other_run(world)
    sent = len(world.broker.sent)
    with pytest.raises(Denied) as denied:
        place.place(world.ctx, checked, origin=Origin.MANUAL)
    assert denied.value.code == "STALE_INPUT"
    assert len(world.broker.sent) == sent
    assert [order.stock_code for order in world.journal.orders()] == [HYNIX]


def test_orders_of_the_same_run_and_sells_of_others_take_nothing_from_it(world: World) -> None:
    world.broker.hold(HYNIX, 5, 180_000)
    world.configure(limits=replace(Limits(), per_stock=2_000_000))
    first, second = (
        check.check_order(world.ctx, fakes.ticket(code=code, price=price), Origin.MANUAL)
        for code, price in ((SAMSUNG, 70_000), ("035720", 40_000))
    )
    other_run(world, Side.SELL)
    for checked in (first, second):
        if checked.passed:
            assert place.place(world.ctx, checked, origin=Origin.MANUAL).ord_no


def test_a_limit_holds_for_all_runs_together(world: World) -> None:
    """One share of each would fit alone; the second is checked again and then denied."""
    world.configure(limits=replace(Limits(), per_stock=200_000, total=200_000))
    ticket = fakes.ticket(quantity=1)
    checked = check.check_order(world.ctx, ticket, Origin.MANUAL)
    assert checked.passed
    other_run(world)
    order, newer = place_checked(
        world.ctx,
        checked,
        lambda: check.check_order(world.ctx, ticket, Origin.MANUAL),
        origin=Origin.MANUAL,
    )
    assert (order.state, order.code) == (OrderState.DENIED, "TOTAL_LIMIT")
    assert newer is not checked


def test_somebody_who_always_is_faster_is_given_way_to(world: World) -> None:
    checked = check.check_order(world.ctx, fakes.ticket(), Origin.MANUAL)
    other_run(world)
    asked: list[Check] = []

    def too_late() -> Check:
        asked.append(checked)
        return checked

    with pytest.raises(Denied, match="another kt process has ordered"):
        place_checked(world.ctx, checked, too_late, origin=Origin.MANUAL)
    assert len(asked) == CHECKS


def test_a_check_without_the_count_is_taken_as_it_is(world: World) -> None:
    checked = replace(check.check_order(world.ctx, fakes.ticket(), Origin.MANUAL), buys_seen=-1)
    other_run(world)
    assert place.place(world.ctx, checked, origin=Origin.MANUAL).ord_no

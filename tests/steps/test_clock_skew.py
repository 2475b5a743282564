"""A clock that is wrong sends nothing, but holds nobody back who only wants out."""

from __future__ import annotations

import pytest

from kt.errors import ExitCode, KtError
from kt.records import OrderState, Side, StopMode
from kt.steps.orders import place
from kt.steps.orders.flatten import flatten
from kt.steps.reconcile.startup import reconcile
from kt.steps.risk import check
from tests import fakes
from tests.fakes import HYNIX, SAMSUNG, World


@pytest.mark.parametrize("off", [-3600.0, -30.0, 30.0, 86_400.0])
def test_a_wrong_clock_starts_nothing(world: World, off: float) -> None:
    world.broker.clock_off = off
    with pytest.raises(KtError, match=r"behind|ahead") as raised:
        reconcile(world.ctx)
    assert (raised.value.code, raised.value.exit_code) == ("CLOCK", ExitCode.ERROR)
    assert ("behind" in str(raised.value)) is (off < 0)
    assert world.broker.asked == []


def test_a_clock_that_is_nearly_right_will_do(world: World) -> None:
    world.broker.clock_off = -29.9
    assert reconcile(world.ctx).lines() == ()


def test_a_clock_that_jumps_later_sends_no_order_and_no_amend(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    standing = check.check_order(world.ctx, fakes.intent(Side.SELL))
    order = place.place(world.ctx, standing)
    wanted = fakes.ticket(code=HYNIX, price=180_000, quantity=1)
    checked = check.check_order(world.ctx, fakes.wanted(wanted))
    assert checked.passed
    world.broker.clock_off = -3600.0
    sent = len(world.broker.sent)
    with pytest.raises(KtError, match="nothing is sent"):
        place.place(world.ctx, checked)
    with pytest.raises(KtError, match="nothing is sent"):
        place.amend(world.ctx, order, price=70_100)
    assert len(world.broker.sent) == sent
    assert [kept.order_id for kept in world.journal.orders()] == [order.order_id]
    assert place.cancel(world.ctx, order).order.state is OrderState.CANCELLED


def test_a_wrong_clock_keeps_no_position_from_being_left(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    world.broker.fill_at_once = True
    world.broker.clock_off = -3600.0
    done = flatten(world.ctx, "out")
    assert done.left == ()
    assert sum(order.filled_quantity for order in done.sold) == 10
    assert world.journal.stop().mode is StopMode.HALT

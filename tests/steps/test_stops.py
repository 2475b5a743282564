"""The three stops, and resume."""

from __future__ import annotations

import pytest

from kt.errors import Denied
from kt.records import OrderState, OrderType, Origin, Side, StopMode
from kt.steps.orders import place
from kt.steps.risk import check, stops
from tests import fakes
from tests.fakes import SAMSUNG, World


def test_a_stop_is_a_row_and_a_flag_and_survives_a_restart(world: World) -> None:
    stops.halt(world.ctx, "by hand")
    assert (world.folder / "halt.json").exists()
    world.restart()
    assert stops.current(world.ctx).mode is StopMode.HALT
    stops.resume(world.ctx)
    assert stops.current(world.ctx).mode is StopMode.RUNNING
    assert [title for _, title, _ in world.notifier.told] == ["kt: halt", "kt: running"]


def test_only_the_owner_may_replace_a_stop_by_a_weaker_one(world: World) -> None:
    stops.halt(world.ctx, "by hand")
    stops.reduce(world.ctx, "daily loss", by="daily-loss")
    assert stops.current(world.ctx).mode is StopMode.HALT
    stops.reduce(world.ctx, "better")
    assert stops.current(world.ctx).mode is StopMode.REDUCE


def test_resume_is_denied_during_a_flatten(world: World) -> None:
    stops.begin_flatten(world.ctx, "by hand")
    with pytest.raises(Denied):
        stops.resume(world.ctx)
    stops.halt(world.ctx, "enough")
    assert stops.resume(world.ctx).mode is StopMode.RUNNING


def test_during_a_flatten_only_exits_are_allowed(world: World) -> None:
    """Nobody may be at it any more: it was killed, and the stop stands."""
    world.broker.hold(SAMSUNG, 30, 70_000)
    stops.begin_flatten(world.ctx, "by hand")
    ticket = fakes.ticket(Side.SELL, order_type=OrderType.MARKET, price=0)
    for origin, state in (
        (Origin.MANUAL, OrderState.DENIED),
        (Origin.CYCLE, OrderState.DENIED),
        (Origin.TAKE_PROFIT, OrderState.ACKED),
        (Origin.STOP_LOSS, OrderState.ACKED),
    ):
        checked = check.check_order(world.ctx, fakes.wanted(ticket, origin))
        order = place.place(world.ctx, checked)
        assert order.state is state, order

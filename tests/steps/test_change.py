"""Amends and cancels: what is sent, what is journaled, and what the outcome changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from kt.errors import Denied, Halted
from kt.records import (
    CancelTicket,
    Order,
    OrderEventKind,
    OrderState,
    Origin,
    Outcome,
    OutcomeStatus,
)
from kt.steps.context import Context
from kt.steps.order_events import event
from kt.steps.orders import order_change, place
from kt.steps.risk import stops
from tests import fakes
from tests.fakes import SAMSUNG, World
from tests.steps.trading import kinds, order_now

CHANGES: dict[str, Callable[[Context, Order], order_change.Changed]] = {
    "amend": lambda ctx, order: place.amend(ctx, order, price=69_900),
    "cancel": place.cancel,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_refused_for_the_rate_is_sent_again_with_events_of_its_own(
    world: World, change: str
) -> None:
    order = order_now(world)
    world.broker.outcomes = [fakes.not_placed(retryable=True), fakes.not_placed(retryable=True)]
    changed = CHANGES[change](world.ctx, order)
    assert changed.outcome.status is OutcomeStatus.ACKED
    assert len(world.broker.sent) == 1 + 3
    asked, failed, done = {
        "amend": ("AMENDING", "AMEND_FAILED", "AMENDED"),
        "cancel": ("CANCELLING", "CANCEL_FAILED", "CANCELLED"),
    }[change]
    assert kinds(world, changed.order)[3:] == [asked, failed, asked, failed, asked, done]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_refused_for_the_rate_every_time_fails_after_three_sends(
    world: World, change: str
) -> None:
    order = order_now(world)
    world.broker.outcomes = [fakes.not_placed(retryable=True)] * 5
    changed = CHANGES[change](world.ctx, order)
    assert (changed.order.state, changed.outcome.retryable) == (OrderState.ACKED, True)
    assert len(world.broker.sent) == 1 + place.SENDS


def test_a_stop_set_between_two_sends_of_an_amend_ends_it_and_of_a_cancel_does_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = order_now(world)

    def refuse(_: object) -> Outcome:
        stops.halt(world.ctx, "lunch")
        return fakes.not_placed(retryable=True)

    monkeypatch.setattr(world.broker, "amend", refuse)
    with pytest.raises(Halted, match="lunch"):
        place.amend(world.ctx, order, price=69_900)
    assert kinds(world, order)[3:] == ["AMENDING", "AMEND_FAILED"]
    world.broker.outcomes = [fakes.not_placed(retryable=True)]
    assert place.cancel(world.ctx, order).order.state is OrderState.CANCELLED


def test_an_amend_takes_the_new_number_and_price(world: World) -> None:
    order = order_now(world)
    amended = place.amend(world.ctx, order, price=69_900).order
    assert amended.state is OrderState.ACKED
    assert (amended.price, amended.ord_no) == (69_900, "0000102")
    assert amended.ord_nos == ("0000101", "0000102")
    cancelled = place.cancel(world.ctx, amended).order
    assert (cancelled.state, cancelled.cancelled_quantity) == (OrderState.CANCELLED, 10)
    assert world.broker.sent[-1] == CancelTicket(ord_no="0000102", stock_code=SAMSUNG)


def test_a_refused_change_leaves_the_order_as_it_was(world: World) -> None:
    order = order_now(world)
    world.broker.outcomes = [fakes.rejected("RC4032")]
    after = place.amend(world.ctx, order, price=69_900).order
    assert (after.state, after.price) == (OrderState.ACKED, 70_000)
    world.broker.outcomes = [fakes.not_placed()]
    assert place.cancel(world.ctx, after).order.state is OrderState.ACKED


@pytest.mark.parametrize("verb", ["amend", "cancel"])
def test_an_unknown_change_stays_open_and_the_owner_is_notified(world: World, verb: str) -> None:
    order = order_now(world)
    world.broker.outcomes = [fakes.unknown("HTTP 503")]
    changed = (
        place.amend(world.ctx, order, price=69_900)
        if verb == "amend"
        else place.cancel(world.ctx, order)
    )
    after = changed.order
    assert after.state is (OrderState.AMENDING if verb == "amend" else OrderState.CANCELLING)
    assert world.notifier.told[-1][0] == "critical"


def test_cancels_are_allowed_under_halt_and_amends_are_not(world: World) -> None:
    order = order_now(world)
    stops.halt(world.ctx, "stop")
    with pytest.raises(Halted):
        place.amend(world.ctx, order, price=69_900)
    assert place.cancel(world.ctx, order).order.state is OrderState.CANCELLED


def test_orders_that_are_not_ours_or_not_open_are_left_alone(world: World) -> None:
    order = order_now(world)
    theirs = replace(
        order, order_id="THEIRS", client_id="", state=OrderState.PLANNED, origin=Origin.EXTERNAL
    )
    world.journal.plan_order(theirs, event(world.ctx, "THEIRS", OrderEventKind.PLANNED))
    gone = place.cancel(world.ctx, order).order
    for wrong, code in ((theirs, "EXTERNAL"), (gone, "NOT_OPEN"), (order, "NOT_OPEN")):
        with pytest.raises(Denied) as denied:
            place.cancel(world.ctx, wrong)
        assert denied.value.code == code
    assert len(world.broker.sent) == 2


def test_one_amend_at_a_time_with_the_newest_number(world: World) -> None:
    """Whoever saw the order before another changed it, changes it as it is now."""
    seen = order_now(world)
    place.amend(world.ctx, seen, price=69_900)
    again = place.amend(world.ctx, seen, price=69_800)
    assert (again.order.price, again.order.ord_no) == (69_800, "0000103")
    assert world.broker.sent[-1].ord_no == "0000102"  # type: ignore[union-attr]
    world.broker.outcomes, world.broker.taken = [fakes.unknown("HTTP 503")], False
    assert place.amend(world.ctx, seen, price=69_700).order.state is OrderState.AMENDING
    with pytest.raises(Denied, match="another change of it is under way") as denied:
        place.amend(world.ctx, seen, price=69_600)
    assert denied.value.code == "DUPLICATE"
    sent = len(world.broker.sent)
    assert place.cancel(world.ctx, seen).order.state is OrderState.CANCELLED, "never held back"
    assert len(world.broker.sent) == sent + 1


def test_the_outcome_of_a_change_is_its_own_when_another_is_pending(
    world: World,
) -> None:
    """A cancel of somebody else's is under way when this one is refused."""
    order = order_now(world)
    world.broker.outcomes = [fakes.unknown("HTTP 503"), fakes.rejected("RC4033")]
    place.cancel(world.ctx, order)
    mine = place.cancel(world.ctx, order)
    assert mine.order.state is OrderState.CANCELLING
    assert mine.outcome.status is OutcomeStatus.REJECTED


def test_a_partial_cancel_leaves_the_rest_open(world: World) -> None:
    order = order_now(world)
    after = place.cancel(world.ctx, order, quantity=4).order
    assert (after.state, after.open_quantity) == (OrderState.ACKED, 6)

"""After a restart kt has what the broker has, whatever was lost in between."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from kt.config.model import Orders
from kt.errors import Unreachable, UsageError
from kt.records import (
    Order,
    OrderEventKind,
    OrderNotice,
    OrderState,
    OrderType,
    Origin,
    Side,
    StopMode,
)
from kt.steps.order_events import event
from kt.steps.orders import exits, place
from kt.steps.reconcile import order_recovery, order_tracking, position_reconciliation
from kt.steps.reconcile.startup import reconcile, resolve
from kt.steps.risk import check
from tests import fakes
from tests.fakes import HYNIX, SAMSUNG, World
from tests.steps.trading import now


def planned(world: World, side: Side = Side.BUY, **more: object) -> Order:
    """An intent as it stands when the process died before or while sending."""
    checked = check.check_order(world.ctx, fakes.intent(side))
    from kt.steps.orders.intent import new_order, noted_number

    order = new_order(world.ctx, checked, "", None)
    order = replace(order, noted_ord_no=noted_number(world.ctx, order), **more)
    return world.journal.plan_order(order, event(world.ctx, order.order_id, OrderEventKind.PLANNED))


def sending(world: World, side: Side = Side.BUY) -> Order:
    order = planned(world, side)
    return world.journal.record(event(world.ctx, order.order_id, OrderEventKind.SENDING, key="1"))


def test_with_nothing_to_reconcile_few_requests_are_made(world: World) -> None:
    found = reconcile(world.ctx)
    assert found.lines() == ()
    assert found.lines() == ()
    assert sorted(world.broker.asked) == ["deposit", "holdings", "open_orders"]


def test_an_intent_that_was_only_planned_was_never_sent(world: World) -> None:
    order = planned(world)
    world.broker.stand(fakes.ticket())  # somebody else's, just the same
    before = world.clock.now()
    found = reconcile(world.restart())
    assert [o.order_id for o in found.resolved] == [order.order_id]
    assert (now(world, order).state, now(world, order).code) == (OrderState.NOT_PLACED, "NOT_SENT")
    assert 3 <= (world.clock.now() - before).total_seconds() < 5, "its process may be alive"
    assert len(found.external) == 1
    world.clock.advance(1)
    planned(world, Side.BUY, created_at=world.clock.now() - timedelta(seconds=4))
    before = world.clock.now()
    assert len(reconcile(world.restart()).resolved) == 1
    assert world.clock.now() == before, "there is nothing to wait for"


@pytest.mark.parametrize("side", list(Side))
def test_without_patience_an_order_being_sent_by_another_process_is_left(
    world: World, side: Side
) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    reconcile(world.ctx)
    world.notifier.told.clear()
    begun = [planned(world, side), sending(world, Side.SELL if side is Side.BUY else Side.BUY)]
    before = world.clock.now()
    found = reconcile(world.restart(), patience=0.0)
    assert world.clock.now() == before
    assert sorted(o.order_id for o in found.unknown) == sorted(o.order_id for o in begun)
    assert all(line.startswith("not answered yet") for line in found.lines())
    assert [now(world, order) for order in begun] == begun
    assert (world.journal.locks(), world.notifier.told) == ((), [])
    world.clock.advance(13)
    assert reconcile(world.restart(), patience=0.0).resolved, "and settles it when it is old"


@pytest.mark.parametrize("verb", ["amend", "cancel"])
def test_without_patience_a_change_being_sent_is_left(world: World, verb: str) -> None:
    order = standing(world)
    kind = OrderEventKind.AMENDING if verb == "amend" else OrderEventKind.CANCELLING
    wish = event(world.ctx, order.order_id, kind, key="1", ord_no=order.ord_no, price=69_900)
    changing = world.journal.record(wish)
    world.broker.listed_after = 0.0
    reconcile(world.restart(), patience=0.0)
    assert now(world, order) == changing
    world.clock.advance(13)
    reconcile(world.restart(), patience=0.0)
    assert now(world, order).state is OrderState.ACKED


@pytest.mark.parametrize("late", [0.0, 0.5, 2.0, 10.0])
@pytest.mark.parametrize("side", list(Side))
def test_an_open_order_is_adopted_however_late_it_is_listed(
    world: World, side: Side, late: float
) -> None:
    world.broker.hold(SAMSUNG, 10 if side is Side.SELL else 1, 70_000)
    reconcile(world.ctx)
    world.configure(limits=replace(world.config.limits, per_stock=2_000_000))
    order = sending(world, side)
    world.broker.listed_after = late
    number = world.broker.stand(fakes.ticket(side))
    found = reconcile(world.restart())
    after = now(world, order)
    assert after.state is OrderState.ACKED
    assert after.ord_nos == (f"{number:07d}",)
    assert [o.order_id for o in found.resolved] == [order.order_id]
    assert found.unknown == ()
    assert world.broker.sent == []


def test_an_order_that_filled_unseen_is_adopted_with_its_fills(world: World) -> None:
    order = sending(world)
    number = world.broker.stand(fakes.ticket())
    world.broker.fill(number, 4, 70_000)
    world.broker.fill(number, 6, 69_900)
    found = reconcile(world.restart())
    after = now(world, order)
    assert (after.state, after.filled_quantity) == (OrderState.FILLED, 10)
    assert after.filled_value == 4 * 70_000 + 6 * 69_900
    (position,) = found.positions
    assert (position.quantity, position.source) == (10, "kt")
    assert position.stop_price and position.target_price
    assert found.caught_up == 2
    assert found.differences == ()


def test_a_buy_that_is_not_found_stays_unknown_and_locked_for_good(world: World) -> None:
    order = sending(world)
    before = world.clock.now()
    found = reconcile(world.restart())
    waited = (world.clock.now() - before).total_seconds()
    assert 12 <= waited < 15
    assert [o.order_id for o in found.unknown] == [order.order_id]
    assert now(world, order).state is OrderState.UNKNOWN
    assert [lock.stock_code for lock in world.journal.locks()] == [SAMSUNG]
    told = len(world.notifier.told)
    assert told == 1

    before = world.clock.now()
    again = reconcile(world.restart())
    assert [o.order_id for o in again.unknown] == [order.order_id]
    assert (world.clock.now() - before).total_seconds() < 2, "the wait is over"
    assert len(world.notifier.told) == told, "the owner was told once"
    assert world.broker.sent == []


def test_a_buy_listed_much_later_is_adopted_and_its_lock_released(world: World) -> None:
    order = sending(world)
    world.broker.listed_after = 30.0
    number = world.broker.stand(fakes.ticket())
    assert reconcile(world.restart()).unknown
    world.clock.advance(60)
    found = reconcile(world.ctx)
    assert found.unknown == ()
    assert now(world, order).ord_no == f"{number:07d}"
    assert world.journal.locks() == ()


def test_a_sell_that_is_not_found_may_be_retried_once(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    order = sending(world, Side.SELL)
    found = reconcile(world.restart())
    after = now(world, order)
    assert (after.state, after.code) == (OrderState.NOT_PLACED, "NOT_FOUND")
    assert found.unknown == ()
    assert world.journal.locks() == ()
    assert "may be tried once more" in world.notifier.told[-1][2]
    again = check.check_order(world.ctx, fakes.intent(Side.SELL))
    assert place.place(world.ctx, again).state is OrderState.ACKED


def test_a_sell_that_was_lost_twice_is_left_to_a_person(world: World) -> None:
    """kt does not try a third time, whatever wants it to; a person may."""
    world.broker.hold(SAMSUNG, 10, 70_000)
    reconcile(world.ctx)
    for _ in range(2):
        assert len(exits.exits_at(world.ctx, {SAMSUNG: 60_000})) == 1
        sending(world, Side.SELL)
        reconcile(world.restart())
    level, title, text = world.notifier.told[-1]
    assert (level, title) == ("critical", f"a sell was lost: {SAMSUNG} x10")
    assert "kt tries no third time: look there" in text
    for price in (60_000, 80_000):
        assert exits.exits_at(world.ctx, {SAMSUNG: price}) == ()
    ticket = fakes.ticket(Side.SELL)
    for origin, may in ((Origin.CYCLE, False), (Origin.PIPE, False), (Origin.MANUAL, True)):
        checked = check.check_order(world.ctx, fakes.wanted(ticket, origin))
        denied = {result.code: result.detail for result in checked.denials}
        assert (denied.get("DUPLICATE") is None) is may, denied


def test_a_sell_given_up_that_is_listed_after_all_is_adopted(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    order = sending(world, Side.SELL)
    world.broker.listed_after = 20.0
    world.broker.stand(fakes.ticket(Side.SELL))
    reconcile(world.restart())
    assert now(world, order).state is OrderState.NOT_PLACED
    world.clock.advance(30)
    found = reconcile(world.ctx)
    assert now(world, order).state is OrderState.ACKED
    assert [o.order_id for o in found.resolved] == [order.order_id]


def test_with_two_matching_orders_a_person_decides(world: World) -> None:
    order = sending(world)
    numbers = [world.broker.stand(fakes.ticket()) for _ in range(2)]
    found = reconcile(world.restart())
    assert [o.order_id for o in found.unknown] == [order.order_id]
    assert "several orders" in world.notifier.told[0][2]
    assert f"{numbers[1]:07d}" in world.notifier.told[0][2]
    assert found.external == (), "one of them may be ours"

    after = resolve(world.ctx, order.order_id, placed=f"{numbers[1]:07d}")
    assert (after.state, after.ord_no) == (OrderState.ACKED, f"{numbers[1]:07d}")
    assert world.journal.locks() == ()
    assert [o.ord_no for o in reconcile(world.ctx).external] == [f"{numbers[0]:07d}"]


@pytest.mark.parametrize(
    "other",
    [
        {"quantity": 11},
        {"price": 69_900},
        {"code": HYNIX},
        {"side": Side.SELL},
        {"order_type": OrderType.MARKET},
    ],
    ids=str,
)
def test_an_order_that_is_not_the_same_is_not_adopted(
    world: World, other: dict[str, object]
) -> None:
    order = sending(world)
    world.broker.stand(fakes.ticket(**other))  # type: ignore[arg-type]
    reconcile(world.restart())
    assert now(world, order).state is OrderState.UNKNOWN


def test_orders_from_before_the_noted_number_and_known_ones_are_not_adopted(world: World) -> None:
    world.broker.stand(fakes.ticket())  # was there before
    order = sending(world)
    reconcile(world.restart())
    assert now(world, order).state is OrderState.UNKNOWN


def test_an_unknown_outcome_is_resolved_by_the_next_startup(world: World) -> None:
    world.broker.outcomes = [fakes.unknown()]
    checked = check.check_order(world.ctx, fakes.intent())
    order = place.place(world.ctx, checked)
    assert order.state is OrderState.UNKNOWN
    reconcile(world.restart())
    assert now(world, order).state is OrderState.ACKED
    assert world.journal.locks() == ()


def test_a_person_may_say_it_was_never_placed(world: World) -> None:
    order = sending(world)
    reconcile(world.restart())
    after = resolve(world.ctx, order.order_id, not_placed=True)
    assert after.state is OrderState.NOT_PLACED
    assert world.journal.locks() == ()
    for wrong in (
        lambda: resolve(world.ctx, order.order_id, not_placed=True),
        lambda: resolve(world.ctx, "nothing", not_placed=True),
        lambda: resolve(world.ctx, order.order_id),
    ):
        with pytest.raises(UsageError):
            wrong()


def test_a_person_may_not_give_an_order_anothers_number(world: World) -> None:
    other = standing(world, 1)
    world.configure(limits=replace(world.config.limits, per_stock=2_000_000))
    order = sending(world)
    for wrong in (other.ord_no, "0000000", "12a"):
        with pytest.raises(UsageError):
            resolve(world.ctx, order.order_id, placed=wrong)
    assert now(world, order).state is OrderState.SENDING


def test_an_unreachable_broker_fails_the_startup(world: World) -> None:
    sending(world)
    world.broker.failing["day_orders"] = Unreachable("gone")
    with pytest.raises(Unreachable):
        reconcile(world.restart())


# amends and cancels


def standing(world: World, quantity: int = 10) -> Order:
    checked = check.check_order(world.ctx, fakes.intent(quantity=quantity))
    return place.place(world.ctx, checked)


@pytest.mark.parametrize("late", [0.0, 2.0, 10.0])
@pytest.mark.parametrize("verb", ["amend", "cancel"])
def test_a_change_that_happened_is_found(world: World, verb: str, late: float) -> None:
    order = standing(world)
    world.broker.outcomes = [fakes.unknown()]
    world.broker.listed_after = late
    if verb == "amend":
        place.amend(world.ctx, order, price=69_900)
    else:
        place.cancel(world.ctx, order)
    found = reconcile(world.restart())
    after = now(world, order)
    if verb == "amend":
        assert (after.state, after.price, len(after.ord_nos)) == (OrderState.ACKED, 69_900, 2)
    else:
        assert (after.state, after.cancelled_quantity) == (OrderState.CANCELLED, 10)
    assert found.lines() != () or late == 0.0


@pytest.mark.parametrize("verb", ["amend", "cancel"])
def test_a_change_that_did_not_happen_leaves_the_order_as_it_was(world: World, verb: str) -> None:
    order = standing(world)
    world.broker.outcomes = [fakes.unknown()]
    world.broker.taken = False
    if verb == "amend":
        place.amend(world.ctx, order, price=69_900)
    else:
        place.cancel(world.ctx, order)
    before = world.clock.now()
    reconcile(world.restart())
    after = now(world, order)
    assert (after.state, after.price, after.open_quantity) == (OrderState.ACKED, 70_000, 10)
    assert (world.clock.now() - before).total_seconds() >= 12


@pytest.mark.parametrize("cancelled", [0, 4, 10], ids=["amend", "partial cancel", "cancel"])
def test_a_change_given_up_that_is_listed_after_all_is_found(world: World, cancelled: int) -> None:
    order = standing(world)
    world.broker.outcomes = [fakes.unknown()]
    world.broker.listed_after = 20.0
    if cancelled:
        place.cancel(world.ctx, order, quantity=cancelled % 10)
    else:
        place.amend(world.ctx, order, price=69_900)
    reconcile(world.restart())
    assert (now(world, order).price, now(world, order).open_quantity) == (70_000, 10)
    world.clock.advance(20)
    reconcile(world.ctx)
    after = now(world, order)
    assert after.cancelled_quantity == cancelled
    assert after.price == (70_000 if cancelled else 69_900)
    assert after.state is (OrderState.CANCELLED if cancelled == 10 else OrderState.ACKED)


def test_a_fill_that_beat_the_cancel_ends_filled(world: World) -> None:
    order = standing(world)
    world.broker.fill(order.ord_no, 10, 70_000)
    world.broker.outcomes = [fakes.unknown()]
    world.broker.taken = False
    place.cancel(world.ctx, order)
    reconcile(world.restart())
    assert now(world, order).state is OrderState.FILLED


# books


def test_missed_fills_are_booked(world: World) -> None:
    order = standing(world)
    world.broker.fill(order.ord_no, 3, 70_000)
    found = reconcile(world.restart())
    assert (now(world, order).state, found.caught_up) == (OrderState.PARTIAL, 1)
    assert [p.quantity for p in found.positions] == [3]


def test_an_external_cancel_of_kts_order_is_recorded(world: World) -> None:
    from kt.records import CancelTicket

    order = standing(world)
    world.broker.cancel(CancelTicket(ord_no=order.ord_no, stock_code=SAMSUNG))
    reconcile(world.restart())
    assert now(world, order).state is OrderState.CANCELLED


def test_external_shares_are_booked_once(world: World) -> None:
    world.broker.hold(SAMSUNG, 7, 65_000)
    found = reconcile(world.ctx)
    (difference,) = found.differences
    assert (difference.ours, difference.brokers) == ("0 shares", "7 shares")
    (position,) = found.positions
    assert (position.quantity, position.average_price, position.source) == (7, 65_000, "external")
    assert reconcile(world.restart()).lines() == ()
    orders = world.journal.orders()
    assert [(o.origin, o.state, o.quantity) for o in orders] == [
        (Origin.EXTERNAL, OrderState.FILLED, 7)
    ]


def test_shares_that_were_sold_externally_are_booked_out(world: World) -> None:
    order = standing(world)
    notice = world.broker.fill(order.ord_no, 10, 70_000)
    order_tracking.on_notice(world.ctx, notice)
    world.broker.hold(SAMSUNG, -4, 71_000)
    for quantity in (10, 6):  # nothing but the list says so: it is believed when it lasts
        (difference,) = reconcile(world.ctx).differences
        assert (difference.ours, difference.brokers) == ("10 shares", "6 shares")
        assert [p.quantity for p in world.journal.positions()] == [quantity]
        world.clock.advance(position_reconciliation.CONFIRMED_AFTER)
    assert sum(trade.profit for trade in world.journal.trades()) == pytest.approx(0, abs=10)
    world.broker.hold(SAMSUNG, -6, 71_000)
    reconcile(world.ctx)
    world.clock.advance(position_reconciliation.CONFIRMED_AFTER)
    reconcile(world.ctx)
    assert world.journal.positions() == ()


def test_the_stop_of_shares_found_starts_at_the_price_they_were_found_at(world: World) -> None:
    world.broker.hold(SAMSUNG, 7, 100_000)
    held = world.broker.held[SAMSUNG]
    world.broker.held[SAMSUNG] = replace(held, price=70_000, value=490_000)
    reconcile(world.ctx)
    (position,) = world.journal.positions()
    assert position.average_price == 100_000
    assert position.stop_price == 66_500, "5 % under the price now, not under the old cost"


def test_with_an_open_order_a_difference_is_not_booked(world: World) -> None:
    standing(world)
    world.broker.hold(SAMSUNG, 10, 70_000)  # filled, but listed nowhere yet
    assert reconcile(world.ctx).differences == ()


def test_a_difference_that_disappears_is_not_booked(world: World) -> None:
    order = standing(world)
    world.broker.listed_after = 2.0
    world.broker.fill(order.ord_no, 10, 70_000)
    order_tracking.on_notice(world.ctx, _late_frame(world, order))
    found = reconcile(world.ctx)
    assert found.differences == ()
    assert [p.quantity for p in found.positions] == [10]


def _late_frame(world: World, order: Order) -> OrderNotice:
    fill = world.broker.fills[-1]
    return OrderNotice(
        ord_no=order.ord_no,
        original_ord_no="",
        stock_code=SAMSUNG,
        stock_name="삼성전자",
        status="FILL",
        side=Side.BUY,
        quantity=10,
        price=70_000,
        open_quantity=0,
        at=fill.at,
        fill_quantity=10,
        fill_price=70_000,
    )


def test_orders_of_yesterday_expire(world: World) -> None:
    order = standing(world)
    world.broker.rows.clear()
    world.clock.advance(timedelta(days=1).total_seconds())
    found = reconcile(world.restart())
    assert [o.order_id for o in found.expired] == [order.order_id]
    assert now(world, order).state is OrderState.EXPIRED


def test_an_unknown_order_of_yesterday_is_left_to_a_person_without_waiting(world: World) -> None:
    order = sending(world)
    world.clock.advance(timedelta(days=1).total_seconds())
    before = world.clock.now()
    found = reconcile(world.restart())
    assert [o.order_id for o in found.unknown] == [order.order_id]
    assert world.clock.now() == before


# what is not ours


def test_external_orders_are_counted_and_never_touched(world: World) -> None:
    number = world.broker.stand(fakes.ticket(code=HYNIX, price=180_000, quantity=5))
    found = reconcile(world.ctx)
    assert [o.ord_no for o in found.external] == [f"{number:07d}"]
    assert world.broker.sent == []
    checked = check.check_order(world.ctx, fakes.intent(code=HYNIX, price=180_000, quantity=1))
    (per_stock,) = [r for r in checked.results if r.code == "PER_STOCK_LIMIT"]
    assert per_stock.detail.startswith("900,000 + 180,000 = 1,080,000 > ")


def test_external_orders_halt_when_the_configuration_says_so(world: World) -> None:
    ctx = world.configure(orders=Orders(external="halt"))
    world.broker.stand(fakes.ticket(code=HYNIX, price=180_000, quantity=5))
    reconcile(ctx)
    stop = world.journal.stop()
    assert stop.mode is StopMode.HALT
    assert HYNIX in stop.reason


def test_a_sell_listed_after_it_was_given_up_is_not_an_external_trade(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    reconcile(world.ctx)
    theirs = len(world.journal.orders())
    order = sending(world, Side.SELL)
    world.broker.listed_after = 30.0
    number = world.broker.stand(fakes.ticket(Side.SELL))
    world.broker.fill(number, 10, 70_000)
    found = reconcile(world.restart())
    assert now(world, order).code == "NOT_FOUND"
    assert found.differences == (), "what differs may be this order's"
    world.clock.advance(60)
    found = reconcile(world.restart())
    assert (now(world, order).state, found.differences) == (OrderState.FILLED, ())
    assert world.journal.positions() == ()
    assert len(world.journal.orders()) == theirs + 1
    assert sum(trade.quantity for trade in world.journal.trades()) == 10


def test_a_lost_sell_explains_a_difference_for_five_minutes_only(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    reconcile(world.ctx)
    sending(world, Side.SELL)
    reconcile(world.restart())
    world.broker.hold(SAMSUNG, 4, 70_000)
    assert reconcile(world.restart()).differences == ()
    world.clock.advance(301)
    (difference,) = reconcile(world.restart()).differences
    assert (difference.ours, difference.brokers) == ("10 shares", "14 shares")


def test_a_lost_sell_takes_no_number_while_another_sell_of_the_stock_is_on_its_way(
    world: World,
) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    reconcile(world.ctx)
    lost = sending(world, Side.SELL)
    reconcile(world.restart())
    assert now(world, lost).code == "NOT_FOUND"
    second = sending(world, Side.SELL)
    number = f"{world.broker.stand(fakes.ticket(Side.SELL)):07d}"
    order_recovery._listed_late(world.ctx)
    assert now(world, lost).ord_nos == (), "the listed one may be the second"
    reconcile(world.restart())
    assert (now(world, lost).ord_nos, now(world, second).ord_nos) == ((), (number,))

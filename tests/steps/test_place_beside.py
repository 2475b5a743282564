"""Orders that several runs, and exits beside them, place at once."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kt.config.model import Limits
from kt.errors import Denied
from kt.records import (
    Check,
    Order,
    OrderEventKind,
    OrderState,
    Origin,
    Side,
)
from kt.steps.context import Context
from kt.steps.order_events import event
from kt.steps.orders import place
from kt.steps.risk import account_exposure, account_snapshot, check
from tests import fakes
from tests.fakes import HYNIX, SAMSUNG, World
from tests.store import make


def other_run(world: World, side: Side = Side.BUY) -> None:
    """Another process orders another stock."""
    other = world.context(run="OTHER")
    checked = check.check_order(other, fakes.intent(side, code=HYNIX, price=180_000, quantity=1))
    assert checked.passed
    place.place(other, checked)


def test_a_buy_by_another_run_since_the_check_is_stale_input(world: World) -> None:
    checked = check.check_order(world.ctx, fakes.intent())
    other_run(world)
    sent = len(world.broker.sent)
    with pytest.raises(Denied) as denied:
        place.place(world.ctx, checked)
    assert denied.value.code == "STALE_INPUT"
    assert len(world.broker.sent) == sent
    assert [order.stock_code for order in world.journal.orders()] == [HYNIX]


def test_orders_of_the_same_run_and_sells_of_others_do_not_make_a_check_stale(world: World) -> None:
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


def stop_loss(world: World, quantity: int) -> Order:
    wanted = fakes.intent(Side.SELL, quantity=quantity, origin=Origin.STOP_LOSS)
    return place.place(world.ctx, check.check_exit(world.ctx, wanted, quantity))


def test_shares_that_an_exit_sold_since_the_check_are_not_offered_again(world: World) -> None:
    """With other shares of the stock in the account, the broker would sell those."""
    world.broker.hold(SAMSUNG, 20, 70_000)
    world.journal.put_position(make.position(quantity=10))
    checked = check.check_order(world.ctx, fakes.intent(Side.SELL, quantity=10))
    assert checked.passed
    assert stop_loss(world, 10).ord_no
    sent = len(world.broker.sent)
    with pytest.raises(Denied, match="an exit has sold 005930") as denied:
        place.place(world.ctx, checked)
    assert denied.value.code == "STALE_INPUT"
    assert len(world.broker.sent) == sent


def test_shares_that_an_exit_sold_beside_the_snapshot_are_not_sellable(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    before = account_snapshot.snapshot(world.ctx, [SAMSUNG])
    assert stop_loss(world, 7).ord_no
    found = account_exposure.exposure_of(world.ctx, before)
    assert found.holding(SAMSUNG) == (10, 3)


def test_shares_of_an_exit_that_waited_to_be_sent_are_not_sellable(world: World) -> None:
    """It was made before the holdings were asked for, and taken by the broker after it."""
    world.broker.hold(SAMSUNG, 10, 70_000)
    asked: list[account_snapshot.AccountSnapshot] = []

    def ask() -> None:
        world.clock.advance(5)
        asked.append(account_snapshot.snapshot(world.ctx, [SAMSUNG]))

    world.broker.on_sent = ask
    assert stop_loss(world, 7).ord_no
    assert account_exposure.exposure_of(world.ctx, asked[0]).holding(SAMSUNG) == (10, 3)


def test_shares_of_an_exit_that_the_holdings_show_are_subtracted_once(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    assert stop_loss(world, 7).ord_no
    world.clock.advance(account_exposure.LISTING_DELAY + 1)
    found = account_exposure.exposure_of(world.ctx, account_snapshot.snapshot(world.ctx, [SAMSUNG]))
    assert found.holding(SAMSUNG) == (10, 3)


def test_an_exit_that_waited_for_the_journal_makes_an_earlier_check_stale(world: World) -> None:
    """It is older than the check, which could not see it."""
    world.broker.hold(SAMSUNG, 10, 70_000)
    made = world.clock.now()
    world.clock.advance(5)
    checked = check.check_order(world.ctx, fakes.intent(Side.SELL, quantity=10))
    exit_ = make.order(
        "EXIT", side=Side.SELL, origin=Origin.STOP_LOSS, created_at=made, updated_at=made
    )
    world.journal.plan_order(exit_, event(world.ctx, "EXIT", OrderEventKind.PLANNED))
    with pytest.raises(Denied, match="an exit has sold 005930") as denied:
        place.place(world.ctx, checked)
    assert denied.value.code == "STALE_INPUT"
    assert world.broker.sent == []


def test_a_limit_holds_for_all_runs_together(world: World) -> None:
    """One share of each would fit alone; the second is checked again and then denied."""
    world.configure(limits=replace(Limits(), per_stock=200_000, total=200_000))
    checked = check.check_order(world.ctx, fakes.intent(quantity=1))
    assert checked.passed
    other_run(world)
    order, newer = place.place_checked(world.ctx, checked)
    assert (order.state, order.code) == (OrderState.DENIED, "TOTAL_LIMIT")
    assert newer is not checked


def test_after_five_stale_checks_placing_gives_up(
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
        place.place_checked(world.ctx, checked)
    assert len(asked) == place.CHECKS


def test_a_check_without_a_count_of_buys_is_never_stale(world: World) -> None:
    checked = replace(check.check_order(world.ctx, fakes.intent()), buys_seen=-1)
    other_run(world)
    assert place.place(world.ctx, checked).ord_no

"""What an exit does with the open sells of its stock: cancelled, left alone, or sold beside."""

from __future__ import annotations

import pytest

from kt.config.model import Exits
from kt.records import (
    STOP_EXITS,
    CancelTicket,
    OrderState,
    OrderTicket,
    OrderType,
    Origin,
    Outcome,
    Side,
)
from kt.steps.orders import exits, place
from kt.steps.reconcile.startup import reconcile
from kt.steps.results import Exit
from kt.steps.risk import check
from tests import fakes
from tests.fakes import HYNIX, SAMSUNG, World
from tests.steps.trading import (
    bought,
    filled_meanwhile,
    forget,
    leave,
    market_sell,
    noted,
    now,
    position,
    resting,
    titles,
)


@pytest.mark.parametrize("origin", [Origin.MANUAL, Origin.CYCLE, Origin.TAKE_PROFIT])
def test_a_stop_cancels_a_resting_limit_sell(world: World, origin: Origin) -> None:
    bought(world)
    before = resting(world, origin=origin)
    left = leave(world, 66_000)
    assert left.order is not None
    cancel = CancelTicket(ord_no=before.ord_no, stock_code=SAMSUNG)
    assert world.broker.sent == [cancel, market_sell(10)]
    assert world.broker.asked == []
    (back,) = left.taken_back
    assert (back.order_id, back.state) == (before.order_id, OrderState.CANCELLED)
    assert left.order.state is OrderState.ACKED
    ((level, title, text),) = world.notifier.told
    assert (level, title) == ("warning", f"taken back for the stop: SELL {SAMSUNG} 삼성전자")
    assert text == (
        f"10 at 71,000 (order {before.ord_no}, {origin}): 66,000 <= stop 66,500 (average 70,000)"
    )


@pytest.mark.parametrize("stop", sorted(STOP_EXITS - {Origin.CLOSE}))
def test_every_kind_of_stop_cancels_a_resting_sell(world: World, stop: Origin) -> None:
    world.configure(
        exits=Exits(
            max_holding_minutes=60 if stop is Origin.TIME_STOP else 0,
            trailing_stop_pct=3 if stop is Origin.TRAILING_STOP else 0,
        )
    )
    bought(world)
    resting(world)
    world.clock.advance(3600)
    left = leave(world, 70_000 if stop is Origin.TIME_STOP else 66_000)
    assert (left.due.origin, len(left.taken_back)) == (stop, 1)
    assert world.broker.sent[-1] == market_sell(10)


def test_the_sell_before_the_close_cancels_a_resting_sell(world: World) -> None:
    bought(world)
    before = resting(world)
    due = Exit(position(world), Origin.CLOSE, 70_000, "sold before the close")
    left = exits.leave(world.ctx, due)
    assert [order.order_id for order in left.taken_back] == [before.order_id]
    assert left.order is not None
    assert (left.order.origin, left.order.reason) == (Origin.CLOSE, "sold before the close")
    assert world.broker.sent[-1] == market_sell(10)


def test_shares_that_filled_before_the_cancel_are_not_sold_again(world: World) -> None:
    """4 of the first were sold, and nobody has told kt yet: the broker's answer does."""
    bought(world)
    first, second = resting(world, 7), resting(world, 3, 71_400)
    world.broker.fill(first.ord_no, 4, 71_000)
    left = leave(world, 66_000)
    assert [order.order_id for order in left.taken_back] == [second.order_id, first.order_id]
    assert world.broker.sent[2:] == [market_sell(6)]
    assert len(world.notifier.told) == 2


@pytest.mark.parametrize("outcome", [fakes.rejected("RC4033"), fakes.unknown()])
@pytest.mark.parametrize("bound", [4, 10])
def test_shares_of_a_sell_that_cannot_be_cancelled_stay_reserved(
    world: World, outcome: Outcome, bound: int
) -> None:
    bought(world)
    before = resting(world, bound)
    world.broker.outcomes = [outcome]
    world.broker.taken = False
    left = leave(world, 66_000)
    rest = [market_sell(6)] if bound == 4 else []
    assert world.broker.sent[1:] == rest
    assert (left.order is None) is (bound == 10)
    assert left.again_in == (exits.FIRST_WAIT if bound == 10 else 0.0)
    assert left.taken_back == ()
    assert not any("taken back" in title for title in titles(world))
    assert now(world, before).open_quantity == bound


def test_a_resting_sell_that_just_ended_does_not_hold_the_stop_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought(world)
    order = resting(world, 4)
    filled_meanwhile(world, order, monkeypatch)
    left = leave(world, 66_000)
    assert left.taken_back == ()
    assert world.broker.sent == [market_sell(6)]
    assert [where for where, _ in noted(world)] == [f"exit.{SAMSUNG}.cancel"]


def test_a_take_profit_leaves_a_resting_sell_alone(world: World) -> None:
    bought(world)
    before = resting(world, 4, 71_400)
    assert exits.exits_at(world.ctx, {SAMSUNG: 77_000}) == ()
    due = exits.due_at(world.ctx, position(world), 77_000)
    assert due is not None and exits.held_back(world.ctx, due)
    left = exits.leave(world.ctx, due)
    assert left.taken_back == ()
    assert now(world, before) == before
    assert [type(sent) for sent in world.broker.sent] == [OrderTicket]
    assert left.order is not None and left.order.quantity == 6


def test_an_open_market_sell_is_not_cancelled_for_a_stop(world: World) -> None:
    bought(world)
    resting(world, 10, 0, Origin.MANUAL, OrderType.MARKET)
    due = exits.due_at(world.ctx, position(world), 66_000)
    assert due is not None and exits.held_back(world.ctx, due)
    left = exits.leave(world.ctx, due)
    assert (left.order, left.again_in, left.taken_back) == (None, exits.FIRST_WAIT, ())
    assert world.broker.sent == []


def test_a_stop_sells_the_shares_that_an_open_market_sell_leaves(world: World) -> None:
    bought(world)
    resting(world, 4, 0, Origin.MANUAL, OrderType.MARKET)
    resting(world, 3, 71_000)
    left = leave(world, 66_000)
    assert len(left.taken_back) == 1
    assert world.broker.sent[1:] == [market_sell(6)]


def test_an_external_sell_is_not_cancelled(world: World) -> None:
    """Its shares are the broker's to refuse: see the refusals."""
    bought(world)
    number = world.broker.stand(fakes.ticket(Side.SELL, quantity=10, price=72_000))
    reconcile(world.ctx)
    forget(world)
    leave(world, 66_000)
    assert world.broker.sent == [market_sell(10)]
    assert world.broker.rows[number].open_quantity == 10


def test_a_cancel_that_fails_does_not_prevent_the_next_one(world: World) -> None:
    """The newest is at market, the next is refused, the third ended, the oldest comes back."""
    bought(world)
    oldest, ended, refused = resting(world, 1), resting(world, 1), resting(world, 1)
    resting(world, 1, 0, Origin.MANUAL, OrderType.MARKET)
    world.broker.fill(ended.ord_no, 1, 71_000)
    world.broker.outcomes = [fakes.rejected("RC4061")]
    left = leave(world, 66_000)
    assert [order.order_id for order in left.taken_back] == [oldest.order_id]
    cancels = [sent.ord_no for sent in world.broker.sent if isinstance(sent, CancelTicket)]
    assert cancels == [refused.ord_no, ended.ord_no, oldest.ord_no]
    assert left.order is None or left.order.quantity == 7


def test_an_open_buy_reserves_no_shares_and_stays_open(world: World) -> None:
    bought(world, 5)
    buying = place.place(world.ctx, check.check_order(world.ctx, fakes.intent(quantity=5)))
    forget(world)
    left = leave(world, 66_000)
    assert world.broker.sent == [market_sell(5)]
    assert left.taken_back == ()
    assert now(world, buying) == buying


def test_sells_of_another_stock_do_not_matter(world: World) -> None:
    """Resting, unknown, lost and refused ones of Hynix keep nobody from leaving Samsung."""
    bought(world)
    bought(world, 5, code=HYNIX)
    world.broker.taken = False
    for outcome in (fakes.rejected("571476"), fakes.unknown(), fakes.unknown()):
        world.broker.outcomes = [outcome]
        leave(world, 170_000, HYNIX)
        reconcile(world.ctx)
    assert exits.exits_at(world.ctx, {HYNIX: 170_000}) == (), "lost twice"
    wanted = fakes.intent(Side.SELL, code=HYNIX, price=181_000, quantity=1)
    world.broker.hold(HYNIX, 1, 180_000)
    limit = place.place(world.ctx, check.check_order(world.ctx, wanted))
    forget(world)
    world.broker.outcomes = [fakes.rejected("571476")]
    left = leave(world, 66_000)
    assert world.broker.sent == [market_sell(10)]
    assert (left.taken_back, left.again_in) == ((), exits.FIRST_WAIT)
    assert exits.wait_left(world.ctx, SAMSUNG) == exits.FIRST_WAIT
    assert titles(world) == [f"stop-loss of {SAMSUNG} 삼성전자 did not leave"]
    assert now(world, limit) == limit

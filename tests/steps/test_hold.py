"""Exits are due when they are, sold once, and orders that stay open are dealt with."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kt.config.model import Exits, Orders
from kt.errors import Denied, Unreachable
from kt.records import (
    Book,
    Level,
    Order,
    OrderState,
    OrderTicket,
    OrderType,
    Origin,
    Side,
    Tick,
)
from kt.steps import check, exits, follow, place, stops, unfilled
from kt.steps.reconcile import reconcile
from tests import fakes
from tests.fakes import SAMSUNG, World


def bought(world: World, quantity: int = 10, price: int = 70_000) -> Order:
    ticket = fakes.ticket(quantity=quantity, price=price)
    order = place.place(world.ctx, check.check_order(world.ctx, fakes.wanted(ticket)))
    follow.on_notice(world.ctx, world.broker.fill(order.ord_no, quantity, price))
    world.broker.sent.clear()
    return order


def tick(world: World, price: int, code: str = SAMSUNG) -> Tick:
    return Tick(
        stock_code=code,
        price=price,
        quantity=1,
        side=Side.SELL,
        volume=1,
        change_pct=0.0,
        at=world.clock.now(),
    )


@pytest.mark.parametrize(
    ("price", "origin"),
    [
        (66_600, None),
        (66_500, Origin.STOP_LOSS),
        (60_000, Origin.STOP_LOSS),
        (76_900, None),
        (77_000, Origin.TAKE_PROFIT),
    ],
)
def test_an_exit_is_due_at_its_price_and_beyond(
    world: World, price: int, origin: Origin | None
) -> None:
    bought(world)
    due = exits.exits_due(world.ctx, tick(world, price))
    assert [one.origin for one in due] == ([origin] if origin else [])
    assert exits.exits_due(world.ctx, tick(world, price, "000660")) == ()


def test_an_exit_sells_at_market_what_is_sellable(world: World) -> None:
    bought(world)
    (due,) = exits.exits_due(world.ctx, tick(world, 66_000))
    order = exits.leave(world.ctx, due)
    assert order is not None
    assert world.broker.sent == [
        OrderTicket(
            side=Side.SELL,
            stock_code=SAMSUNG,
            quantity=10,
            order_type=OrderType.MARKET,
            price=0,
        )
    ]
    assert order.origin is Origin.STOP_LOSS
    assert order.reason == "66,000 <= stop 66,500 (average 70,000)"


def test_a_second_exit_is_not_due_while_one_is_open(world: World) -> None:
    bought(world)
    (due,) = exits.exits_due(world.ctx, tick(world, 66_000))
    order = exits.leave(world.ctx, due)
    assert order is not None
    assert exits.exits_due(world.ctx, tick(world, 65_000)) == ()
    follow.on_notice(world.ctx, world.broker.fill(order.ord_no, 4, 66_000))
    assert exits.exits_due(world.ctx, tick(world, 65_000)) == ()
    place.cancel(world.ctx, order)
    (again,) = exits.exits_due(world.ctx, tick(world, 65_000))
    assert again.position.quantity == 6


def test_an_unknown_sell_is_tried_once_more_and_no_more(world: World) -> None:
    bought(world)
    for attempt in range(2):
        world.broker.outcomes = [fakes.unknown()]
        world.broker.taken = False
        (due,) = exits.exits_due(world.ctx, tick(world, 66_000))
        order = exits.leave(world.ctx, due)
        assert order is not None and order.state is OrderState.UNKNOWN
        assert exits.exits_due(world.ctx, tick(world, 66_000)) == (), attempt
        reconcile(world.ctx)
    assert exits.exits_due(world.ctx, tick(world, 66_000)) == ()
    assert len(world.broker.sent) == 2


def test_shares_bound_elsewhere_are_not_sold(world: World) -> None:
    bought(world)
    world.broker.stand(fakes.ticket(Side.SELL, quantity=10, price=72_000))  # somebody else's
    (due,) = exits.exits_due(world.ctx, tick(world, 66_000))
    assert exits.leave(world.ctx, due) is None
    assert world.broker.sent == []
    assert "nothing is sellable" in str(world.journal.events(kinds=["error"]))


def test_an_exit_under_halt_is_a_denied_order(world: World) -> None:
    bought(world)
    stops.halt(world.ctx, "by hand")
    (due,) = exits.exits_due(world.ctx, tick(world, 66_000))
    order = exits.leave(world.ctx, due)
    assert order is not None
    assert (order.state, order.code) == (OrderState.DENIED, "HALTED")


def test_exits_follow_the_average_and_the_configuration(world: World) -> None:
    world.configure(exits=Exits(stop_loss_pct=2, take_profit_pct=4))
    bought(world, quantity=4)
    bought(world, quantity=4, price=71_000)
    (position,) = world.journal.positions()
    assert position.average_price == 70_500
    assert (position.stop_price, position.target_price) == (69_100, 73_400)


def test_the_analyst_confirms_a_profit_or_cannot(world: World) -> None:
    world.configure(exits=Exits(ask_before_profit=True))
    bought(world)
    (due,) = exits.exits_due(world.ctx, tick(world, 77_000))
    assert exits.wants_confirmation(world.ctx, due)
    world.analyst.answers = [{SAMSUNG: fakes.sell()}]
    assert exits.confirm_profit(world.ctx, due)
    world.analyst.answers = [{}]
    assert not exits.confirm_profit(world.ctx, due)
    world.analyst.error = "timeout"
    assert exits.confirm_profit(world.ctx, due)
    world.market.failing["quote"] = Unreachable("gone")
    assert exits.confirm_profit(world.ctx, due)
    (stop,) = exits.exits_due(world.ctx, tick(world, 60_000))
    assert not exits.wants_confirmation(world.ctx, stop)


# orders that stay open


def waiting(world: World, origin: Origin = Origin.CYCLE, **orders: object) -> Order:
    world.configure(orders=replace(Orders(), **orders))
    checked = check.check_order(world.ctx, fakes.intent(origin=origin))
    order = place.place(world.ctx, checked)
    world.broker.sent.clear()
    return order


def now(world: World, order: Order) -> Order:
    found = world.journal.order(order.order_id)
    assert found is not None
    return found


def test_an_order_is_left_alone_until_its_time(world: World) -> None:
    waiting(world)
    world.clock.advance(299)
    assert unfilled.unfilled(world.ctx) == ()
    world.clock.advance(1)
    (after,) = unfilled.unfilled(world.ctx)
    assert (after.state, after.price) == (OrderState.ACKED, 70_100)
    assert unfilled.unfilled(world.ctx) == (), "its time begins anew"
    world.clock.advance(300)
    (after,) = unfilled.unfilled(world.ctx)
    assert after.state is OrderState.CANCELLED


def test_a_price_that_a_person_typed_is_left_alone(world: World) -> None:
    order = waiting(world, Origin.MANUAL)
    world.clock.advance(6 * 3600)
    assert unfilled.unfilled(world.ctx) == ()
    assert (now(world, order).price, world.broker.sent) == (70_000, [])


def test_a_partly_filled_order_is_amended_for_its_rest(world: World) -> None:
    order = waiting(world)
    follow.on_notice(world.ctx, world.broker.fill(order.ord_no, 5, 70_000))
    world.clock.advance(300)
    unfilled.unfilled(world.ctx)
    (sent,) = world.broker.sent
    assert (sent.price, sent.quantity) == (70_100, 0)  # type: ignore[union-attr]
    assert now(world, order).filled_quantity == 5


def test_the_configuration_may_say_cancel(world: World) -> None:
    order = waiting(world, unfilled="cancel", unfilled_after=60.0)
    world.clock.advance(60)
    unfilled.unfilled(world.ctx)
    assert now(world, order).state is OrderState.CANCELLED


def test_the_streams_book_is_used_where_there_is_one(world: World) -> None:
    order = waiting(world)
    world.clock.advance(300)
    book = Book(
        stock_code=SAMSUNG,
        asks=(Level(70_300, 5),),
        bids=(Level(70_000, 5),),
        total_ask=5,
        total_bid=5,
    )
    world.market.asked.clear()
    unfilled.unfilled(world.ctx, {SAMSUNG: book})
    assert now(world, order).price == 70_300
    assert f"book.{SAMSUNG}" not in world.market.asked


@pytest.mark.parametrize("why", ["no book", "too far", "already best", "market failing"])
def test_where_no_amend_is_allowed_the_order_is_cancelled(world: World, why: str) -> None:
    order = waiting(world)
    world.clock.advance(300)
    if why == "no book":
        books = {SAMSUNG: Book(stock_code=SAMSUNG, asks=(), bids=(), total_ask=0, total_bid=0)}
    else:
        price = {"too far": 75_000, "already best": 70_000}.get(why, 70_100)
        asks = (Level(price, 5),)
        books = {SAMSUNG: Book(stock_code=SAMSUNG, asks=asks, bids=(), total_ask=5, total_bid=0)}
    if why == "market failing":
        books = {}
        world.market.failing["book"] = Unreachable("HTTP 503")
    unfilled.unfilled(world.ctx, books)
    assert now(world, order).state is OrderState.CANCELLED


def test_a_change_under_way_is_left_to_end(world: World) -> None:
    order = waiting(world)
    world.broker.outcomes = [fakes.unknown()]
    place.cancel(world.ctx, order)
    world.clock.advance(600)
    assert unfilled.unfilled(world.ctx) == ()


def test_single_flight_between_processes_holds_for_exits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought(world)
    (due,) = exits.exits_due(world.ctx, tick(world, 66_000))
    world.broker.outcomes = [fakes.unknown()]
    world.broker.taken = False
    exits.leave(world.ctx, due)
    monkeypatch.setattr(world.journal, "locks", lambda: ())
    with pytest.raises(Denied):
        exits.leave(world.ctx, due)

"""Orders of kt's own that stay open too long are amended or cancelled; others are not changed."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from kt.config.model import Orders
from kt.config.questions import Questions, UnfilledQuestion
from kt.errors import Unreachable
from kt.records import (
    STOP_EXITS,
    AdviceChoice,
    AmendTicket,
    Book,
    Level,
    Order,
    OrderState,
    OrderType,
    Origin,
    Topic,
)
from kt.steps.decide import order_question
from kt.steps.orders import place, unfilled
from kt.steps.reconcile import order_tracking
from kt.steps.risk import check
from tests import fakes
from tests.fakes import SAMSUNG, World
from tests.steps.trading import bought, noted, now, resting
from tests.store.make import advice


def waiting(world: World, origin: Origin = Origin.CYCLE, **orders: object) -> Order:
    world.configure(orders=replace(Orders(), **orders))
    checked = check.check_order(world.ctx, fakes.intent(origin=origin))
    order = place.place(world.ctx, checked)
    world.broker.sent.clear()
    return order


def test_an_order_is_not_changed_before_its_time(world: World) -> None:
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


def test_a_manual_order_is_not_changed(world: World) -> None:
    order = waiting(world, Origin.MANUAL)
    world.clock.advance(6 * 3600)
    assert unfilled.unfilled(world.ctx) == ()
    assert (now(world, order).price, world.broker.sent) == (70_000, [])


def test_a_partly_filled_order_is_amended_for_its_rest(world: World) -> None:
    order = waiting(world)
    order_tracking.on_notice(world.ctx, world.broker.fill(order.ord_no, 5, 70_000))
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


def test_a_given_order_book_is_used_instead_of_a_request(world: World) -> None:
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
def test_an_order_whose_amend_is_denied_is_cancelled(world: World, why: str) -> None:
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


def test_an_order_with_a_pending_change_is_not_changed(world: World) -> None:
    order = waiting(world)
    world.broker.outcomes = [fakes.unknown()]
    place.cancel(world.ctx, order)
    world.clock.advance(600)
    world.broker.sent.clear()
    assert unfilled.unfilled(world.ctx) == ()
    assert (world.broker.sent, noted(world)) == ([], [])


def test_an_unfilled_market_order_is_cancelled(world: World) -> None:
    checked = check.check_order(
        world.ctx,
        fakes.intent(quantity=5, price=0, order_type=OrderType.MARKET, origin=Origin.CYCLE),
    )
    order = place.place(world.ctx, checked)
    assert order.ord_no, order
    world.clock.advance(300)
    (after,) = unfilled.unfilled(world.ctx)
    assert (after.order_id, after.state) == (order.order_id, OrderState.CANCELLED)


def test_with_no_amends_configured_the_order_is_cancelled(world: World) -> None:
    order = waiting(world, max_amends=0)
    world.clock.advance(300)
    unfilled.unfilled(world.ctx)
    assert now(world, order).state is OrderState.CANCELLED


def test_ended_orders_and_those_of_yesterday_are_not_overdue(world: World) -> None:
    order = waiting(world)
    place.cancel(world.ctx, order)
    world.clock.advance(3600)
    assert unfilled.overdue(world.ctx) == ()
    waiting(world)
    world.clock.advance(24 * 3600)
    assert unfilled.overdue(world.ctx) == ()


def test_a_denied_change_is_journaled(world: World) -> None:
    order = waiting(world)
    place.cancel(world.ctx, order)
    assert unfilled.chase(world.ctx, order) is None
    ((where, what),) = noted(world)
    assert (where, "there is nothing to change" in what) == ("unfilled", True)


def test_a_book_that_cannot_be_fetched_is_journaled(world: World) -> None:
    order = waiting(world)
    world.market.failing["book"] = Unreachable("HTTP 503")
    after = unfilled.chase(world.ctx, order)
    assert after is not None and after.state is OrderState.CANCELLED
    assert noted(world) == [("unfilled.price", "HTTP 503")]


@pytest.mark.parametrize("order_type", list(OrderType))
@pytest.mark.parametrize(
    "origin", sorted(STOP_EXITS | {Origin.FLATTEN, Origin.MANUAL, Origin.EXTERNAL})
)
def test_orders_of_stops_of_flatten_and_external_ones_are_not_changed(
    world: World, origin: Origin, order_type: OrderType
) -> None:
    """A stop at market keeps its place in the queue of a stock that nobody buys."""
    bought(world)
    price = 69_000 if order_type is OrderType.LIMIT else 0
    order = resting(world, 10, price, origin, order_type)
    world.clock.advance(5 * 3600)
    assert unfilled.overdue(world.ctx) == ()
    assert unfilled.unfilled(world.ctx) == ()
    assert (world.broker.sent, world.market.asked, noted(world)) == ([], [], [])
    assert now(world, order) == order


def test_a_take_profit_that_stays_open_follows_the_price(world: World) -> None:
    bought(world)
    order = resting(world, 10, 70_500, Origin.TAKE_PROFIT)
    world.clock.advance(300)
    (after,) = unfilled.unfilled(world.ctx)
    assert (after.order_id, after.price) == (order.order_id, 70_000), "the best bid"
    assert [type(sent) for sent in world.broker.sent] == [AmendTicket]


def test_an_answer_stands_until_the_order_is_overdue_once_more(world: World) -> None:
    """An order that could not be changed is not asked about at every look."""
    order = waiting(world)
    world.clock.advance(300)
    first = order_question.unfilled(world.ctx, order)
    world.clock.advance(299)
    assert order_question.unfilled(world.ctx, order) == first
    world.clock.advance(2)
    assert order_question.unfilled(world.ctx, order) != first
    assert len(world.analyst.questions) == 2


def test_an_advised_price_must_pass_the_safety_rules(world: World) -> None:
    order = waiting(world)
    far = advice(choice=AdviceChoice.AMEND, price=75_000)
    after = unfilled.chase(world.ctx, order, None, far)
    assert after is not None and after.state is OrderState.CANCELLED


@pytest.mark.parametrize("silence", ["rule", "cancel"])
def test_without_an_answer_the_configured_one_holds(world: World, silence: Any) -> None:
    world.configure(questions=Questions(unfilled=UnfilledQuestion(silence=silence)))
    order = waiting(world)
    world.analyst.error = "timeout: no answer within 20 s"
    world.clock.advance(300)
    (after,) = unfilled.unfilled(world.ctx)
    amended = (OrderState.ACKED, 70_100)
    assert (after.state, after.price) == (
        amended if silence == "rule" else (OrderState.CANCELLED, 70_000)
    )
    (row,) = world.journal.advice_since(order.created_at, Topic.UNFILLED)
    assert (row.choice.value, row.silent) == (silence.upper(), True)

"""Exits in the running day: no failure and no slow call delays a stop-loss."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from kt.clock import ScaledClock
from kt.config.model import Config, Emergency, Exits
from kt.engine import decisions, dispatch, orders
from kt.engine.day import Day
from kt.engine.holdings import BOOKS
from kt.engine.workers import Workers
from kt.errors import Unreachable
from kt.ports import SealedGateway
from kt.records import (
    BalanceNotice,
    Concern,
    Order,
    OrderNotice,
    OrderState,
    OrderTicket,
    Origin,
    Outcome,
    OutcomeStatus,
    SessionNotice,
    Side,
    StopMode,
    ViNotice,
)
from kt.steps.context import Context
from kt.steps.reconcile import order_tracking
from kt.steps.risk import check, stops
from tests import fakes
from tests.engine.acting import Make, Stage, at
from tests.fakes import HYNIX, SAMSUNG, FakeStream, World

QUIET = Config(emergency=Emergency(errors=100, reconnects=100))


def sells(made: Stage) -> list[OrderTicket]:
    sent = made.world.broker.sent
    return [one for one in sent if isinstance(one, OrderTicket) and one.side is Side.SELL]


def halted(code: str = "571476") -> Outcome:
    return Outcome(
        status=OutcomeStatus.REJECTED,
        evidence="return_code 20",
        code=code,
        message="거래정지 종목",
        concerns=Concern.STOCK,
    )


@pytest.mark.parametrize("query", ["holdings", "day_orders", "open_orders", "deposit"])
def test_a_stop_loss_is_sent_whatever_query_fails(stage: Make, query: str) -> None:
    made = stage(QUIET)
    made.hold()
    gone = {query: Unreachable("gone")}
    made.act("10:00:20", lambda: made.world.broker.failing.update(gone))
    made.act("10:00:21", lambda: made.tick(66_000))
    made.play("10:00:23")
    (sold,) = sells(made)
    assert (sold.quantity, sold.price) == (10, 0)


def test_a_refused_exit_is_retried_with_growing_waits_and_reported_once(stage: Make) -> None:
    made = stage()
    made.hold()
    made.world.broker.outcomes = [halted()] * 20
    for second in range(20, 60):
        made.act(f"10:00:{second}", lambda: made.tick(66_000))
    made.play("10:01:30")
    tried = [order.created_at.second for order in made.world.journal.orders()[:-1]][::-1]
    assert tried == [20, 25, 35, 55]
    assert made.world.journal.stop().mode is StopMode.RUNNING, "one stock is no emergency"
    told = [title for level, title, _ in made.world.notifier.told if level != "info"]
    assert told == ["stop-loss of 005930 삼성전자 did not leave"]


def test_a_refused_exit_is_retried_without_a_new_tick(stage: Make) -> None:
    """A halted stock brings no tick that would say again that its stop is due."""
    made = stage()
    made.hold()
    made.world.broker.outcomes = [halted()] * 3
    made.act("10:00:20", lambda: made.tick(66_000))
    made.play("10:02:10")
    tried = [order.created_at for order in made.world.journal.orders()[:-1]][::-1]
    waits = [(after - before).total_seconds() for before, after in pairwise(tried)]
    assert len(tried) == 4, "the last one is taken"
    assert all(wait <= got <= wait + 6 for wait, got in zip((5, 10, 20), waits, strict=True))


def test_a_time_stop_triggers_without_a_new_tick(stage: Make) -> None:
    made = stage(Config(exits=Exits(max_holding_minutes=2)))
    made.hold()
    made.act("10:00:20", lambda: made.tick(70_000))
    made.play("10:02:10")
    (sold,) = sells(made)
    assert (sold.quantity, sold.price) == (10, 0)


def test_while_the_stream_is_lost_prices_are_queried(stage: Make) -> None:
    made = stage(QUIET)
    made.hold()
    made.act("10:00:20", lambda: made.state("lost"))
    made.act("10:00:23", lambda: made.world.market.prices.update({SAMSUNG: 66_000}))
    made.play("10:00:31")
    (sold,) = sells(made)
    assert (sold.quantity, sold.price) == (10, 0)


@pytest.mark.parametrize(
    "event",
    [
        lambda made: ViNotice(stock_code=SAMSUNG, active=False, price=66_000, at=made.clock.now()),
        lambda made: SessionNotice(code="3", at=made.clock.now()),
    ],
    ids=["vi ends", "session"],
)
def test_an_event_that_may_lift_a_refusal_ends_the_wait(
    stage: Make, event: Callable[[Stage], object]
) -> None:
    made = stage()
    made.hold()
    made.world.broker.outcomes = [halted(), halted(), halted()]
    for second in range(20, 40):
        made.act(f"10:00:{second}", lambda: made.tick(66_000))
    made.act("10:00:37", lambda: made.stream.say(event(made)))  # type: ignore[arg-type]
    made.play("10:00:42")
    tried = [order.created_at.second for order in made.world.journal.orders()[:-1]][::-1]
    assert tried[:3] == [20, 25, 35]
    assert len(tried) == 4
    assert tried[3] in (37, 38)


def test_refusals_of_different_stocks_are_an_emergency(stage: Make) -> None:
    made = stage(Config(emergency=Emergency(rejects_in_row=2, action="reduce")))
    made.hold()
    made.world.broker.hold(HYNIX, 5, 180_000)
    made.act("10:00:10", lambda: BOOKS.start(made.day.runtime, {}))
    made.world.broker.outcomes = [halted(), halted()]
    made.act("10:00:30", lambda: made.tick(66_000))
    made.act("10:00:31", lambda: made.tick(150_000, HYNIX))
    made.play("10:00:36")
    assert "REJECTS" in made.world.journal.stop().reason


def test_an_owners_resting_sell_is_cancelled_for_the_stop_loss(stage: Make) -> None:
    from kt.steps.orders import place
    from kt.steps.risk import check

    made = stage()
    made.hold()
    resting = fakes.intent(Side.SELL, quantity=10, price=71_000)
    order = place.place(made.ctx, check.check_order(made.ctx, resting))
    made.world.broker.sent.clear()
    made.act("10:00:20", lambda: made.tick(71_500))
    made.act("10:00:30", lambda: made.tick(66_000))
    made.play("10:00:34")
    after = made.world.journal.order(order.order_id)
    assert after is not None
    assert after.state is OrderState.CANCELLED
    assert [(one.quantity, one.price) for one in sells(made)] == [(10, 0)]
    assert any("taken back for the stop" in title for _, title, _ in made.world.notifier.told)


def test_after_a_reconnect_the_exit_is_sent_first(stage: Make) -> None:
    made = stage(QUIET)
    made.hold()
    nowhere = Outcome(status=OutcomeStatus.NOT_PLACED, evidence="connect error")
    made.world.broker.outcomes = [nowhere, nowhere]
    made.act("10:00:20", lambda: made.state("lost"))
    for second in (20, 25):
        made.act(f"10:00:{second}", lambda: made.tick(66_000))
    made.act("10:00:27", lambda: made.world.market.prices.update({SAMSUNG: 65_900}))
    made.act("10:00:28", lambda: made.state("reconnected"))
    made.play("10:00:31")
    times = [order.created_at.second for order in made.world.journal.orders()[:-1]][::-1]
    assert times[:2] == [20, 25]
    assert times[2] in (28, 29)
    assert made.world.journal.orders()[0].state is OrderState.ACKED


def test_a_holdings_list_without_the_position_keeps_its_exits(stage: Make) -> None:
    made = stage(QUIET)
    made.hold()
    made.act("10:00:30", made.world.broker.held.clear)
    made.act("10:01:50", lambda: made.tick(66_000))
    made.play("10:01:53")
    assert [one.quantity for one in sells(made)] == [10]
    assert any("not believed yet" in line for line in made.lines)
    assert made.world.journal.stop().mode is StopMode.RUNNING


def test_a_balance_frame_confirms_shares_sold_elsewhere(stage: Make) -> None:
    made = stage(QUIET)
    made.hold()

    def sold_elsewhere() -> None:
        made.world.broker.held.clear()
        made.stream.say(
            BalanceNotice(
                stock_code=SAMSUNG,
                stock_name="삼성전자",
                quantity=0,
                sellable=0,
                average_price=0,
                price=70_000,
                realised_today=0,
                at=made.clock.now(),
            )
        )

    made.act("10:00:30", sold_elsewhere)
    made.play("10:02:10")
    assert made.world.journal.positions() == ()
    assert made.world.journal.stop().mode is StopMode.RUNNING, "explained, so no emergency"


def test_a_trailing_stop_follows_the_ticks_and_survives(stage: Make) -> None:
    made = stage(Config(exits=Exits(trailing_stop_pct=3, take_profit_pct=50)))
    made.hold()
    for second, price in ((20, 74_000), (21, 73_000), (22, 72_000)):
        made.act(f"10:00:{second}", lambda price=price: made.tick(price))  # type: ignore[misc]
    made.act("10:00:30", lambda: made.tick(71_700))
    made.play("10:00:33")
    order = made.world.journal.orders(limit=1)[0]
    assert order.origin == "trailing_stop"
    assert order.reason == "71,700 <= trailing stop 71,800 (highest 74,000)"


def test_a_flatten_begun_by_an_emergency_goes_on_in_the_next_run(stage: Make) -> None:
    made = stage()
    made.hold()
    made.world.broker.fill_at_once = True
    stops.begin_flatten(made.ctx, "CONNECTION: gone", by="emergency")
    made.play("10:00:30")
    assert made.world.broker.held[SAMSUNG].quantity == 0
    assert made.world.journal.stop().mode is StopMode.HALT


def test_a_flatten_waits_out_a_dead_broker(stage: Make) -> None:
    made = stage()
    made.hold()
    broker = made.world.broker
    broker.fill_at_once = True

    def die() -> None:
        broker.failing |= {n: Unreachable("gone") for n in ("holdings", "executions", "day_orders")}

    made.act("10:00:30", die)
    made.act("10:00:31", lambda: made.state("closed"))
    made.act("10:05:00", broker.failing.clear)
    made.play("10:06")
    assert broker.held[SAMSUNG].quantity == 0
    assert made.world.journal.stop().mode is StopMode.HALT
    told = [title for _, title, _ in made.world.notifier.told]
    assert told.count("kt: flatten waits for the broker") == 1


class Hanging:
    """A gateway whose buys hang until they are let go; its sells are the broker's."""

    def __init__(self, world: World) -> None:
        self.broker = world.broker
        self.let_go = threading.Event()
        self.hangs = threading.Event()

    def place(self, ticket: OrderTicket) -> Outcome:
        if ticket.side is Side.BUY:
            self.hangs.set()
            self.let_go.wait(30)
        return self.broker.place(ticket)

    def __getattr__(self, name: str) -> object:
        return getattr(self.broker, name)


def test_a_hanging_order_does_not_delay_a_stop_loss(tmp_path: Path) -> None:
    """Real threads, real time."""
    clock = ScaledClock(at("10:00"), time.time(), 1.0)
    world = World(tmp_path, clock=clock)
    stage = Stage.__new__(Stage)
    stage.world, stage.clock = world, clock  # type: ignore[assignment]
    stage.hold()
    world.analyst.answers = [{HYNIX: fakes.buy(180_000, 1)}]
    gateway = Hanging(world)
    sold = threading.Event()
    world.broker.on_sent = sold.set
    stage.streams = [FakeStream()]
    ctx = world.context(gateway=SealedGateway(gateway))  # type: ignore[arg-type]
    day = Day(ctx, lambda: stage.stream)
    running = threading.Thread(target=day.run)
    running.start()
    try:
        assert gateway.hangs.wait(20), "a buy hangs"
        stage.tick(66_000)
        assert sold.wait(2), "the stop left all the same"
    finally:
        gateway.let_go.set()
        day.stop()
        running.join(20)
        world.close()
    assert [one.side for one in world.broker.sent[:1]] == [Side.SELL]


def test_an_answer_after_its_fills_announces_no_fill_twice(stage: Make) -> None:
    made = stage(QUIET)
    made.hold()
    world, runtime = made.world, made.day.runtime

    def answered_late() -> None:
        (order,) = world.journal.orders(states=[OrderState.ACKED])
        orders.on_notice(runtime, world.broker.fill(order.ord_no, 4, 66_000))
        orders.placed(runtime, order)
        orders.on_notice(runtime, world.broker.fill(order.ord_no, 6, 66_000))

    made.act("10:00:20", lambda: made.tick(66_000))
    made.act("10:00:23", answered_late)
    made.play("10:00:26")
    filled = [line.split(" ", 1)[1] for line in made.lines if "filled" in line]
    name = "filled: SELL 삼성전자"
    assert filled == [f"{name} 4 at 66,000 (4/10)", f"{name} 6 at 66,000 (10/10)"]


def test_a_sell_given_up_as_not_found_is_adopted_when_listed_late(
    stage: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker's lists lack it for a while, and nothing else asks for it afterwards."""
    made = stage(QUIET)
    made.hold()
    broker = made.world.broker
    broker.outcomes = [Outcome(status=OutcomeStatus.UNKNOWN, evidence="read timeout")]

    def gone() -> None:
        for name in ("day_orders", "open_orders", "executions"):
            monkeypatch.setattr(broker, name, lambda *_: ())

    made.act("10:00:19", gone)
    made.act("10:00:20", lambda: made.tick(66_000))
    made.act("10:00:21", lambda: broker.fill(max(broker.rows), 10, 66_000))
    made.act("10:00:50", monkeypatch.undo)
    made.play("10:02:30")
    sold = [o for o in made.world.journal.orders() if o.side is Side.SELL and o.filled_quantity]
    assert [(order.state, order.filled_quantity) for order in sold] == [(OrderState.FILLED, 10)]
    assert made.world.journal.positions() == ()
    bookings = [o for o in made.world.journal.orders() if o.origin is Origin.EXTERNAL]
    assert bookings == []


def test_what_another_process_booked_of_an_order_is_announced(stage: Make) -> None:
    """Its frame arrived before the number was known here, and no other will."""
    from kt.steps.orders import place
    from kt.steps.reconcile import order_tracking
    from kt.steps.risk import check

    made = stage()
    other = made.world.context(run="OTHER")

    def bought() -> None:
        order = place.place(other, check.check_order(other, fakes.intent(quantity=2)))
        made.day.runtime.announce_order(order)
        order_tracking.on_notice(other, made.world.broker.fill(order.ord_no, 2, 70_000))

    made.act("10:00:12", bought)
    made.play("10:00:20")
    assert [line for line in made.lines if "filled: BUY 삼성전자 2 at 70,000 (2/2)" in line]


class FilledFirst:
    """The broker's gateway, whose answer comes when it is let go: the fill's frame before it."""

    def __init__(self, world: World) -> None:
        self.broker = world.broker
        self.let_go = threading.Event()
        self.frames: queue.SimpleQueue[OrderNotice] = queue.SimpleQueue()

    def place(self, ticket: OrderTicket) -> Outcome:
        outcome = self.broker.place(ticket)
        self.frames.put(self.broker.fill(outcome.ord_no, ticket.quantity, ticket.price))
        self.let_go.wait(20)
        return outcome


def test_a_fill_that_races_its_orders_answer_is_booked(
    stage: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frame's number is looked for in vain; then the worker writes the answer down, and
    nothing waits for an answer any more."""
    made = stage(QUIET)
    world, gateway = made.world, FilledFirst(made.world)
    ctx = world.context(gateway=SealedGateway(gateway))  # type: ignore[arg-type]
    usual = made.day.runtime
    workers = Workers(usual.events.put, usual.workers._run)
    runtime = replace(usual, ctx=ctx, workers=workers)
    look = order_tracking.find

    def look_and_be_answered(ctx: Context, *numbers: str) -> Order | None:
        found = look(ctx, *numbers)
        gateway.let_go.set()
        assert workers.drain(20)
        return found

    checked = check.check_order(ctx, fakes.intent())
    decisions.PLACE.line_up(runtime, checked)
    frame = gateway.frames.get(timeout=20)
    with monkeypatch.context() as racing:
        racing.setattr(order_tracking, "find", look_and_be_answered)
        dispatch.handle(runtime, frame)
    while (found := runtime.events.get(timeout=1)) is not frame:
        dispatch.handle(runtime, found)
    dispatch.handle(runtime, frame)
    workers.close()
    (order,) = world.journal.orders()
    assert order.state is OrderState.FILLED

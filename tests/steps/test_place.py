"""Orders are journaled before they are sent, sent once, and end as the outcome says."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kt.errors import Denied, JournalError, Unreachable
from kt.records import (
    BrokerOrder,
    Order,
    OrderEvent,
    OrderEventKind,
    OrderState,
    Origin,
    Side,
)
from kt.steps.orders import place
from kt.steps.risk import check, stops
from tests import fakes
from tests.fakes import HYNIX, SAMSUNG, World
from tests.steps.trading import kinds, order_now
from tests.store import make


def test_an_order_is_durable_before_it_is_sent_and_acked_after(world: World) -> None:
    seen: list[tuple[OrderState, str]] = []

    def look() -> None:
        other = world.open()  # as another process sees the file at this moment
        (order,) = other.orders()
        seen.append((order.state, order.noted_ord_no))
        other.close()

    world.broker.stand(fakes.ticket(code=HYNIX, price=180_000))  # somebody else's: 101
    world.broker.on_sent = look
    order = order_now(world)

    assert seen == [(OrderState.SENDING, "0000101")]
    assert order.state is OrderState.ACKED
    assert (order.ord_no, order.ord_nos) == ("0000102", ("0000102",))
    assert kinds(world, order) == ["PLANNED", "SENDING", "ACKED"]
    assert world.broker.sent == [fakes.ticket()]


def test_a_refusal_is_journaled_and_raises_nothing(world: World) -> None:
    world.broker.outcomes = [fakes.rejected("RC4025", "증거금 부족")]
    order = order_now(world)
    assert (order.state, order.code, order.message) == (
        OrderState.REJECTED,
        "RC4025",
        "증거금 부족",
    )
    assert world.journal.locks() == ()


def test_an_unknown_buy_locks_its_stock_and_tells_the_owner(world: World) -> None:
    world.broker.outcomes = [fakes.unknown("read timeout")]
    order = order_now(world)
    assert order.state is OrderState.UNKNOWN
    (lock,) = world.journal.locks()
    assert (lock.stock_code, lock.order_id, lock.until) == (SAMSUNG, order.order_id, None)
    ((level, title, text),) = world.notifier.told
    assert level == "critical"
    assert SAMSUNG in title
    assert order.order_id in text
    assert "read timeout" in text

    again = check.check_order(world.ctx, fakes.intent(price=69_900))
    assert {result.code for result in again.denials} >= {"SYMBOL_LOCKED", "DUPLICATE"}
    assert len(world.broker.sent) == 1


def test_an_order_that_was_surely_not_placed_is_final_and_not_resent(world: World) -> None:
    world.broker.outcomes = [fakes.not_placed()]
    order = order_now(world)
    assert order.state is OrderState.NOT_PLACED
    assert len(world.broker.sent) == 1
    assert world.journal.locks() == ()


def test_a_rate_limit_is_waited_out_and_the_order_sent_again(world: World) -> None:
    world.broker.outcomes = [fakes.not_placed(retryable=True), fakes.not_placed(retryable=True)]
    before = world.clock.now()
    order = order_now(world)
    assert order.state is OrderState.ACKED
    assert len(world.broker.sent) == 3
    assert (world.clock.now() - before).total_seconds() >= 3
    assert kinds(world, order) == [
        "PLANNED", "SENDING", "NOT_PLACED", "SENDING", "NOT_PLACED", "SENDING", "ACKED",
    ]  # fmt: skip


def test_an_exit_is_resent_after_a_rate_limit_without_a_pause(world: World) -> None:
    """The gateway paces it: what the broker did not take is handed to it again at once."""
    wanted = fakes.intent(Side.SELL, quantity=4, origin=Origin.STOP_LOSS)
    checked = check.check_exit(world.ctx, wanted, 4)
    world.broker.hold(SAMSUNG, 4, 70_000)
    world.broker.outcomes = [fakes.not_placed(retryable=True), fakes.not_placed(retryable=True)]
    before = world.clock.now()
    order = place.place(world.ctx, checked)
    assert (order.state, len(world.broker.sent)) == (OrderState.ACKED, 3)
    assert world.clock.now() == before


def test_after_three_rate_limit_refusals_the_order_is_not_placed(world: World) -> None:
    world.broker.outcomes = [fakes.not_placed(retryable=True)] * 5
    order = order_now(world)
    assert order.state is OrderState.NOT_PLACED
    assert len(world.broker.sent) == place.SENDS


def test_an_unknown_outcome_of_the_second_send_stays_unknown(world: World) -> None:
    world.broker.outcomes = [fakes.not_placed(retryable=True), fakes.unknown()]
    order = order_now(world)
    assert order.state is OrderState.UNKNOWN
    assert len(world.journal.locks()) == 1


def test_a_check_that_did_not_pass_is_a_denied_order_and_not_sent(world: World) -> None:
    order = order_now(world, price=70_050)
    assert (order.state, order.code) == (OrderState.DENIED, "OFF_TICK")
    assert "70,050" in order.message
    assert world.broker.sent == []


def test_a_halt_between_check_and_send_stops_it(world: World) -> None:
    checked = check.check_order(world.ctx, fakes.intent())
    assert checked.passed
    stops.halt(world.ctx, "enough for today")
    order = place.place(world.ctx, checked)
    assert (order.state, order.code) == (OrderState.DENIED, "HALTED")
    assert "enough for today" in order.message
    assert world.broker.sent == []


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_a_halt_that_is_set_while_the_broker_is_asked_stops_it(
    world: World, monkeypatch: pytest.MonkeyPatch, side: Side
) -> None:
    if side is Side.SELL:
        world.broker.hold(SAMSUNG, 10, 70_000)
    checked = check.check_order(world.ctx, fakes.intent(side))
    ask = world.broker.day_orders

    def slow(first: str = "") -> tuple[BrokerOrder, ...]:
        stops.halt(world.ctx, "enough for today")
        return ask(first)

    monkeypatch.setattr(world.broker, "day_orders", slow)
    order = place.place(world.ctx, checked)
    assert (order.state, order.code) == (OrderState.DENIED, "HALTED")
    assert kinds(world, order) == ["DENIED"]
    assert world.broker.sent == []


def test_a_crash_before_the_commit_leaves_no_order(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plan and sending are one transaction: an intent in the journal may have been sent."""
    checked = check.check_order(world.ctx, fakes.intent())

    def die(name: str, profile: str) -> None:
        if name == "place.planned":
            raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(place, "hit", die)
        with pytest.raises(KeyboardInterrupt):
            place.place(world.ctx, checked)
    assert world.journal.orders() == ()
    assert place.place(world.ctx, checked).state is OrderState.ACKED
    assert len(world.broker.sent) == 1


@pytest.mark.parametrize(
    ("side", "code"), [(Side.BUY, "REDUCING"), (Side.SELL, "")], ids=["buy", "sell"]
)
def test_reduce_between_check_and_send_denies_buys_only(
    world: World, side: Side, code: str
) -> None:
    world.broker.hold(SAMSUNG, 4, 70_000)
    checked = check.check_order(world.ctx, fakes.intent(side, quantity=4))
    assert checked.passed
    stops.reduce(world.ctx, "careful")
    order = place.place(world.ctx, checked)
    assert order.code == code
    assert bool(world.broker.sent) is (side is Side.SELL)


@pytest.mark.parametrize(("side", "code"), [(Side.BUY, "NO_NEW_BUYS"), (Side.SELL, "")])
def test_the_end_of_buying_between_check_and_send_denies_buys_only(
    world: World, side: Side, code: str
) -> None:
    world.broker.hold(SAMSUNG, 4, 70_000)
    world.clock.set(fakes.OPEN.replace(hour=15, minute=19, second=59))
    checked = check.check_order(world.ctx, fakes.intent(side, quantity=4))
    assert checked.passed
    world.clock.advance(2)
    order = place.place(world.ctx, checked)
    assert order.code == code
    assert bool(world.broker.sent) is (side is Side.SELL)


def test_an_order_unresolved_since_the_check_denies_a_second_one(world: World) -> None:
    checks = [check.check_order(world.ctx, fakes.intent()) for _ in range(2)]
    world.broker.outcomes = [fakes.unknown()]
    place.place(world.ctx, checks[0])
    second = place.place(world.ctx, checks[1])
    assert (second.state, second.code) == (OrderState.DENIED, "SYMBOL_LOCKED")
    world.journal.unlock_symbol(SAMSUNG)
    with pytest.raises(Denied) as denied:
        place.place(world.ctx, checks[1])
    assert denied.value.code == "DUPLICATE"
    assert len(world.broker.sent) == 1


def test_test_mode_does_everything_but_send(world: World) -> None:
    world.configure(dry_run=True)
    checked = check.check_order(world.ctx, fakes.intent())
    assert checked.passed
    assert [result.code for result in checked.denials] == ["TEST_MODE"]
    order = place.place(world.ctx, checked)
    assert (order.state, order.code) == (OrderState.DENIED, "TEST_MODE")
    assert world.broker.sent == []


def test_the_same_client_id_sends_once(world: World) -> None:
    first = order_now(world, client_id="mine-1")
    second = order_now(world, client_id="mine-1")
    assert second.order_id == first.order_id
    assert len(world.broker.sent) == 1
    with pytest.raises(Denied) as denied:
        order_now(world, client_id="mine-1", quantity=11)
    assert denied.value.code == "CLIENT_ID"
    assert len(world.broker.sent) == 1


def test_the_same_client_id_and_decision_send_once_however_it_is_sized(world: World) -> None:
    (decided,) = check.check(world.ctx, [make.decision("D1")], origin=Origin.PIPE)
    first = place.place(world.ctx, decided, client_id="d")
    second = place.place(world.ctx, replace(decided, quantity=3), client_id="d")
    assert second.order_id == first.order_id
    assert len(world.broker.sent) == 1


def test_a_buy_needs_the_brokers_order_list_and_a_sell_does_not(world: World) -> None:
    world.broker.hold(SAMSUNG, 4, 70_000)
    world.broker.failing["day_orders"] = Unreachable("gone")
    with pytest.raises(Unreachable):
        order_now(world, quantity=4)
    assert world.broker.sent == []
    assert world.journal.orders() == ()
    assert order_now(world, side=Side.SELL, quantity=4).state is OrderState.ACKED


def test_nothing_is_sent_when_the_intent_cannot_be_journaled(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = check.check_order(world.ctx, fakes.intent())

    def full(*_: object, **__: object) -> None:
        raise JournalError("disk full")

    monkeypatch.setattr(world.journal, "plan_order", full)
    with pytest.raises(JournalError):
        place.place(world.ctx, checked)
    assert world.broker.sent == []


def test_an_intent_that_another_process_gave_up_is_not_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kt.steps.order_events import event

    checked = check.check_order(world.ctx, fakes.intent())
    plan = world.journal.plan_order

    def plan_and_lose(order: Order, planned: OrderEvent, **how: bool) -> Order:
        kept = plan(order, planned, **how)
        world.journal.record(event(world.ctx, order.order_id, OrderEventKind.GIVEN_UP))
        return kept

    monkeypatch.setattr(world.journal, "plan_order", plan_and_lose)
    order = place.place(world.ctx, checked)
    assert order.state is OrderState.NOT_PLACED
    assert world.broker.sent == []


@pytest.mark.parametrize("code", [SAMSUNG, HYNIX], ids=["same stock", "another stock"])
def test_an_order_that_is_overtaken_in_the_pause_is_not_sent_again(
    world: World, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """The broker had too many requests; while this one waits, another process orders."""
    checked = check.check_order(world.ctx, fakes.intent())
    world.broker.outcomes = [fakes.not_placed(retryable=True)]
    other = world.context(run="OTHER")

    def pause(seconds: float) -> None:
        price = 70_000 if code == SAMSUNG else 180_000
        ticket = fakes.ticket(code=code, price=price, quantity=1)
        world.broker.outcomes = [fakes.unknown()]
        place.place(other, check.check_order(other, fakes.wanted(ticket)))

    monkeypatch.setattr(world.clock, "sleep", pause)
    order = place.place(world.ctx, checked)
    assert order.state is OrderState.NOT_PLACED
    assert [sent.quantity for sent in world.broker.sent] == [10, 1]


def test_a_stop_set_during_the_pause_prevents_the_second_send(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = check.check_order(world.ctx, fakes.intent())
    world.broker.outcomes = [fakes.not_placed(retryable=True)]
    monkeypatch.setattr(world.clock, "sleep", lambda seconds: stops.halt(world.ctx, "lunch"))
    assert place.place(world.ctx, checked).state is OrderState.NOT_PLACED
    assert len(world.broker.sent) == 1

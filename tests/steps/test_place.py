"""Orders are journaled before they are sent, sent once, and end as the outcome says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from kt.config.model import Limits
from kt.errors import Denied, ExitCode, Halted, JournalError, NotKept, Unreachable
from kt.records import (
    BrokerOrder,
    CancelTicket,
    Check,
    Order,
    OrderEvent,
    OrderEventKind,
    OrderState,
    Origin,
    Outcome,
    OutcomeStatus,
    Side,
)
from kt.steps.context import Context
from kt.steps.order_events import event
from kt.steps.orders import order_change, place
from kt.steps.risk import account_exposure, account_snapshot, check, stops
from tests import fakes
from tests.fakes import HYNIX, SAMSUNG, World
from tests.store import make


def order_now(world: World, client_id: str = "", **wanted: object) -> Order:
    checked = check.check_order(world.ctx, fakes.intent(**wanted))  # type: ignore[arg-type]
    return place.place(world.ctx, checked, client_id=client_id)


def kinds(world: World, order: Order) -> list[str]:
    return [happened.kind for happened in world.journal.order_events(order.order_id)]


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


# amends and cancels


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


# a journal that fails between the send and its outcome


class Failing:
    """The journal, but for one kind of event it cannot write any more."""

    def __init__(self, journal: Any, kind: OrderEventKind) -> None:
        self.journal, self.kind = journal, kind

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journal, name)

    def record(self, happened: OrderEvent) -> Order:
        if happened.kind is self.kind:
            raise JournalError("the disk is full", hint="free some space", code="SQLITE_FULL")
        order: Order = self.journal.record(happened)
        return order


@pytest.mark.parametrize(
    ("kind", "outcomes"),
    [(OrderEventKind.ACKED, []), (OrderEventKind.UNKNOWN, [fakes.unknown()])],
    ids=["acked", "unknown"],
)
def test_an_outcome_that_cannot_be_journaled_raises_not_kept(
    world: World, kind: OrderEventKind, outcomes: list[Outcome]
) -> None:
    checked = check.check_order(world.ctx, fakes.intent())
    world.broker.outcomes = outcomes
    broken = world.context(journal=Failing(world.journal, kind))
    with pytest.raises(NotKept, match="was sent") as raised:
        place.place(broken, checked)
    assert raised.value.exit_code is ExitCode.UNKNOWN
    assert isinstance(raised.value, JournalError), "the day ends"
    (order,) = world.journal.orders()
    assert order.state is OrderState.SENDING
    assert order.order_id in (raised.value.hint or "")


def test_a_journal_error_after_a_not_placed_order_is_raised_as_it_is(world: World) -> None:
    checked = check.check_order(world.ctx, fakes.intent())
    world.broker.outcomes = [fakes.rejected()]
    broken = world.context(journal=Failing(world.journal, OrderEventKind.REJECTED))
    with pytest.raises(JournalError) as raised:
        place.place(broken, checked)
    assert raised.value.exit_code is ExitCode.ERROR


@pytest.mark.parametrize("verb", ["amend", "cancel"])
def test_a_change_whose_outcome_cannot_be_journaled_raises_not_kept(
    world: World, verb: str
) -> None:
    checked = check.check_order(world.ctx, fakes.intent())
    order = place.place(world.ctx, checked)
    kind = OrderEventKind.AMENDED if verb == "amend" else OrderEventKind.CANCELLED
    broken = world.context(journal=Failing(world.journal, kind))
    with pytest.raises(NotKept, match=f"the {verb} of {order.ord_no} was sent under"):
        if verb == "amend":
            place.amend(broken, order, price=69_900)
        else:
            place.cancel(broken, order)


# orders of several runs at once


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

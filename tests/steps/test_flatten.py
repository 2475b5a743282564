"""Flatten sells everything in spite of a lost connection, a rejected stock and a restart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from kt.errors import AuthError, JournalError, Unreachable
from kt.records import (
    Book,
    CancelTicket,
    Holdings,
    OrderState,
    OrderTicket,
    OrderType,
    Origin,
    Side,
    Stop,
    StopMode,
)
from kt.steps.orders import exits, flatten, place
from kt.steps.results import Exit
from kt.steps.risk import check, stops
from tests import fakes
from tests.engine.acting import at
from tests.fakes import HYNIX, OPEN, SAMSUNG, PumpedClock, World
from tests.steps.test_exits import QUERIES
from tests.steps.trading import bought, filled_meanwhile, noted, resting, titles


def arranged(world: World) -> None:
    """Two stocks held, a buy and a sell open."""
    world.broker.hold(SAMSUNG, 10, 70_000)
    world.broker.hold(HYNIX, 4, 180_000)
    for ticket in (
        fakes.ticket(code="035720", price=45_000, quantity=1),
        fakes.ticket(Side.SELL, quantity=3, price=71_000),
    ):
        checked = check.check_order(world.ctx, fakes.wanted(ticket))
        assert checked.passed, checked.denials
        place.place(world.ctx, checked)
    world.broker.sent.clear()


def market_sells(world: World) -> dict[str, list[int]]:
    sold: dict[str, list[int]] = {}
    for sent in world.broker.sent:
        if isinstance(sent, OrderTicket):
            assert (sent.side, sent.order_type) == (Side.SELL, OrderType.MARKET)
            sold.setdefault(sent.stock_code, []).append(sent.quantity)
    return sold


def test_flatten_cancels_sells_everything_and_halts(world: World) -> None:
    arranged(world)
    world.broker.fill_at_once = True
    done = flatten.flatten(world.ctx, "by hand")
    assert done.done and done.left == ()
    assert {order.state for order in done.cancelled} == {OrderState.CANCELLED}
    assert len(done.cancelled) == 2
    assert market_sells(world) == {SAMSUNG: [10], HYNIX: [4]}
    assert {order.state for order in done.sold} == {OrderState.FILLED}
    assert [h.quantity for h in world.broker.held.values()] == [0, 0]
    assert world.journal.positions() == ()
    stop = world.journal.stop()
    assert (stop.mode, stop.reason) == (StopMode.HALT, "after flatten: by hand")
    buy = check.check_order(world.ctx, fakes.intent(quantity=1))
    assert "HALTED" in {result.code for result in buy.denials}


def test_flatten_sells_at_most_a_part_of_the_bid_quantity_at_once(world: World) -> None:
    world.broker.hold(SAMSUNG, 2_000, 70_000)
    world.broker.fill_at_once = True
    done = flatten.flatten(world.ctx, "by hand")
    assert done.done
    assert market_sells(world) == {SAMSUNG: [900, 900, 200]}


def test_without_the_order_book_everything_is_sold_at_once(world: World) -> None:
    world.broker.hold(SAMSUNG, 2_000, 70_000)
    world.broker.fill_at_once = True
    world.market.failing["book"] = Unreachable("HTTP 503")
    assert flatten.flatten(world.ctx, "by hand").done
    assert market_sells(world) == {SAMSUNG: [2_000]}


def test_an_unfilled_sell_is_cancelled_and_retried(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    seen = 0

    def second_time() -> None:
        nonlocal seen
        seen += 1
        world.broker.fill_at_once = seen > 1

    world.broker.on_sent = second_time
    done = flatten.flatten(world.ctx, "by hand")
    assert done.done
    kinds = [type(sent) for sent in world.broker.sent]
    assert kinds == [OrderTicket, CancelTicket, OrderTicket]
    assert world.broker.held[SAMSUNG].quantity == 0


def test_a_rejected_sell_is_reported_and_the_stop_stays(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    world.broker.hold(HYNIX, 4, 180_000)
    world.broker.fill_at_once = True
    world.broker.outcomes = [fakes.rejected("RC4007", "거래정지")]
    done = flatten.flatten(world.ctx, "by hand")
    assert not done.done
    (left,) = done.left
    assert left == f"{SAMSUNG}: 10 shares: REJECTED RC4007 거래정지"
    assert world.journal.stop().mode is StopMode.FLATTEN, "kt run goes on with it"
    assert world.broker.held[HYNIX].quantity == 0, "one refusal does not keep the other"
    assert world.notifier.told[-1] == ("critical", "kt: flatten left something", left)


@pytest.mark.parametrize("patient", [False, True])
def test_after_hours_flatten_reports_what_is_left_and_the_stop_stays(
    world: World, patient: bool
) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    world.clock.set(at("17:00"))
    done = flatten.flatten(world.ctx, "by hand", patient=patient)
    assert not done.done
    assert "SESSION" in done.left[0]
    assert world.broker.sent == []
    assert world.journal.stop().mode is StopMode.FLATTEN
    world.clock.set(at("09:00", day=1))
    world.broker.fill_at_once = True
    assert flatten.flatten(world.restart(), "by hand").done
    assert world.journal.stop().mode is StopMode.HALT


def test_flatten_goes_on_after_a_crash(world: World) -> None:
    world.broker.hold(SAMSUNG, 2_000, 70_000)
    world.broker.fill_at_once = True

    class PowerCut(BaseException):
        pass

    def die(*_: object) -> None:
        raise PowerCut

    world.broker.on_sent = lambda: world.broker.sent[1:] and die()
    with pytest.raises(PowerCut):
        flatten.flatten(world.ctx, "by hand")
    assert world.journal.stop().mode is StopMode.FLATTEN
    world.broker.on_sent = None
    world.restart()
    world.notifier.told.clear()
    assert flatten.flatten(world.ctx, "by hand").done
    assert titles(world) == [f"a sell was lost: {SAMSUNG} x900", "kt: halt"], (
        "and not that it began"
    )
    assert world.broker.held[SAMSUNG].quantity == 0
    assert world.journal.positions() == ()
    assert world.journal.stop().mode is StopMode.HALT


@pytest.mark.parametrize("taken", [True, False])
def test_an_unknown_sell_of_flatten_is_not_sent_twice(world: World, taken: bool) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    world.broker.fill_at_once = True
    world.broker.taken = taken
    world.broker.outcomes = [fakes.unknown()]
    done = flatten.flatten(world.ctx, "by hand")
    assert done.done, done.left
    assert world.broker.held[SAMSUNG].quantity == 0
    assert market_sells(world) == {SAMSUNG: [10] if taken else [10, 10]}
    assert sum(fill.quantity for fill in world.broker.fills) == 10
    assert world.journal.positions() == ()


@pytest.mark.parametrize("times", [1, 2])
def test_an_order_that_cannot_be_cancelled_is_retried_once_and_reported(
    world: World, times: int
) -> None:
    """Of the open buy and the open sell, nobody knows whether the sell was taken back."""
    arranged(world)
    world.broker.fill_at_once = True
    world.broker.taken = False
    cancels = 0

    def lose() -> None:
        nonlocal cancels
        ticket = world.broker.sent[-1]
        if isinstance(ticket, CancelTicket) and ticket.stock_code == SAMSUNG:
            cancels += 1
            world.broker.outcomes = [fakes.unknown()] if cancels <= times else []

    world.broker.on_sent = lose
    done = flatten.flatten(world.ctx, "by hand")
    assert world.journal.stop().mode is (StopMode.HALT if times == 1 else StopMode.FLATTEN)
    assert market_sells(world) == {SAMSUNG: [7, 3] if times == 1 else [7], HYNIX: [4]}
    (sell,) = [o for o in done.cancelled if o.stock_code == SAMSUNG]
    assert sell.state is (OrderState.CANCELLED if times == 1 else OrderState.CANCELLING)
    still = [row.stock_code for row in world.broker.open_orders()]
    assert still == ([] if times == 1 else [SAMSUNG])
    assert done.left == (
        () if times == 1 else (f"{SAMSUNG}: 3 shares are held, 0 of them can be sold",)
    )


def test_external_orders_are_not_touched_by_flatten(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    number = world.broker.stand(fakes.ticket(Side.SELL, quantity=10, price=72_000))
    done = flatten.flatten(world.ctx, "by hand")
    assert world.broker.rows[number].open_quantity == 10
    assert world.broker.sent == []
    assert not done.done
    assert "10 shares" in done.left[0]


# to the end


@pytest.fixture
def pumped(tmp_path: Path) -> Iterator[World]:
    """A world in which things happen while kt waits."""
    made = World(tmp_path, clock=PumpedClock(OPEN))
    yield made
    made.close()


def after(world: World, seconds: float, what: object) -> None:
    """Once so many seconds have passed, call `what`."""
    due = world.clock.now() + timedelta(seconds=seconds)
    done: list[int] = []

    def look() -> None:
        if world.clock.now() >= due and not done:
            done.append(1)
            what()  # type: ignore[operator]

    world.clock.listeners.append(look)


def gone(world: World, seconds: float) -> None:
    """Nothing gets through for so many seconds."""
    world.broker.failing = dict.fromkeys(QUERIES, Unreachable("gone"))
    world.market.failing = {"book": Unreachable("gone")}
    world.broker.on_sent = lambda: world.broker.outcomes.insert(0, fakes.not_placed())

    def back() -> None:
        world.broker.failing, world.market.failing, world.broker.on_sent = {}, {}, None

    after(world, seconds, back)


@pytest.mark.parametrize("seconds", [2, 20, 900])
def test_flatten_waits_while_the_broker_is_unreachable(pumped: World, seconds: float) -> None:
    bought(pumped)
    pumped.broker.hold(HYNIX, 4, 180_000)
    pumped.broker.fill_at_once = True
    gone(pumped, seconds)
    began = pumped.clock.now()
    done = flatten.flatten(pumped.ctx, "by hand")
    assert done.done and done.left == ()
    assert [h.quantity for h in pumped.broker.held.values()] == [0, 0]
    assert pumped.journal.stop().mode is StopMode.HALT
    first = min(order.created_at for order in done.sold)
    late = (first - began).total_seconds() - seconds
    assert 0 <= late <= flatten.LONGEST_OFFLINE + 1, "the first thing after it is back"
    waiting = [text for _, title, text in pumped.notifier.told if "waits for the broker" in title]
    assert waiting == ["gone. It goes on by itself as soon as the broker answers."], "said once"


def test_an_unreachable_broker_is_sent_no_order(pumped: World) -> None:
    """Without an answer to any question nothing is known to arrive."""
    bought(pumped)
    pumped.broker.fill_at_once = True
    gone(pumped, 60)
    sent: list[int] = []
    after(pumped, 59, lambda: sent.append(len(pumped.broker.sent)))
    assert flatten.flatten(pumped.ctx, "by hand").done
    assert sent == [0]


def test_without_the_holdings_the_positions_are_sold(pumped: World) -> None:
    """The books are sold by; that nothing is left is believed when the list says so."""
    bought(pumped)
    pumped.broker.fill_at_once = True
    pumped.broker.failing["holdings"] = Unreachable("HTTP 503")
    after(pumped, 60, pumped.broker.failing.clear)
    began = pumped.clock.now()
    done = flatten.flatten(pumped.ctx, "by hand")
    assert done.done
    assert market_sells(pumped) == {SAMSUNG: [10]}
    (order,) = done.sold
    assert order.created_at == began
    assert (pumped.clock.now() - began).total_seconds() >= 60
    assert ("flatten.holdings", "HTTP 503") in noted(pumped)


@pytest.mark.parametrize("error", [AuthError("the token is dead"), JournalError("disk full")])
@pytest.mark.parametrize("where", ["holdings", "open_orders"])
def test_an_auth_or_journal_error_is_raised(world: World, error: Exception, where: str) -> None:
    bought(world)
    world.broker.failing[where] = error
    with pytest.raises(type(error)):
        flatten.flatten(world.ctx, "by hand")
    assert world.journal.stop().mode is StopMode.FLATTEN


def refusing(world: World, code: str, times: int) -> list[str]:
    """The next sells of a stock are refused; when they were tried."""
    tried: list[str] = []

    def look() -> None:
        ticket = world.broker.sent[-1]
        if isinstance(ticket, OrderTicket) and ticket.stock_code == code:
            tried.append(f"{world.clock.now():%H:%M:%S}")
            if len(tried) <= times:
                world.broker.outcomes = [fakes.rejected("571476", "거래정지")]

    world.broker.on_sent = look
    return tried


def test_a_patient_flatten_retries_a_rejected_stock_until_it_is_sold(world: World) -> None:
    bought(world)
    bought(world, 2, code=HYNIX)
    world.broker.fill_at_once = True
    tried = refusing(world, SAMSUNG, 3)
    done = flatten.flatten(world.ctx, "by hand", patient=True)
    assert done.done, done.left
    assert market_sells(world) == {SAMSUNG: [10] * 4, HYNIX: [2]}
    assert world.journal.stop().mode is StopMode.HALT
    assert len(tried) == 4
    assert "kt: flatten left something" not in titles(world)


def test_the_retries_of_a_patient_flatten_back_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought(world)
    world.broker.fill_at_once = True
    refusing(world, SAMSUNG, 8)
    waited: list[float] = []
    real = world.clock.sleep
    monkeypatch.setattr(world.clock, "sleep", lambda s: (waited.append(s), real(s)))
    assert flatten.flatten(world.ctx, "by hand", patient=True).done
    refused = [s for s in waited if s >= flatten.REFUSED]
    assert refused[:8] == [5, 10, 20, 40, 80, 160, 300, 300]


def test_a_patient_flatten_ends_at_the_close_and_the_stop_stays(world: World) -> None:
    bought(world)
    world.clock.set(at("15:00"))
    tried = refusing(world, SAMSUNG, 999)
    done = flatten.flatten(world.ctx, "by hand", patient=True)
    assert not done.done
    assert "15:25" < tried[-1] <= "15:30"
    assert world.clock.now() <= at("15:36")
    assert world.journal.stop().mode is StopMode.FLATTEN


def test_a_configured_early_close_ends_a_patient_flatten(world: World) -> None:
    world.configure(session=replace(world.config.session, last_buy="10:30", close="11:00"))
    bought(world)
    refusing(world, SAMSUNG, 999)
    assert not flatten.flatten(world.ctx, "by hand", patient=True).done
    assert at("11:00") <= world.clock.now() <= at("11:06")


def test_an_order_that_ends_before_its_cancel_is_no_error(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Filled between the look and the cancel."""
    bought(world)
    order = resting(world, 4)
    filled_meanwhile(world, order, monkeypatch)
    world.broker.fill_at_once = True
    done = flatten.flatten(world.ctx, "by hand")
    assert done.done
    assert [(o.order_id, o.state) for o in done.cancelled] == [(order.order_id, OrderState.FILLED)]
    assert market_sells(world) == {SAMSUNG: [6]}
    ((where, what),) = noted(world)
    assert (where, "there is nothing to change" in what) == ("flatten.cancel", True)


def test_without_patience_a_rejected_sell_is_reported_after_one_pass(world: World) -> None:
    bought(world)
    tried = refusing(world, SAMSUNG, 999)
    done = flatten.flatten(world.ctx, "by hand")
    assert len(tried) == 1
    assert done.sold == (), "what was refused was not sold"
    assert done.left == (f"{SAMSUNG}: 10 shares: REJECTED 571476 거래정지",)
    assert world.journal.stop().mode is StopMode.FLATTEN


def test_a_halt_by_the_owner_ends_the_retries(pumped: World) -> None:
    bought(pumped)
    tried = refusing(pumped, SAMSUNG, 999)
    after(pumped, 60, lambda: stops.halt(pumped.ctx, "enough"))
    done = flatten.flatten(pumped.ctx, "by hand", patient=True)
    assert not done.done
    stop = pumped.journal.stop()
    assert (stop.mode, stop.reason) == (StopMode.HALT, "enough")
    assert tried[-1] < "10:01:10"
    assert pumped.clock.now() < at("10:02")


def test_a_halt_by_the_owner_ends_the_wait_for_the_broker(pumped: World) -> None:
    bought(pumped)
    gone(pumped, 3600)
    after(pumped, 60, lambda: stops.halt(pumped.ctx, "enough"))
    done = flatten.flatten(pumped.ctx, "by hand", patient=True)
    assert done.left == ("given up: halt",)
    assert pumped.journal.stop().reason == "enough"
    assert pumped.clock.now() < at("10:02")
    assert pumped.broker.sent == []


@pytest.mark.parametrize("resumed", [False, True])
def test_a_stop_changed_during_the_last_sell_is_not_overwritten(
    world: World, resumed: bool
) -> None:
    bought(world)
    world.broker.fill_at_once = True

    def decide() -> None:
        stops.halt(world.ctx, "enough")
        if resumed:
            stops.resume(world.ctx, "go on")

    world.broker.on_sent = decide
    assert flatten.flatten(world.ctx, "by hand").done
    stop = world.journal.stop()
    assert (stop.mode, stop.reason) == (
        (StopMode.RUNNING, "go on") if resumed else (StopMode.HALT, "enough")
    )


def test_positions_that_the_holdings_lack_are_sold(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought(world)
    world.broker.fill_at_once = True
    nothing = Holdings(
        items=(), total_cost=0, total_value=0, total_profit=0, total_profit_pct=0.0,
        estimated_assets=0,
    )  # fmt: skip
    monkeypatch.setattr(world.broker, "holdings", lambda: nothing)
    done = flatten.flatten(world.ctx, "by hand")
    assert done.done, done.left
    assert market_sells(world) == {SAMSUNG: [10]}
    assert world.journal.positions() == ()
    assert world.journal.doubts() == ()


def test_the_sell_of_shares_that_do_not_exist_is_rejected_and_reported(world: World) -> None:
    """kt's books still have it; the stop stays until they are mended."""
    bought(world)
    world.broker.hold(SAMSUNG, -10, 70_000)
    world.broker.outcomes = [fakes.rejected("800033", "매도가능수량 부족", not_enough=True)]
    done = flatten.flatten(world.ctx, "by hand")
    assert done.left == (f"{SAMSUNG}: 10 shares: REJECTED 800033 매도가능수량 부족",)
    assert world.journal.stop().mode is StopMode.FLATTEN


def test_a_flatten_without_anything_to_do_halts(world: World) -> None:
    done = flatten.flatten(world.ctx, "by hand")
    assert (done.done, done.sold, done.cancelled, world.broker.sent) == (True, (), (), [])
    assert world.journal.stop().reason == "after flatten: by hand"


@pytest.mark.parametrize(
    ("mode", "age", "found"),
    [
        (StopMode.FLATTEN, 119, False),
        (StopMode.FLATTEN, 120, True),
        (StopMode.HALT, 999, False),
        (StopMode.RUNNING, 999, False),
    ],
)
def test_a_flatten_that_has_not_ended_for_long_is_abandoned(
    world: World, mode: StopMode, age: float, found: bool
) -> None:
    began = world.clock.now() - timedelta(seconds=age)
    stop = Stop(mode=mode, reason="by hand", by="owner", at=began)
    assert flatten.abandoned(world.ctx, stop) is found


def test_an_order_of_flatten_is_sent_at_market_with_its_origin(world: World) -> None:
    bought(world)
    world.broker.fill_at_once = True
    (order,) = flatten.flatten(world.ctx, "by hand").sold
    assert (order.origin, order.order_type, order.reason) == (
        Origin.FLATTEN,
        OrderType.MARKET,
        "flatten",
    )


@pytest.mark.parametrize(("code", "price"), [(SAMSUNG, 66_000), (HYNIX, 170_000)])
def test_shares_that_an_exit_sells_after_the_holdings_request_are_not_offered_again(
    world: World, monkeypatch: pytest.MonkeyPatch, code: str, price: int
) -> None:
    """While the order book of the first stock is requested, an exit sells it or the second."""
    bought(world, 10)
    bought(world, 4, code=HYNIX)
    world.broker.fill_at_once = True
    world.clock.advance(60)
    book = world.market.book
    left = []

    def exit_meanwhile(stock_code: str) -> Book:
        if not left:
            left.append(exits.leave(world.ctx, due(world, code, price)))
        return book(stock_code)

    monkeypatch.setattr(world.market, "book", exit_meanwhile)
    world.broker.sent.clear()
    done = flatten.flatten(world.ctx, "by hand")
    assert done.done and done.left == ()
    assert market_sells(world) == {HYNIX: [4], SAMSUNG: [10]}
    assert world.journal.positions() == ()


def due(world: World, stock_code: str, price: int) -> Exit:
    (found,) = exits.exits_at(world.ctx, {stock_code: price})
    return found

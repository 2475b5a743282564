"""The three stops and the way back."""

from __future__ import annotations

import pytest

from kt.errors import Denied, Unreachable
from kt.records import (
    CancelTicket,
    OrderState,
    OrderTicket,
    OrderType,
    Origin,
    Side,
    StopMode,
)
from kt.steps import check, flatten, place, stops
from tests import fakes
from tests.engine.acting import at
from tests.fakes import HYNIX, SAMSUNG, World


def test_a_stop_is_row_and_flag_and_survives_a_restart(world: World) -> None:
    stops.halt(world.ctx, "by hand")
    assert (world.folder / "halt.json").exists()
    world.restart()
    assert stops.current(world.ctx).mode is StopMode.HALT
    stops.resume(world.ctx)
    assert stops.current(world.ctx).mode is StopMode.RUNNING
    assert [title for _, title, _ in world.notifier.told] == ["kt: halt", "kt: running"]


def test_the_owner_may_soften_a_stop_and_kt_may_not(world: World) -> None:
    stops.halt(world.ctx, "by hand")
    stops.reduce(world.ctx, "daily loss", by="daily-loss")
    assert stops.current(world.ctx).mode is StopMode.HALT
    stops.reduce(world.ctx, "better")
    assert stops.current(world.ctx).mode is StopMode.REDUCE


def test_a_flatten_under_way_is_not_resumed(world: World) -> None:
    stops.begin_flatten(world.ctx, "by hand")
    with pytest.raises(Denied):
        stops.resume(world.ctx)
    stops.halt(world.ctx, "enough")
    assert stops.resume(world.ctx).mode is StopMode.RUNNING


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


def test_flatten_sells_in_pieces_that_the_book_can_bear(world: World) -> None:
    world.broker.hold(SAMSUNG, 2_000, 70_000)
    world.broker.fill_at_once = True
    done = flatten.flatten(world.ctx, "by hand")
    assert done.done
    assert market_sells(world) == {SAMSUNG: [900, 900, 200]}


def test_a_book_that_cannot_be_seen_does_not_keep_from_leaving(world: World) -> None:
    world.broker.hold(SAMSUNG, 2_000, 70_000)
    world.broker.fill_at_once = True
    world.market.failing["book"] = Unreachable("HTTP 503")
    assert flatten.flatten(world.ctx, "by hand").done
    assert market_sells(world) == {SAMSUNG: [2_000]}


def test_what_does_not_fill_is_cancelled_and_tried_again(world: World) -> None:
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


def test_a_refusal_is_named_and_kt_is_halted_all_the_same(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    world.broker.hold(HYNIX, 4, 180_000)
    world.broker.fill_at_once = True
    world.broker.outcomes = [fakes.rejected("RC4007", "거래정지")]
    done = flatten.flatten(world.ctx, "by hand")
    assert not done.done
    (left,) = done.left
    assert "RC4007" in left and "거래정지" in left
    assert world.journal.stop().mode is StopMode.HALT
    assert world.broker.held[HYNIX].quantity == 0, "one refusal does not keep the other"
    assert world.notifier.told[-1][0] == "critical"


def test_after_hours_flatten_halts_and_says_what_is_left(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    world.clock.set(at("17:00"))
    done = flatten.flatten(world.ctx, "by hand")
    assert not done.done
    assert "SESSION" in done.left[0]
    assert world.broker.sent == []
    assert world.journal.stop().mode is StopMode.HALT


def test_a_broker_that_is_gone_leaves_kt_halted(world: World) -> None:
    world.broker.failing["holdings"] = Unreachable("gone")
    done = flatten.flatten(world.ctx, "by hand")
    assert not done.done
    assert "gone" in done.left[0]
    assert world.journal.stop().mode is StopMode.HALT


def test_flatten_goes_on_after_a_crash(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert flatten.flatten(world.ctx, "again").done
    assert world.broker.held[SAMSUNG].quantity == 0
    assert world.journal.positions() == ()
    assert world.journal.stop().mode is StopMode.HALT


@pytest.mark.parametrize("taken", [True, False])
def test_an_unknown_sell_of_a_flatten_sells_once(world: World, taken: bool) -> None:
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
def test_what_cannot_be_taken_back_is_tried_once_more_and_then_named(
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
    assert world.journal.stop().mode is StopMode.HALT
    assert market_sells(world) == {SAMSUNG: [7, 3] if times == 1 else [7], HYNIX: [4]}
    (sell,) = [o for o in done.cancelled if o.stock_code == SAMSUNG]
    assert sell.state is (OrderState.CANCELLED if times == 1 else OrderState.CANCELLING)
    still = [row.stock_code for row in world.broker.open_orders()]
    assert still == ([] if times == 1 else [SAMSUNG])
    assert done.left == (
        () if times == 1 else (f"{SAMSUNG}: 3 shares are held, 0 of them can be sold",)
    )


def test_a_stop_loss_leaves_while_a_flatten_is_under_way(world: World) -> None:
    """Nobody may be at it any more: it was killed, and the stop stands."""
    world.broker.hold(SAMSUNG, 10, 70_000)
    world.broker.fill_at_once = True
    stops.begin_flatten(world.ctx, "by hand")
    ticket = fakes.ticket(Side.SELL, order_type=OrderType.MARKET, price=0)
    for origin, state in (
        (Origin.TAKE_PROFIT, OrderState.DENIED),
        (Origin.STOP_LOSS, OrderState.ACKED),
    ):
        checked = check.check_order(world.ctx, fakes.wanted(ticket, origin))
        order = place.place(world.ctx, checked)
        assert order.state is state, order


def test_external_orders_are_not_touched_by_flatten(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    number = world.broker.stand(fakes.ticket(Side.SELL, quantity=10, price=72_000))
    done = flatten.flatten(world.ctx, "by hand")
    assert world.broker.rows[number].open_quantity == 10
    assert world.broker.sent == []
    assert not done.done
    assert "10 shares" in done.left[0]

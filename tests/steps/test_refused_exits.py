"""A failed exit stays armed, is retried with back-off, and is notified once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kt.config.model import Config
from kt.errors import Unreachable
from kt.ports import patience
from kt.records import Concern, Holdings, OrderState, OrderTicket, Outcome, Side
from kt.steps.orders import exits
from kt.steps.reconcile import order_tracking
from kt.steps.risk import stops
from tests import fakes
from tests.fakes import HYNIX, SAMSUNG, World
from tests.steps.test_exits import market_sell
from tests.steps.trading import bought, forget, leave, noted, now, position, titles

TOO_MANY = fakes.rejected("800033", "매도가능수량 부족", not_enough=True)
HALTED = fakes.rejected("571476", "거래정지", concerns=Concern.STOCK)


def test_if_the_broker_has_fewer_shares_those_are_sold(world: World) -> None:
    bought(world)
    world.broker.hold(SAMSUNG, -4, 70_000)
    world.broker.outcomes = [TOO_MANY]
    left = leave(world, 66_000)
    assert world.broker.sent == [market_sell(10), market_sell(6)]
    assert world.broker.asked == ["holdings"]
    assert left.order is not None
    assert (left.order.state, left.order.quantity, left.again_in) == (OrderState.ACKED, 6, 0.0)
    assert titles(world) == [], "it left"


def test_one_free_share_is_sold(world: World) -> None:
    bought(world)
    world.broker.hold(SAMSUNG, -9, 70_000)
    world.broker.outcomes = [TOO_MANY]
    leave(world, 66_000)
    assert world.broker.sent == [market_sell(10), market_sell(1)]


def test_shares_reserved_by_an_external_sell_are_left_out(world: World) -> None:
    """Somebody else's sell of 4 rests: the fake broker refuses as the real one does."""
    bought(world)
    world.broker.stand(fakes.ticket(Side.SELL, quantity=4, price=72_000))
    left = leave(world, 66_000)
    assert world.broker.sent == [market_sell(10), market_sell(6)]
    assert left.order is not None and left.order.ord_no


def test_the_broker_is_asked_for_a_second_at_most_and_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought(world)
    world.broker.outcomes = [TOO_MANY]
    limits: list[tuple[float, bool]] = []
    real = world.broker.holdings

    def asked() -> Holdings:
        limits.append((patience.time_left(), patience.asked_once()))
        return real()

    monkeypatch.setattr(world.broker, "holdings", asked)
    leave(world, 66_000)
    ((seconds, once),) = limits
    assert once
    assert 0 < seconds <= 1.0


@pytest.mark.parametrize("free", [0, 10, 11])
def test_without_fewer_free_shares_nothing_more_is_sold(world: World, free: int) -> None:
    """None: nothing to sell. As many as were asked for: the broker has said no to that."""
    bought(world)
    world.broker.hold(SAMSUNG, free - 10, 70_000)
    world.broker.outcomes = [TOO_MANY]
    left = leave(world, 66_000)
    assert world.broker.sent == [market_sell(10)]
    assert left.order is not None
    assert (left.order.state, left.order.not_enough) == (OrderState.REJECTED, True)
    assert left.again_in == 5.0
    assert titles(world) == [f"stop-loss of {SAMSUNG} 삼성전자 did not leave"]
    assert position(world).quantity == 10, "no refusal empties the books"


def test_holdings_that_cannot_be_fetched_are_journaled_and_nothing_more_is_sold(
    world: World,
) -> None:
    bought(world)
    world.broker.outcomes = [TOO_MANY]
    world.broker.failing["holdings"] = Unreachable("HTTP 503")
    left = leave(world, 66_000)
    assert world.broker.sent == [market_sell(10)]
    assert left.again_in == 5.0
    assert noted(world)[-1] == (f"exit.{SAMSUNG}.free", "HTTP 503")
    ((level, _, text),) = world.notifier.told
    assert level == "critical"
    assert text == (
        "10 shares, 66,000 <= stop 66,500 (average 70,000): REJECTED [800033] 매도가능수량 부족. "
        "It stays armed and is tried again, less and less often; `kt order list` shows every try."
    )


def test_any_other_rejection_makes_no_request(world: World) -> None:
    bought(world)
    world.broker.outcomes = [HALTED]
    leave(world, 66_000)
    assert world.broker.asked == []
    assert world.broker.sent == [market_sell(10)]


def test_a_second_rejection_with_fewer_shares_is_notified_once(world: World) -> None:
    bought(world)
    world.broker.hold(SAMSUNG, -4, 70_000)
    for _ in range(2):
        world.broker.outcomes = [TOO_MANY, HALTED]
        leave(world, 66_000)
        assert world.broker.sent[-1] == market_sell(6)
        assert titles(world) == [f"stop-loss of {SAMSUNG} 삼성전자 did not leave"]
        assert "6 shares" in world.notifier.told[0][2]


def row_of(world: World, refuse: Callable[[], Outcome], length: int) -> list[float]:
    """Refused again and again, each time when its wait is over; the waits."""
    waits = []
    for _ in range(length):
        world.broker.outcomes = [refuse()]
        left = leave(world, 66_000)
        assert left.order is not None
        waits.append(left.again_in)
        assert exits.wait_left(world.ctx, SAMSUNG) == left.again_in
        world.clock.advance(1)
        assert exits.wait_left(world.restart(), SAMSUNG) == left.again_in - 1, "by the journal"
        world.clock.advance(left.again_in - 1)
        assert exits.wait_left(world.ctx, SAMSUNG) == 0
        world.clock.advance(1000)
        assert exits.wait_left(world.ctx, SAMSUNG) == 0
    return waits


def test_a_series_of_failures_backs_off_and_is_notified_once(world: World) -> None:
    bought(world)
    assert exits.wait_left(world.ctx, SAMSUNG) == 0
    waits = row_of(world, lambda: HALTED, 9)
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert titles(world) == [f"stop-loss of {SAMSUNG} 삼성전자 did not leave"]
    assert exits.wait_left(world.ctx, HYNIX) == 0


def test_an_exit_that_never_reached_the_broker_waits_at_most_15_seconds(world: World) -> None:
    bought(world)
    assert row_of(world, fakes.not_placed, 5) == [5, 10, 15, 15, 15]
    ((_, _, text),) = world.notifier.told
    assert "(average 70,000): NOT_PLACED. It stays armed" in text


def test_the_newest_failure_decides_the_longest_wait(world: World) -> None:
    bought(world)
    row_of(world, lambda: HALTED, 5)
    assert row_of(world, fakes.not_placed, 1) == [15]
    assert row_of(world, lambda: HALTED, 1) == [300]


def test_an_exit_denied_by_halt_backs_off_and_is_notified_once(world: World) -> None:
    bought(world)
    stops.halt(world.ctx, "by hand")
    forget(world)
    waits = [leave(world, 66_000).again_in for _ in range(3)]
    assert waits == [5, 10, 20]
    assert titles(world) == [f"stop-loss of {SAMSUNG} 삼성전자 did not leave"]
    assert world.broker.sent == []


def test_an_exit_that_was_sent_ends_the_series_and_the_next_is_notified_again(world: World) -> None:
    bought(world)
    row_of(world, lambda: HALTED, 3)
    order = leave(world, 66_000).order
    assert order is not None and order.state is OrderState.ACKED
    assert exits.wait_left(world.ctx, SAMSUNG) == 0
    order_tracking.on_notice(world.ctx, world.broker.fill(order.ord_no, 4, 66_000))
    (ticket,) = [s for s in world.broker.sent[-1:] if isinstance(s, OrderTicket)]
    assert ticket.quantity == 10
    order_tracking.on_notice(world.ctx, world.broker.fill(order.ord_no, 6, 66_000))
    world.configure(limits=Config().limits)
    bought(world)
    assert row_of(world, lambda: HALTED, 2) == [5, 10]
    assert len(world.notifier.told) == 1


def test_rejections_of_a_manual_sell_do_not_count(world: World) -> None:
    from kt.steps.orders import place
    from kt.steps.risk import check

    bought(world)
    world.broker.outcomes = [HALTED]
    refused = place.place(world.ctx, check.check_order(world.ctx, fakes.intent(Side.SELL)))
    assert refused.state is OrderState.REJECTED
    assert exits.wait_left(world.ctx, SAMSUNG) == 0
    world.broker.outcomes = [HALTED]
    assert leave(world, 66_000).again_in == 5
    later = place.place(world.ctx, check.check_order(world.ctx, fakes.intent(Side.SELL)))
    place.cancel(world.ctx, later)
    world.broker.outcomes = [HALTED]
    assert leave(world, 66_000).again_in == 10, "nor do they end one"


@pytest.mark.parametrize("price", [66_000, 77_000])
def test_an_unfilled_exit_is_notified_with_its_price(world: World, price: int) -> None:
    bought(world)
    order = leave(world, price).order
    assert order is not None
    order_tracking.on_notice(world.ctx, world.broker.fill(order.ord_no, 4, price))
    exits.tell_queued(world.ctx, now(world, order))
    name, at = ("stop-loss", "at market") if price < 70_000 else ("take-profit", "at 77,000")
    assert world.notifier.told == [
        (
            "warning",
            f"{name} of {SAMSUNG} 삼성전자 waits in the queue",
            f"6 of 10 shares {at} (order {order.ord_no}) are not sold yet: there may be no buyers, "
            "as at the lower price limit. The order keeps its place.",
        )
    ]


def test_a_refused_exit_stays_armed(world: World) -> None:
    bought(world)
    world.broker.outcomes = [HALTED]
    leave(world, 66_000)
    assert len(exits.exits_at(world.ctx, {SAMSUNG: 66_000})) == 1
    assert leave(world, 66_000).order is not None
    assert world.broker.sent == [market_sell(10)] * 2


def test_yesterdays_failures_do_not_count(world: World) -> None:
    bought(world)
    row_of(world, lambda: HALTED, 7)
    world.broker.outcomes = [HALTED]
    leave(world, 66_000)
    assert exits.wait_left(world.ctx, SAMSUNG) == 300
    world.clock.advance(24 * 3600)
    world.broker.outcomes = [HALTED]
    assert leave(world, 66_000).again_in == 5

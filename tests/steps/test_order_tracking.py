"""Order events give the same position, whichever source reports them and however often."""

from __future__ import annotations

import queue
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kt.errors import Unreachable
from kt.records import (
    CancelTicket,
    Order,
    OrderNotice,
    OrderState,
    Side,
    StreamEvent,
    StreamState,
)
from kt.steps.orders import place
from kt.steps.reconcile import order_tracking
from kt.steps.risk import check
from tests import fakes
from tests.fakes import SAMSUNG, World


def standing(world: World, side: Side = Side.BUY, quantity: int = 10) -> Order:
    checked = check.check_order(world.ctx, fakes.intent(side, quantity=quantity))
    return place.place(world.ctx, checked)


def test_fills_in_parts_make_a_position_with_its_exits(world: World) -> None:
    order = standing(world)
    order_tracking.on_notice(world.ctx, world.broker.fill(order.ord_no, 4, 70_000))
    (position,) = world.journal.positions()
    assert (position.quantity, position.average_price) == (4, 70_000)
    after = order_tracking.on_notice(world.ctx, world.broker.fill(order.ord_no, 6, 69_500))
    assert after is not None
    assert (after.state, after.filled_quantity) == (OrderState.FILLED, 10)
    (position,) = world.journal.positions()
    assert (position.quantity, position.average_price) == (10, 69_700)
    fees = sum(fill.fee for fill in world.journal.fills())
    assert fees > 0
    assert position.cost == 697_000 + fees
    assert (position.stop_price, position.target_price) == (66_300, 76_700)
    exits = world.journal.events(limit=100, kinds=["exit"])
    assert [row["reason"] for row in exits] == ["position opened", "average price changed"]


def test_the_exits_hold_for_all_that_is_held_at_one_price_too(world: World) -> None:
    order = standing(world)
    for quantity in (5, 5):
        order_tracking.on_notice(world.ctx, world.broker.fill(order.ord_no, quantity, 70_000))
    sold = standing(world, Side.SELL)
    order_tracking.on_notice(world.ctx, world.broker.fill(sold.ord_no, 3, 71_000))
    exits = world.journal.events(limit=100, kinds=["exit"])
    assert [(row["quantity"], row["reason"]) for row in exits] == [
        (5, "position opened"),
        (10, "+5 shares"),
        (7, "-3 shares"),
    ]


def test_a_sale_books_its_trade_after_all_costs(world: World) -> None:
    order = standing(world)
    order_tracking.on_notice(world.ctx, world.broker.fill(order.ord_no, 10, 70_000))
    sold = standing(world, Side.SELL)
    order_tracking.on_notice(world.ctx, world.broker.fill(sold.ord_no, 10, 71_000))
    (trade,) = world.journal.trades()
    assert trade.profit == 710_000 - 100 - 1_420 - 700_000 - 100
    assert world.journal.positions() == ()


def test_the_costs_of_a_frame_are_those_of_the_order_so_far(world: World) -> None:
    """FID 938 is the day's commission of the order: each fill has what it adds."""
    order = standing(world)
    frames = [
        replace(world.broker.fill(order.ord_no, 4, 70_000), fee=40),
        replace(world.broker.fill(order.ord_no, 6, 70_000), fee=100),
    ]
    for frame in frames:
        order_tracking.on_notice(world.ctx, frame)
    assert [fill.fee for fill in world.journal.fills()] == [40, 60]


def test_frames_of_external_orders_are_ignored(world: World) -> None:
    number = world.broker.stand(fakes.ticket())
    assert order_tracking.on_notice(world.ctx, world.broker.fill(number, 1, 70_000)) is None
    assert world.journal.positions() == ()


def notice(order: Order, status: str, **more: object) -> OrderNotice:
    fields: dict[str, object] = {
        "ord_no": order.ord_no,
        "original_ord_no": "",
        "stock_code": SAMSUNG,
        "stock_name": "삼성전자",
        "status": status,
        "side": order.side,
        "quantity": order.quantity,
        "price": order.price,
        "open_quantity": order.quantity,
        "at": order.created_at,
    }
    return OrderNotice(**(fields | more))  # type: ignore[arg-type]


def test_a_cancel_reported_by_answer_and_stream_counts_once(world: World) -> None:
    order = standing(world)
    cancelled = place.cancel(world.ctx, order, quantity=4).order
    number = cancelled.ord_nos[-1] if len(cancelled.ord_nos) > 1 else "0000102"
    for status in ("RECEIVED", "CONFIRMED", "CANCELLED"):
        order_tracking.on_notice(
            world.ctx,
            notice(
                order,
                status,
                ord_no=number,
                original_ord_no=order.ord_no,
                quantity=4,
                open_quantity=6,
                intent="CANCEL",
            ),
        )
    after = world.journal.order(order.order_id)
    assert after is not None
    assert (after.cancelled_quantity, after.open_quantity, after.state) == (
        4, 6, OrderState.ACKED,
    )  # fmt: skip


def test_a_rejection_by_the_stream_ends_the_order(world: World) -> None:
    order = standing(world)
    after = order_tracking.on_notice(
        world.ctx, notice(order, "REJECTED", reject_reason="호가 제한")
    )
    assert after is not None
    assert (after.state, after.message) == (OrderState.REJECTED, "호가 제한")


def test_an_external_amend_of_kts_order_is_recorded(world: World) -> None:
    order = standing(world)
    after = order_tracking.on_notice(
        world.ctx,
        notice(
            order,
            "CONFIRMED",
            ord_no="0000109",
            original_ord_no=order.ord_no,
            price=69_000,
            intent="AMEND",
        ),
    )
    assert after is not None
    assert (after.ord_no, after.price) == ("0000109", 69_000)


def test_a_late_fill_of_a_cancelled_order_counts(world: World) -> None:
    order = standing(world)
    frame = world.broker.fill(order.ord_no, 10, 70_000)
    world.broker.rows[int(order.ord_no)] = replace(
        world.broker.rows[int(order.ord_no)], open_quantity=10
    )
    assert place.cancel(world.ctx, order).order.state is OrderState.CANCELLED
    after = order_tracking.on_notice(world.ctx, frame)
    assert after is not None
    assert after.state is OrderState.FILLED
    assert [p.quantity for p in world.journal.positions()] == [10]


# over REST


def test_the_lists_alone_give_the_same_result_as_the_stream(world: World) -> None:
    order = standing(world)
    world.broker.fill(order.ord_no, 4, 70_000)
    world.broker.fill(order.ord_no, 6, 69_500)
    (after,) = order_tracking.catch_up(world.ctx)
    assert (after.state, after.filled_value) == (OrderState.FILLED, 4 * 70_000 + 6 * 69_500)
    assert order_tracking.catch_up(world.ctx) == ()


def test_rows_without_distinct_open_quantities_are_counted_by_time(world: World) -> None:
    """A list may show what is open now in every row of an order."""
    order = standing(world)
    world.broker.fill(order.ord_no, 4, 70_000)
    world.broker.fill(order.ord_no, 6, 69_500)
    world.broker.fills = [replace(row, open_quantity=0) for row in world.broker.fills]
    (after,) = order_tracking.catch_up(world.ctx)
    assert (after.filled_quantity, after.filled_value) == (10, 4 * 70_000 + 6 * 69_500)


def test_with_no_open_orders_no_request_is_made(world: World) -> None:
    assert order_tracking.catch_up(world.ctx) == ()
    assert world.broker.asked == []


def test_an_order_that_the_exchange_cancelled_is_closed(world: World) -> None:
    order = standing(world)
    world.broker.fill(order.ord_no, 4, 70_000)
    row = world.broker.rows[int(order.ord_no)]
    world.broker.rows[int(order.ord_no)] = replace(row, open_quantity=0)
    (after,) = order_tracking.catch_up(world.ctx)
    assert (after.state, after.filled_quantity, after.cancelled_quantity) == (
        OrderState.CANCELLED, 4, 6,
    )  # fmt: skip


def test_an_order_that_is_listed_late_is_left_open(world: World) -> None:
    order = standing(world)
    world.broker.listed_after = 5
    assert order_tracking.catch_up(world.ctx) == ()
    after = world.journal.order(order.order_id)
    assert after is not None
    assert after.state is OrderState.ACKED


def test_a_fill_that_only_the_open_list_shows_does_not_close_the_order(world: World) -> None:
    """The order has left the open orders, but its fill is not listed yet: it is not closed."""
    order = standing(world)
    world.broker.fill(order.ord_no, 10, 70_000)
    fills, world.broker.fills = world.broker.fills, []
    assert order_tracking.catch_up(world.ctx) == ()
    world.broker.fills = fills
    (after,) = order_tracking.catch_up(world.ctx)
    assert after.state is OrderState.FILLED


def test_fills_of_an_amended_order_count_under_both_numbers(world: World) -> None:
    order = standing(world)
    world.broker.fill(order.ord_no, 4, 70_000)
    order_tracking.catch_up(world.ctx)
    amended = place.amend(world.ctx, order, price=70_100).order
    world.broker.fill(amended.ord_no, 6, 70_100)
    (after,) = order_tracking.catch_up(world.ctx)
    assert (after.state, after.filled_value) == (OrderState.FILLED, 4 * 70_000 + 6 * 70_100)


def test_a_fill_counts_under_the_number_that_it_amends(world: World) -> None:
    """Amended elsewhere: the journal does not know the new number yet."""
    order = standing(world)
    world.broker.fill(order.ord_no, 4, 70_000)
    (row,) = world.broker.fills
    world.broker.fills = [
        replace(row, ord_no="0000999", original_ord_no=order.ord_no.zfill(9)),
        replace(row, ord_no="0000998", original_ord_no="0000997"),
    ]
    (after,) = order_tracking.catch_up(world.ctx)
    assert (after.order_id, after.filled_quantity) == (order.order_id, 4)


# waiting


def test_following_ends_when_the_order_does(world: World) -> None:
    order = standing(world)
    events: queue.Queue[StreamEvent] = queue.Queue()
    events.put(StreamState(state="connected", at=world.clock.now()))
    events.put(world.broker.fill(order.ord_no, 10, 70_000))
    before = world.clock.now()
    (after,) = order_tracking.follow(world.ctx, [order], events, 30)
    assert after.state is OrderState.FILLED
    assert world.clock.now() == before


def test_following_requests_the_lists_because_frames_can_be_lost(world: World) -> None:
    order = standing(world)
    world.broker.fill(order.ord_no, 10, 70_000)
    before = world.clock.now()
    (after,) = order_tracking.follow(world.ctx, [order], queue.Queue(), 30)
    assert after.state is OrderState.FILLED
    assert 5 <= (world.clock.now() - before).total_seconds() <= 10


def test_following_times_out_and_survives_an_unreachable_broker(world: World) -> None:
    order = standing(world)
    world.broker.failing["executions"] = Unreachable("gone")
    before = world.clock.now()
    (after,) = order_tracking.follow(world.ctx, [order], queue.Queue(), 12)
    assert after.state is OrderState.ACKED
    assert (world.clock.now() - before).total_seconds() == pytest.approx(12)
    assert "gone" in str(world.journal.events(limit=100, kinds=["error"]))


# any order of arrival


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    parts=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    sold=st.integers(0, 10),
    seed=st.integers(0, 2**32),
    looks=st.integers(0, 3),
)
def test_frames_in_any_order_and_repeated_give_the_same_position(
    parts: list[int], sold: int, seed: int, looks: int
) -> None:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        straight, shuffled = (World(_folder(Path(folder), name)) for name in ("a", "b"))
        books = []
        for world, mixed in ((straight, False), (shuffled, True)):
            frames = _play(world, parts, min(sold, sum(parts)))
            if mixed:
                frames += chance.choices(frames, k=len(frames))
                chance.shuffle(frames)
            at = {chance.randrange(len(frames) + 1) for _ in range(looks)} if mixed else set()
            for index, frame in enumerate(frames):
                if index in at:
                    order_tracking.catch_up(world.ctx)
                order_tracking.on_notice(world.ctx, frame)
            books.append(_books(world))
            world.close()
        assert books[0] == books[1]


def _folder(root: Path, name: str) -> Path:
    folder = root / name
    folder.mkdir()
    return folder


def _play(world: World, parts: list[int], sold: int) -> list[OrderNotice]:
    """A buy filled in parts, its rest cancelled, then a sale; the frames of it all."""
    world.configure(limits=replace(world.config.limits, per_stock=5_000_000))
    order = standing(world, quantity=sum(parts) + 1)
    frames = []
    for size in parts:
        world.clock.advance(1)
        frames.append(world.broker.fill(order.ord_no, size, 70_000))
    cancelled = world.broker.cancel(CancelTicket(ord_no=order.ord_no, stock_code=SAMSUNG))
    frames.append(
        notice(
            order,
            "CONFIRMED",
            ord_no=cancelled.ord_no,
            original_ord_no=order.ord_no,
            quantity=1,
            open_quantity=0,
            intent="CANCEL",
        )
    )
    world.clock.advance(1)
    if sold:
        sale = standing(world, Side.SELL, sold)
        world.clock.advance(1)
        frames.append(world.broker.fill(sale.ord_no, sold, 71_000))
    return frames


def _books(world: World) -> object:
    orders = [
        (o.side, o.state, o.filled_quantity, o.filled_value, o.cancelled_quantity)
        for o in world.journal.orders()
    ]
    positions = [
        (p.stock_code, p.quantity, p.average_price, p.cost, p.stop_price)
        for p in world.journal.positions()
    ]
    trades: dict[str, tuple[int, int]] = {}
    for trade in world.journal.trades():
        had = trades.get(trade.stock_code, (0, 0))
        trades[trade.stock_code] = (had[0] + trade.quantity, had[1] + trade.profit)
    return orders, positions, trades

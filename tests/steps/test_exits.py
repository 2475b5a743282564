"""Exits are due at their prices, make no request before the order, and sell once."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kt.config.model import Exits
from kt.config.questions import ProfitQuestion, Questions
from kt.errors import Denied, Unreachable
from kt.records import (
    Instrument,
    MarketName,
    OrderState,
    OrderTicket,
    OrderType,
    Origin,
    Position,
    SessionNotice,
    Side,
)
from kt.rules import trading_phases
from kt.steps.orders import exits, place
from kt.steps.portfolio import position_book
from kt.steps.reconcile import order_tracking
from kt.steps.reconcile.startup import reconcile
from kt.steps.risk import check, stops
from tests import fakes
from tests.fakes import HYNIX, SAMSUNG, World
from tests.steps.trading import (
    bought,
    forget,
    leave,
    market_sell,
    noted,
    now,
    position,
    resting,
)

QUERIES = (
    "account", "deposit", "orderable", "holdings", "open_orders", "executions", "day_orders",
    "realised", "returns",
)  # fmt: skip


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
    due = exits.exits_at(world.ctx, {SAMSUNG: price})
    assert [one.origin for one in due] == ([origin] if origin else [])
    assert exits.exits_at(world.ctx, {"000660": price}) == ()


@pytest.mark.parametrize("failing", [False, True])
def test_an_exit_makes_no_request_before_its_order(world: World, failing: bool) -> None:
    """It sells what the journal has, and notes the journal's highest number."""
    bought(world)
    last = bought(world, 1, code=HYNIX)
    world.broker.hold(SAMSUNG, 90, 70_000)  # not in the books yet, and not sold with them
    if failing:
        world.broker.failing = dict.fromkeys(QUERIES, Unreachable("gone"))
        world.market.failing = {"quote": Unreachable("gone"), "book": Unreachable("gone")}
    left = leave(world, 66_000)
    assert left.order is not None
    assert (world.broker.asked, world.market.asked) == ([], [])
    assert world.broker.sent == [market_sell(10)]
    assert (left.order.state, left.again_in, left.taken_back) == (OrderState.ACKED, 0.0, ())
    assert left.order.noted_ord_no == last.ord_no
    assert left.order.origin is Origin.STOP_LOSS
    assert left.order.reason == "66,000 <= stop 66,500 (average 70,000)"
    assert now(world, left.order) == left.order


def test_the_noted_number_may_be_one_that_an_earlier_buy_fetched(world: World) -> None:
    theirs = world.broker.stand(fakes.ticket(code=HYNIX, price=180_000, quantity=1))
    mine = bought(world)
    assert mine.noted_ord_no == f"{theirs:07d}"
    assert int(mine.ord_no) == theirs + 1
    left = leave(world, 66_000)
    assert left.order is not None
    assert left.order.noted_ord_no == mine.ord_no


def test_a_gap_through_the_stop_is_sold_at_market_at_the_first_price(world: World) -> None:
    bought(world)
    left = leave(world, 49_000)
    assert left.order is not None
    assert world.broker.sent == [market_sell(10)]
    assert left.order.reason == "49,000 <= stop 66,500 (average 70,000)"


@pytest.mark.parametrize(("price", "limit"), [(77_000, 77_000), (78_300, 78_300)])
def test_a_take_profit_is_a_limit_order_at_the_price_reached(
    world: World, price: int, limit: int
) -> None:
    bought(world)
    left = leave(world, price)
    assert left.order is not None
    assert world.broker.sent == [replace(market_sell(10), order_type=OrderType.LIMIT, price=limit)]
    assert left.order.origin is Origin.TAKE_PROFIT
    assert left.order.reason == f"{price:,} >= target 77,000 (average 70,000)"


@pytest.mark.parametrize(
    ("kind", "price", "limit"), [("STOCK", 78_350, 78_300), ("ETF", 78_357, 78_355)]
)
def test_a_trade_between_two_ticks_makes_a_limit_on_the_tick_below(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str, price: int, limit: int
) -> None:
    stock = Instrument(
        stock_code=SAMSUNG,
        stock_name="삼성전자",
        market=MarketName.KOSPI,
        base_price=70_000,
        listed_shares=1,
        kind=kind,
    )
    monkeypatch.setattr(world.market, "instruments", lambda: (stock,))
    bought(world)
    leave(world, price)
    assert [sent.price for sent in world.broker.sent if isinstance(sent, OrderTicket)] == [limit]


def test_both_exits_due_at_once_are_one_order_the_stop(world: World) -> None:
    bought(world)
    world.journal.put_position(replace(position(world), stop_price=77_500))
    left = leave(world, 77_200)
    assert left.order is not None
    assert left.order.origin is Origin.STOP_LOSS
    assert world.broker.sent == [market_sell(10)]


def test_prices_of_several_stocks_make_several_exits_due(world: World) -> None:
    bought(world)
    bought(world, 1, code=HYNIX)
    due = exits.exits_at(world.ctx, {SAMSUNG: 66_000, HYNIX: 198_000, "035720": 1})
    assert {d.position.stock_code: (d.origin, d.price) for d in due} == {
        SAMSUNG: (Origin.STOP_LOSS, 66_000),
        HYNIX: (Origin.TAKE_PROFIT, 198_000),
    }
    known = (position(world, HYNIX),)
    assert exits.exits_at(world.ctx, {SAMSUNG: 66_000}, known) == ()
    assert exits.exits_at(world.ctx, {}) == ()


def test_the_rest_of_a_partly_filled_exit_is_followed_and_then_sold(world: World) -> None:
    bought(world)
    order = leave(world, 66_000).order
    assert order is not None
    assert exits.exits_at(world.ctx, {SAMSUNG: 65_000}) == ()
    order_tracking.on_notice(world.ctx, world.broker.fill(order.ord_no, 4, 66_000))
    assert exits.exits_at(world.ctx, {SAMSUNG: 65_000}) == (), "6 are held, and on their way"
    place.cancel(world.ctx, order)
    forget(world)
    left = leave(world, 65_000)
    assert left.due.position.quantity == 6
    assert left.order is not None
    assert world.broker.sent == [market_sell(6)]
    order_tracking.on_notice(world.ctx, world.broker.fill(left.order.ord_no, 6, 65_000))
    assert world.journal.positions() == ()
    assert [(t.quantity, t.origin) for t in world.journal.trades()] == [
        (4, "stop_loss"),
        (6, "stop_loss"),
    ]


def test_a_position_that_is_closed_by_now_is_not_sold(world: World) -> None:
    bought(world)
    (due,) = exits.exits_at(world.ctx, {SAMSUNG: 66_000})
    order = leave(world, 66_000).order
    assert order is not None
    order_tracking.on_notice(world.ctx, world.broker.fill(order.ord_no, 10, 66_000))
    forget(world)
    left = exits.leave(world.ctx, due)
    assert (left.order, left.again_in, world.broker.sent) == (None, 0.0, [])


def test_an_unknown_sell_blocks_the_exit_and_a_lost_one_is_retried_once(world: World) -> None:
    bought(world)
    world.broker.taken = False
    for attempt in range(2):
        world.broker.outcomes = [fakes.unknown()]
        left = leave(world, 66_000)
        assert left.order is not None and left.order.state is OrderState.UNKNOWN
        assert exits.exits_at(world.ctx, {SAMSUNG: 66_000}) == (), attempt
        again = exits.leave(world.ctx, left.due)
        assert (again.order, again.again_in) == (None, exits.FIRST_WAIT)
        reconcile(world.ctx)
    assert exits.exits_at(world.ctx, {SAMSUNG: 66_000}) == ()
    assert len(world.broker.sent) == 2


@pytest.mark.parametrize("stop", ["halt", "reduce", "flatten"])
def test_only_halt_of_all_stops_denies_an_exit(world: World, stop: str) -> None:
    bought(world)
    {"halt": stops.halt, "reduce": stops.reduce, "flatten": stops.begin_flatten}[stop](
        world.ctx, "by hand"
    )
    order = leave(world, 66_000).order
    assert order is not None
    halted = (OrderState.DENIED, "HALTED")
    assert (order.state, order.code) == (halted if stop == "halt" else (OrderState.ACKED, ""))


def test_exits_follow_the_average_and_the_configuration(world: World) -> None:
    world.configure(exits=Exits(stop_loss_pct=2, take_profit_pct=4))
    bought(world, quantity=4)
    assert (position(world).stop_price, position(world).target_price) == (68_600, 72_800)
    bought(world, quantity=4, price=71_000)
    assert position(world).average_price == 70_500
    assert (position(world).stop_price, position(world).target_price) == (69_100, 73_400)
    rows = world.journal.events(kinds=["exit"], limit=100)
    assert [(row["stop_price"], row["target_price"], row["reason"]) for row in rows] == [
        (68_600, 72_800, "position opened"),
        (69_100, 73_400, "average price changed"),
    ]


def test_the_analyst_is_asked_about_a_profit_and_never_about_a_stop(world: World) -> None:
    bought(world)
    (due,) = exits.exits_at(world.ctx, {SAMSUNG: 77_000})
    assert exits.wants_confirmation(world.ctx, due)
    (stop,) = exits.exits_at(world.ctx, {SAMSUNG: 60_000})
    assert not exits.wants_confirmation(world.ctx, stop)
    world.configure(questions=Questions(profit=ProfitQuestion(ask=False)))
    assert not exits.wants_confirmation(world.ctx, due)


def test_two_processes_send_one_exit(world: World) -> None:
    """Another process has sent a sell since this one looked: nothing is sent, and it is noted."""
    bought(world)
    (due,) = exits.exits_at(world.ctx, {SAMSUNG: 66_000})
    world.broker.outcomes = [fakes.unknown()]
    world.broker.taken = False
    exits.leave(world.ctx, due)
    sent = len(world.broker.sent)
    left = exits.leave(world.ctx, due)
    assert (left.order, left.again_in) == (None, exits.FIRST_WAIT)
    assert len(world.broker.sent) == sent
    ((where, what),) = [one for one in noted(world) if one[0] == f"exit.{SAMSUNG}"]
    assert "is still UNKNOWN" in what, where


@pytest.mark.parametrize("why", ["bound", "refused", "gone"])
def test_the_result_names_the_exit_and_the_cancelled_sells(world: World, why: str) -> None:
    bought(world)
    limit = resting(world, 1)
    due = exits.due_at(world.ctx, position(world), 66_000)
    assert due is not None
    if why == "bound":
        resting(world, 9, 0, Origin.MANUAL, OrderType.MARKET)
        world.journal.put_position(replace(position(world), quantity=9))
    elif why == "gone":
        world.journal.put_position(replace(position(world), quantity=0))

    def refuse() -> None:
        if isinstance(world.broker.sent[-1], OrderTicket):
            world.broker.outcomes = [fakes.rejected("571476")]

    world.broker.on_sent = refuse
    left = exits.leave(world.ctx, due)
    assert left.due == due
    assert [order.order_id for order in left.taken_back] == [limit.order_id]
    assert (left.order is not None) is (why == "refused")
    assert left.again_in == (0.0 if why == "gone" else exits.FIRST_WAIT)


def test_the_markets_session_message_overrides_the_calendar_for_an_exit(world: World) -> None:
    """The broker has said that the market is closed: nothing is sent, not for fewer shares
    either."""
    bought(world)
    closed = SessionNotice(code="8", at=world.clock.now())
    assert not trading_phases.may_order(world.clock.now(), world.config.session, closed)
    (due,) = exits.exits_at(world.ctx, {SAMSUNG: 66_000})
    left = exits.leave(world.ctx, due, closed)
    assert left.order is not None
    assert (left.order.state, left.order.code) == (OrderState.DENIED, "SESSION")
    assert world.broker.sent == []


def test_without_the_instrument_list_the_tick_is_that_of_a_stock(world: World) -> None:
    """A process that has just begun knows nothing but its journal."""
    held = world.journal
    held.put_position(
        Position(
            stock_code=SAMSUNG,
            stock_name="삼성전자",
            quantity=10,
            average_price=70_000,
            cost=700_100,
            opened_at=world.clock.now(),
            updated_at=world.clock.now(),
            stop_price=66_500,
            target_price=77_000,
        )
    )
    world.broker.hold(SAMSUNG, 10, 70_000)
    leave(world, 78_350)
    assert [sent.price for sent in world.broker.sent if isinstance(sent, OrderTicket)] == [78_300]
    assert world.market.asked == []


def test_given_positions_are_used_instead_of_the_journals(world: World) -> None:
    bought(world)
    assert exits.exits_at(world.ctx, {SAMSUNG: 66_000}, ()) == ()
    raised = replace(position(world), stop_price=69_900)
    (due,) = exits.exits_at(world.ctx, {SAMSUNG: 69_900}, (raised,))
    assert due.position == raised


def test_a_check_of_an_exit_is_journaled_with_its_origin_and_reason(world: World) -> None:
    bought(world)
    leave(world, 66_000)
    world.journal.flush()
    rows = world.journal.events(kinds=["check"], limit=100)
    last = rows[-1]
    assert (last["origin"], last["passed"]) == ("stop_loss", 1)
    assert last["reason"] == "66,000 <= stop 66,500 (average 70,000)"


def test_an_exit_of_more_shares_than_the_position_is_denied(world: World) -> None:
    wanted = fakes.intent(
        Side.SELL, quantity=11, price=0, order_type=OrderType.MARKET, origin=Origin.STOP_LOSS
    )
    checked = check.check_exit(world.ctx, wanted, 10)
    assert [result.code for result in checked.denials] == ["SELLABLE"]
    with pytest.raises(Denied):
        place.cancel(world.ctx, place.place(world.ctx, checked))


@pytest.mark.parametrize("filled", [4, 10])
def test_sold_shares_that_are_not_booked_yet_are_not_sold_again(
    world: World, monkeypatch: pytest.MonkeyPatch, filled: int
) -> None:
    """Another thread has kept the fill, and takes it into the books next."""
    bought(world)
    sold = leave(world, 66_000).order
    assert sold is not None
    due = exits.due_at(world.ctx, position(world), 66_000)
    assert due is not None
    with monkeypatch.context() as between:
        between.setattr(position_book, "book", lambda *_: None)
        order_tracking.on_notice(world.ctx, world.broker.fill(sold.ord_no, filled, 66_000))
    assert position(world).quantity == 10, "not booked yet"
    left = exits.leave(world.ctx, due)
    assert left.order is None
    assert world.broker.sent == [market_sell(10)]

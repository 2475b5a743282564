"""Exits are due at their prices, make no request before the order, and sell once."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kt.config.model import Exits
from kt.config.questions import ProfitQuestion, Questions
from kt.errors import Denied, Unreachable
from kt.records import (
    STOP_EXITS,
    CancelTicket,
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
from kt.steps.portfolio import daily_pnl, position_book
from kt.steps.reconcile import order_tracking
from kt.steps.reconcile.startup import reconcile
from kt.steps.results import Exit
from kt.steps.risk import check, stops
from tests import fakes
from tests.fakes import HYNIX, SAMSUNG, World
from tests.steps.trading import (
    bought,
    filled_meanwhile,
    forget,
    leave,
    noted,
    now,
    position,
    resting,
    titles,
)

QUERIES = (
    "account", "deposit", "orderable", "holdings", "open_orders", "executions", "day_orders",
    "realised", "returns",
)  # fmt: skip


def market_sell(quantity: int, code: str = SAMSUNG) -> OrderTicket:
    return OrderTicket(
        side=Side.SELL, stock_code=code, quantity=quantity, order_type=OrderType.MARKET, price=0
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


# resting sells of the same stock


@pytest.mark.parametrize("origin", [Origin.MANUAL, Origin.CYCLE, Origin.TAKE_PROFIT])
def test_a_stop_cancels_a_resting_limit_sell(world: World, origin: Origin) -> None:
    bought(world)
    before = resting(world, origin=origin)
    left = leave(world, 66_000)
    assert left.order is not None
    cancel = CancelTicket(ord_no=before.ord_no, stock_code=SAMSUNG)
    assert world.broker.sent == [cancel, market_sell(10)]
    assert world.broker.asked == []
    (back,) = left.taken_back
    assert (back.order_id, back.state) == (before.order_id, OrderState.CANCELLED)
    assert left.order.state is OrderState.ACKED
    ((level, title, text),) = world.notifier.told
    assert (level, title) == ("warning", f"taken back for the stop: SELL {SAMSUNG} 삼성전자")
    assert text == (
        f"10 at 71,000 (order {before.ord_no}, {origin}): 66,000 <= stop 66,500 (average 70,000)"
    )


@pytest.mark.parametrize("stop", sorted(STOP_EXITS - {Origin.CLOSE}))
def test_every_kind_of_stop_cancels_a_resting_sell(world: World, stop: Origin) -> None:
    world.configure(
        exits=Exits(
            max_holding_minutes=60 if stop is Origin.TIME_STOP else 0,
            trailing_stop_pct=3 if stop is Origin.TRAILING_STOP else 0,
        )
    )
    bought(world)
    resting(world)
    world.clock.advance(3600)
    left = leave(world, 70_000 if stop is Origin.TIME_STOP else 66_000)
    assert (left.due.origin, len(left.taken_back)) == (stop, 1)
    assert world.broker.sent[-1] == market_sell(10)


def test_the_sell_before_the_close_cancels_a_resting_sell(world: World) -> None:
    bought(world)
    before = resting(world)
    due = Exit(position(world), Origin.CLOSE, 70_000, "sold before the close")
    left = exits.leave(world.ctx, due)
    assert [order.order_id for order in left.taken_back] == [before.order_id]
    assert left.order is not None
    assert (left.order.origin, left.order.reason) == (Origin.CLOSE, "sold before the close")
    assert world.broker.sent[-1] == market_sell(10)


def test_shares_that_filled_before_the_cancel_are_not_sold_again(world: World) -> None:
    """4 of the first were sold, and nobody has told kt yet: the broker's answer does."""
    bought(world)
    first, second = resting(world, 7), resting(world, 3, 71_400)
    world.broker.fill(first.ord_no, 4, 71_000)
    left = leave(world, 66_000)
    assert [order.order_id for order in left.taken_back] == [second.order_id, first.order_id]
    assert world.broker.sent[2:] == [market_sell(6)]
    assert len(world.notifier.told) == 2


@pytest.mark.parametrize("outcome", [fakes.rejected("RC4033"), fakes.unknown()])
@pytest.mark.parametrize("bound", [4, 10])
def test_shares_of_a_sell_that_cannot_be_cancelled_stay_reserved(
    world: World, outcome: fakes.Outcome, bound: int
) -> None:
    bought(world)
    before = resting(world, bound)
    world.broker.outcomes = [outcome]
    world.broker.taken = False
    left = leave(world, 66_000)
    rest = [market_sell(6)] if bound == 4 else []
    assert world.broker.sent[1:] == rest
    assert (left.order is None) is (bound == 10)
    assert left.again_in == (exits.FIRST_WAIT if bound == 10 else 0.0)
    assert left.taken_back == ()
    assert not any("taken back" in title for title in titles(world))
    assert now(world, before).open_quantity == bound


def test_a_resting_sell_that_just_ended_does_not_hold_the_stop_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought(world)
    order = resting(world, 4)
    filled_meanwhile(world, order, monkeypatch)
    left = leave(world, 66_000)
    assert left.taken_back == ()
    assert world.broker.sent == [market_sell(6)]
    assert [where for where, _ in noted(world)] == [f"exit.{SAMSUNG}.cancel"]


def test_a_take_profit_leaves_a_resting_sell_alone(world: World) -> None:
    bought(world)
    before = resting(world, 4, 71_400)
    assert exits.exits_at(world.ctx, {SAMSUNG: 77_000}) == ()
    due = exits.due_at(world.ctx, position(world), 77_000)
    assert due is not None and exits.held_back(world.ctx, due)
    left = exits.leave(world.ctx, due)
    assert left.taken_back == ()
    assert now(world, before) == before
    assert [type(sent) for sent in world.broker.sent] == [OrderTicket]
    assert left.order is not None and left.order.quantity == 6


def test_an_open_market_sell_is_not_cancelled_for_a_stop(world: World) -> None:
    bought(world)
    resting(world, 10, 0, Origin.MANUAL, OrderType.MARKET)
    due = exits.due_at(world.ctx, position(world), 66_000)
    assert due is not None and exits.held_back(world.ctx, due)
    left = exits.leave(world.ctx, due)
    assert (left.order, left.again_in, left.taken_back) == (None, exits.FIRST_WAIT, ())
    assert world.broker.sent == []


def test_a_stop_sells_the_shares_that_an_open_market_sell_leaves(world: World) -> None:
    bought(world)
    resting(world, 4, 0, Origin.MANUAL, OrderType.MARKET)
    resting(world, 3, 71_000)
    left = leave(world, 66_000)
    assert len(left.taken_back) == 1
    assert world.broker.sent[1:] == [market_sell(6)]


def test_an_external_sell_is_not_cancelled(world: World) -> None:
    """Its shares are the broker's to refuse: see the refusals."""
    bought(world)
    number = world.broker.stand(fakes.ticket(Side.SELL, quantity=10, price=72_000))
    reconcile(world.ctx)
    forget(world)
    leave(world, 66_000)
    assert world.broker.sent == [market_sell(10)]
    assert world.broker.rows[number].open_quantity == 10


def test_a_cancel_that_fails_does_not_prevent_the_next_one(world: World) -> None:
    """The newest is at market, the next is refused, the third ended, the oldest comes back."""
    bought(world)
    oldest, ended, refused = resting(world, 1), resting(world, 1), resting(world, 1)
    resting(world, 1, 0, Origin.MANUAL, OrderType.MARKET)
    world.broker.fill(ended.ord_no, 1, 71_000)
    world.broker.outcomes = [fakes.rejected("RC4061")]
    left = leave(world, 66_000)
    assert [order.order_id for order in left.taken_back] == [oldest.order_id]
    cancels = [sent.ord_no for sent in world.broker.sent if isinstance(sent, CancelTicket)]
    assert cancels == [refused.ord_no, ended.ord_no, oldest.ord_no]
    assert left.order is None or left.order.quantity == 7


def test_an_open_buy_reserves_no_shares_and_stays_open(world: World) -> None:
    bought(world, 5)
    buying = place.place(world.ctx, check.check_order(world.ctx, fakes.intent(quantity=5)))
    forget(world)
    left = leave(world, 66_000)
    assert world.broker.sent == [market_sell(5)]
    assert left.taken_back == ()
    assert now(world, buying) == buying


def test_sells_of_another_stock_do_not_matter(world: World) -> None:
    """Resting, unknown, lost and refused ones of Hynix keep nobody from leaving Samsung."""
    bought(world)
    bought(world, 5, code=HYNIX)
    world.broker.taken = False
    for outcome in (fakes.rejected("571476"), fakes.unknown(), fakes.unknown()):
        world.broker.outcomes = [outcome]
        leave(world, 170_000, HYNIX)
        reconcile(world.ctx)
    assert exits.exits_at(world.ctx, {HYNIX: 170_000}) == (), "lost twice"
    wanted = fakes.intent(Side.SELL, code=HYNIX, price=181_000, quantity=1)
    world.broker.hold(HYNIX, 1, 180_000)
    limit = place.place(world.ctx, check.check_order(world.ctx, wanted))
    forget(world)
    world.broker.outcomes = [fakes.rejected("571476")]
    left = leave(world, 66_000)
    assert world.broker.sent == [market_sell(10)]
    assert (left.taken_back, left.again_in) == ((), exits.FIRST_WAIT)
    assert exits.wait_left(world.ctx, SAMSUNG) == exits.FIRST_WAIT
    assert titles(world) == [f"stop-loss of {SAMSUNG} 삼성전자 did not leave"]
    assert now(world, limit) == limit


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


# trailing stop, time stop, what kt did not buy


def test_a_trailing_stop_rises_never_falls_and_survives_a_restart(world: World) -> None:
    world.configure(exits=Exits(trailing_stop_pct=3))
    bought(world)
    assert (position(world).stop_price, position(world).trailing) == (67_900, True)
    daily_pnl.mark(world.ctx, {SAMSUNG: 75_000})
    daily_pnl.mark(world.ctx, {SAMSUNG: 73_000})
    world.restart()
    daily_pnl.mark(world.ctx, {SAMSUNG: 74_000})
    risen = position(world)
    assert (risen.stop_price, risen.peak_price, risen.trailing) == (72_800, 75_000, True)
    assert exits.exits_at(world.ctx, {SAMSUNG: 72_900}) == ()
    order = leave(world, 72_800).order
    assert order is not None
    assert order.origin is Origin.TRAILING_STOP
    assert order.reason == "72,800 <= trailing stop 72,800 (highest 75,000)"
    assert world.broker.sent == [market_sell(10)]
    rows = world.journal.events(kinds=["exit"], limit=100)
    assert [row["reason"] for row in rows] == [
        "position opened",
        "trailing stop: 75,000 is the highest price so far",
    ]


def test_a_trailing_stop_stays_above_when_more_is_bought(world: World) -> None:
    world.configure(exits=Exits(trailing_stop_pct=3))
    bought(world)
    daily_pnl.mark(world.ctx, {SAMSUNG: 75_000})
    bought(world, 2, 71_000)
    assert position(world).average_price == 70_167
    assert (position(world).stop_price, position(world).peak_price) == (72_800, 75_000)


def test_a_higher_stop_loss_replaces_the_trailing_stop(world: World) -> None:
    world.configure(exits=Exits(trailing_stop_pct=3, stop_loss_pct=1))
    bought(world, 1)
    daily_pnl.mark(world.ctx, {SAMSUNG: 71_500})
    assert (position(world).stop_price, position(world).trailing) == (69_400, True)
    bought(world, 9, 71_400)
    after = position(world)
    assert (after.average_price, after.stop_price, after.trailing) == (71_260, 70_600, False)


def test_a_trailing_stop_that_is_switched_off_is_the_stop_loss_again(world: World) -> None:
    world.configure(exits=Exits(trailing_stop_pct=3))
    bought(world)
    daily_pnl.mark(world.ctx, {SAMSUNG: 75_000})
    world.configure(exits=Exits())
    daily_pnl.mark(world.ctx, {SAMSUNG: 74_000})
    assert (position(world).stop_price, position(world).trailing) == (66_500, False)


def test_a_time_stop_sells_what_is_held_for_long(world: World) -> None:
    world.configure(exits=Exits(max_holding_minutes=60))
    bought(world)
    world.clock.advance(3599)
    assert exits.exits_at(world.ctx, {SAMSUNG: 70_000}) == ()
    world.restart()
    world.clock.advance(1)
    order = leave(world, 70_000).order
    assert order is not None
    assert order.origin is Origin.TIME_STOP
    assert order.reason == "held since 2026-11-23 10:00: longer than 60 min"
    assert world.broker.sent == [market_sell(10)]


def test_external_shares_get_exits_from_the_price_at_which_they_were_found(world: World) -> None:
    world.broker.hold(SAMSUNG, 7, 100_000)
    world.broker.held[SAMSUNG] = replace(world.broker.held[SAMSUNG], price=70_000)
    reconcile(world.ctx)
    found = position(world)
    assert (found.source, found.stop_price, found.target_price) == ("external", 66_500, 77_000)
    daily_pnl.mark(world.ctx, {SAMSUNG: 68_000})
    assert (position(world).stop_price, position(world).target_price) == (66_500, 77_000)
    forget(world)
    leave(world, 66_500)
    assert world.broker.sent == [market_sell(7)]


def test_external_shares_get_no_exits_when_configured_so(world: World) -> None:
    world.configure(exits=Exits(external="leave", max_holding_minutes=1, trailing_stop_pct=1))
    world.broker.hold(SAMSUNG, 7, 70_000)
    reconcile(world.ctx)
    found = position(world)
    assert (found.source, found.stop_price, found.target_price) == ("external", 0, 0)
    daily_pnl.mark(world.ctx, {SAMSUNG: 80_000})
    world.clock.advance(3600)
    for price in (1, 70_000, 10**6):
        assert exits.exits_at(world.ctx, {SAMSUNG: price}) == ()
    world.configure(exits=Exits())
    daily_pnl.mark(world.ctx, {SAMSUNG: 80_000})
    assert position(world).stop_price == 76_000, "protected from now on"


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

"""A single answer of the broker removes no position: missing shares are doubted first."""

from __future__ import annotations

from datetime import datetime

import pytest
from msgspec.structs import replace

from kt.config.model import Limits
from kt.errors import Unreachable
from kt.records import (
    BalanceNotice,
    Check,
    Doubt,
    OrderState,
    OrderType,
    Origin,
    Side,
)
from kt.steps.orders import exits
from kt.steps.portfolio import daily_pnl
from kt.steps.reconcile import position_reconciliation
from kt.steps.reconcile.startup import reconcile
from kt.steps.results import Difference
from kt.steps.risk import check
from tests import fakes
from tests.fakes import HYNIX, SAMSUNG, World
from tests.steps.test_exits import market_sell
from tests.steps.trading import bought, forget, leave, noted, position, resting

STAYS = "the position and its exits stay"


@pytest.fixture
def held(world: World) -> World:
    """10 of Samsung and 2 of Hynix, bought by kt; the books agree."""
    bought(world)
    bought(world, 2, code=HYNIX)
    assert reconcile(world.ctx).lines() == ()
    world.clock.advance(60)
    return world


def hide(world: World, code: str = SAMSUNG, shares: int = 10) -> None:
    """The broker's list lacks shares, though nobody sold them; cash and fills stay."""
    world.broker.missing[code] = shares


def show(world: World) -> None:
    """The list is right again."""
    world.broker.missing.clear()


def look(world: World) -> tuple[Difference, ...]:
    return reconcile(world.ctx).differences


def doubts(world: World) -> dict[str, tuple[int, int, int]]:
    """By stock: ours, the broker's, looks."""
    return {d.stock_code: (d.ours, d.brokers, d.looks) for d in world.journal.doubts()}


def notices(world: World) -> list[str]:
    rows = world.journal.events(kinds=["notice"], limit=1000)
    return [row["title"] for row in rows if row["title"] in ("holdings doubted", "books repaired")]


def quantities(world: World) -> dict[str, int]:
    return {p.stock_code: p.quantity for p in world.journal.positions()}


def test_empty_holdings_leave_the_positions(held: World) -> None:
    before = {p.stock_code: p for p in held.journal.positions()}
    hide(held)
    hide(held, HYNIX, 2)
    first, second = look(held)
    assert (first.stock_code, second.stock_code) == (HYNIX, SAMSUNG)
    assert (second.ours, second.brokers) == ("10 shares", "0 shares")
    since = held.clock.now()
    assert second.done == f"not believed yet (since {since:%H:%M:%S}): {STAYS}"
    assert not first.alarming and not second.alarming
    after = {p.stock_code: p for p in held.journal.positions()}
    assert quantities(held) == {SAMSUNG: 10, HYNIX: 2}
    for code, kept in after.items():
        assert (kept.stop_price, kept.source) == (before[code].stop_price, "kt")
    assert notices(held) == ["holdings doubted"] * 2
    rows = held.journal.events(kinds=["notice"], limit=100)
    assert [(row["level"], row["text"]) for row in rows if row["title"] == "holdings doubted"] == [
        ("warning", first.text()),
        ("warning", second.text()),
    ]
    assert {first.what, second.what} == {"position"}
    assert held.journal.doubts() == (
        doubt(HYNIX, "SK하이닉스", 2, since),
        doubt(SAMSUNG, "삼성전자", 10, since),
    )


def doubt(code: str, name: str, ours: int, at: datetime) -> Doubt:
    return Doubt(stock_code=code, stock_name=name, ours=ours, brokers=0, since=at, seen=at, looks=1)


def test_missing_shares_are_doubted_in_part_and_by_stock(held: World) -> None:
    hide(held, shares=5)
    (difference,) = look(held)
    assert (difference.ours, difference.brokers) == ("10 shares", "5 shares")
    assert doubts(held) == {SAMSUNG: (10, 5, 1)}
    assert quantities(held) == {SAMSUNG: 10, HYNIX: 2}


def test_a_doubt_is_recorded_once_with_its_first_time_and_reported_once(held: World) -> None:
    hide(held)
    look(held)
    since = held.clock.now()
    for looks in (2, 3):
        held.clock.advance(30)
        held.restart()
        (difference,) = look(held)
        assert f"since {since:%H:%M:%S}" in difference.done
        (doubt,) = held.journal.doubts()
        assert (doubt.since, doubt.seen, doubt.looks) == (since, held.clock.now(), looks)
    assert notices(held) == ["holdings doubted"]


def test_other_numbers_are_a_new_doubt(held: World) -> None:
    hide(held)
    look(held)
    held.clock.advance(100)
    hide(held, shares=5)
    look(held)
    (doubt,) = held.journal.doubts()
    assert (doubt.brokers, doubt.since, doubt.looks) == (5, held.clock.now(), 1)
    assert notices(held) == ["holdings doubted"] * 2
    held.clock.advance(position_reconciliation.CONFIRMED_AFTER - 10)
    look(held)
    assert quantities(held)[SAMSUNG] == 10, "counted from the new one"


def test_exits_of_a_doubted_position_are_due_and_sell_all_of_it(held: World) -> None:
    hide(held)
    look(held)
    forget(held)
    assert len(exits.exits_at(held.ctx, {SAMSUNG: 77_000})) == 1
    leave(held, 66_000)
    assert held.broker.sent == [market_sell(10)]
    assert held.broker.asked == []


def test_shares_missing_for_three_minutes_are_booked_out(held: World) -> None:
    hide(held)
    look(held)
    (began,) = held.journal.doubts()
    took = position_reconciliation.PAUSE * (position_reconciliation.COMPARISONS - 1)
    held.clock.advance(position_reconciliation.CONFIRMED_AFTER - took - 1)
    look(held)
    assert quantities(held)[SAMSUNG] == 10
    held.clock.advance(1 - took)
    (difference,) = look(held)
    assert held.clock.now() == began.since + position_reconciliation.timedelta(
        seconds=position_reconciliation.CONFIRMED_AFTER
    )
    assert difference.done == "kt's books now say what the broker says"
    assert difference.alarming, "nothing explains it"
    assert quantities(held) == {HYNIX: 2}
    assert held.journal.doubts() == ()
    assert notices(held) == ["holdings doubted", "books repaired"]
    assert reconcile(held.ctx).lines() == ()
    (trade,) = held.journal.trades()
    assert trade.profit == pytest.approx(0, abs=10), "nobody knows what they brought"


def elsewhere(world: World, side: Side = Side.SELL, shares: int = 10, price: int = 71_000) -> None:
    """Somebody else's trade in the same account."""
    number = world.broker.stand(fakes.ticket(side, quantity=shares, price=price))
    world.broker.fill(number, shares, price)


def test_missing_shares_with_an_execution_are_booked_out_at_its_price(held: World) -> None:
    elsewhere(held, shares=4, price=71_000)
    elsewhere(held, shares=6, price=72_000)
    (difference,) = look(held)
    assert not difference.alarming
    assert quantities(held) == {HYNIX: 2}
    (trade,) = held.journal.trades()
    assert (trade.quantity, trade.sell_price, trade.origin) == (10, 71_600, "external")
    assert trade.profit == 16_000 - 100
    assert held.journal.doubts() == ()
    assert notices(held) == ["books repaired"]


def test_a_part_sold_elsewhere_does_not_explain_the_rest(held: World) -> None:
    elsewhere(held, shares=4)
    hide(held, shares=6)
    look(held)
    assert doubts(held) == {SAMSUNG: (10, 0, 1)}
    assert quantities(held)[SAMSUNG] == 10


def test_one_trade_explains_one_booking(held: World) -> None:
    """4 were sold elsewhere and are booked; when the list lacks 4 more, that is no evidence."""
    elsewhere(held, shares=4, price=71_000)
    look(held)
    assert quantities(held)[SAMSUNG] == 6
    hide(held, shares=4)
    look(held)
    assert doubts(held) == {SAMSUNG: (6, 2, 1)}
    assert quantities(held)[SAMSUNG] == 6
    show(held)
    elsewhere(held, shares=2, price=74_000)
    look(held)
    assert quantities(held)[SAMSUNG] == 4
    assert [trade.sell_price for trade in held.journal.trades()] == [71_000, 74_000]


def test_bookings_of_another_stock_or_day_take_nothing_from_a_trade(held: World) -> None:
    number = held.broker.stand(fakes.ticket(Side.SELL, HYNIX, 2, 180_000))
    held.broker.fill(number, 2, 180_000)
    look(held)
    elsewhere(held, shares=2)
    look(held)
    assert quantities(held) == {SAMSUNG: 8}
    held.clock.advance(24 * 3600)
    elsewhere(held, shares=2)
    (difference,) = look(held)
    assert quantities(held) == {SAMSUNG: 6}
    assert not difference.alarming


def test_a_booking_is_an_order_of_somebody_elses_that_filled(held: World) -> None:
    elsewhere(held, shares=4)
    (difference,) = look(held)
    assert (difference.what, difference.stock_code) == ("position", SAMSUNG)
    order = held.journal.orders()[0]
    assert (order.origin, order.side) == (Origin.EXTERNAL, Side.SELL)
    assert order.state is OrderState.FILLED
    assert (order.stock_name, order.quantity, order.price) == ("삼성전자", 4, 71_000)
    assert order.reason == "the broker holds another quantity than kt's books said"
    (fill,) = held.journal.fills(order_id=order.order_id)
    assert (fill.quantity, fill.price, fill.ord_no, fill.source) == (4, 71_000, "", "rest")
    rows = held.journal.events(kinds=["notice"], limit=100)
    (notice,) = [row for row in rows if row["title"] == "books repaired"]
    assert (notice["level"], notice["text"]) == ("warning", difference.text())
    assert held.notifier.told[-1] == ("warning", "books repaired", difference.text())


def test_an_execution_listed_after_its_shares_were_booked_out_explains_no_more(
    held: World,
) -> None:
    held.broker.failing["executions"] = Unreachable("HTTP 503")
    elsewhere(held, shares=4)
    look(held)
    held.clock.advance(position_reconciliation.CONFIRMED_AFTER)
    look(held)
    assert quantities(held)[SAMSUNG] == 6
    held.broker.failing.clear()
    hide(held, shares=4)
    look(held)
    assert doubts(held) == {SAMSUNG: (6, 2, 1)}


def test_an_execution_after_shares_were_missing_and_listed_again_counts(held: World) -> None:
    gone(held)
    show(held)
    look(held)
    elsewhere(held, price=72_000)
    (difference,) = look(held)
    assert not difference.alarming
    assert quantities(held) == {HYNIX: 2}
    assert held.journal.trades()[-1].sell_price == 72_000


def test_shares_sold_and_bought_back_elsewhere_explain_nothing(held: World) -> None:
    elsewhere(held, Side.SELL)
    elsewhere(held, Side.BUY)
    assert look(held) == ()
    hide(held)
    look(held)
    assert doubts(held) == {SAMSUNG: (10, 0, 1)}


def test_an_order_of_kts_own_is_no_trade_of_others(held: World) -> None:
    """Sold by kt in the morning and bought again: that sale explains nothing now."""
    order = leave(held, 66_000).order
    assert order is not None
    from kt.steps.reconcile import order_tracking

    order_tracking.on_notice(held.ctx, held.broker.fill(order.ord_no, 10, 66_000))
    bought(held)
    assert reconcile(held.ctx).lines() == ()
    hide(held)
    look(held)
    assert doubts(held) == {SAMSUNG: (10, 0, 1)}


def frame(world: World, quantity: int) -> BalanceNotice:
    return BalanceNotice(
        stock_code=SAMSUNG,
        stock_name="삼성전자",
        quantity=quantity,
        sellable=quantity,
        average_price=70_000,
        price=70_000,
        realised_today=0,
        at=world.clock.now(),
    )


@pytest.mark.parametrize(("told", "believed"), [(0, True), (5, False), (10, False)])
def test_missing_shares_confirmed_by_a_balance_frame_are_booked_out(
    held: World, told: int, believed: bool
) -> None:
    hide(held)
    (difference,) = position_reconciliation.reconcile_positions(
        held.ctx, {SAMSUNG: frame(held, told)}
    )
    assert (SAMSUNG not in quantities(held)) is believed
    assert (difference.done == "kt's books now say what the broker says") is believed
    assert not difference.alarming


def test_a_balance_frame_with_another_quantity_is_no_evidence(held: World) -> None:
    hide(held, shares=5)
    position_reconciliation.reconcile_positions(
        held.ctx, {SAMSUNG: frame(held, 5), HYNIX: frame(held, 5)}
    )
    assert quantities(held) == {SAMSUNG: 5, HYNIX: 2}


def test_cash_is_counted_from_the_last_note(world: World) -> None:
    """Noted after the buy, so that what the buy cost is in the note already."""
    world.broker.d2_cash = 10_000_000
    assert reconcile(world.ctx).lines() == ()
    bought(world)
    world.broker.d2_cash = 10_000_000 + world.journal.cash_flow().won
    assert reconcile(world.ctx).lines() == ()
    note = world.journal.cash_note()
    assert note is not None and note.won == -700_100
    hide(world)
    world.broker.d2_cash += 700_000
    look(world)
    assert quantities(world) == {}


@pytest.mark.parametrize(
    ("came_in", "believed"),
    [(700_000, True), (666_000, True), (734_000, True), (664_000, False), (736_000, False)],
)
def test_missing_shares_whose_worth_was_received_in_cash_are_booked_out(
    world: World, came_in: int, believed: bool
) -> None:
    """10 shares at 70,000, within 5 %."""
    world.broker.d2_cash = 10_000_000
    assert reconcile(world.ctx).lines() == ()
    bought(world)
    world.broker.d2_cash = 10_000_000 + world.journal.cash_flow().won
    hide(world)
    world.broker.d2_cash += came_in
    look(world)
    assert (quantities(world) == {}) is believed
    assert (doubts(world) == {}) is believed


def test_no_cash_figure_and_no_answer_are_no_evidence(world: World) -> None:
    world.broker.d2_cash = 10_000_000
    reconcile(world.ctx)
    bought(world)
    hide(world)
    world.broker.d2_cash = 0
    position_reconciliation.reconcile_positions(world.ctx)
    assert quantities(world) == {SAMSUNG: 10}
    world.broker.failing["deposit"] = Unreachable("HTTP 503")
    position_reconciliation.reconcile_positions(world.ctx)
    assert quantities(world) == {SAMSUNG: 10}
    assert ("reconcile.cash", "HTTP 503") in noted(world)


def test_executions_that_cannot_be_fetched_are_no_evidence(held: World) -> None:
    elsewhere(held)
    held.broker.failing["executions"] = Unreachable("HTTP 503")
    look(held)
    assert quantities(held)[SAMSUNG] == 10
    assert ("reconcile.executions", "HTTP 503") in noted(held)


def test_additional_shares_are_booked_at_once(held: World) -> None:
    held.broker.hold(SAMSUNG, 5, 70_000)
    (difference,) = look(held)
    assert difference.alarming
    assert (position(held).quantity, position(held).source) == (15, "external")
    elsewhere(held, Side.BUY, 5, 72_000)
    (difference,) = look(held)
    assert not difference.alarming, "a trade of the day explains it"
    assert position(held).quantity == 20


def test_additional_shares_are_booked_so_that_the_cost_is_the_brokers(held: World) -> None:
    """5 more, for 72,000 each; the trade's own price is another matter."""
    elsewhere(held, Side.BUY, 5, 72_000)
    item = held.broker.held[SAMSUNG]
    assert item.cost == 1_060_000
    held.broker.fills[-1] = replace(held.broker.fills[-1], price=90_000)
    look(held)
    found = position(held)
    assert (found.quantity, found.average_price) == (15, 70_660)
    assert found.cost == pytest.approx(1_060_000, abs=15)


def test_a_difference_of_one_share_counts(held: World) -> None:
    held.broker.hold(SAMSUNG, 1, 70_000)
    look(held)
    assert position(held).quantity == 11
    elsewhere(held, shares=1)
    look(held)
    assert position(held).quantity == 10


def test_a_doubt_is_dropped_when_the_list_is_right_again(held: World) -> None:
    hide(held)
    look(held)
    show(held)
    assert look(held) == ()
    assert held.journal.doubts() == ()
    hide(held)
    held.clock.advance(position_reconciliation.CONFIRMED_AFTER)
    look(held)
    assert doubts(held) == {SAMSUNG: (10, 0, 1)}, "and begins anew"


def test_a_doubt_stays_while_an_order_of_the_stock_is_open(held: World) -> None:
    hide(held, shares=5)
    look(held)
    before = doubts(held)
    resting(held, 5, origin=Origin.TAKE_PROFIT)
    assert look(held) == ()
    assert doubts(held) == before


# what else rests on the holdings


def sell(world: World, quantity: int) -> Check:
    return check.check_order(world.ctx, fakes.intent(Side.SELL, quantity=quantity))


@pytest.mark.parametrize("listed", [0, 5])
def test_a_typed_sell_of_a_doubted_position_passes(held: World, listed: int) -> None:
    hide(held, shares=10 - listed)
    look(held)
    checked = sell(held, 10)
    assert checked.passed, checked.denials
    details = {result.code: result.detail for result in checked.results}
    assert details["NOT_HELD"] == f"10 shares of {SAMSUNG} held"
    assert details["SELLABLE"] == "10 <= sellable 10"
    assert [r.code for r in sell(held, 11).denials] == ["SELLABLE"]
    resting(held, 4)
    (denial,) = sell(held, 10).denials
    assert (denial.code, denial.detail) == (
        "SELLABLE",
        "10 > sellable 6; at most 6 shares would pass",
    )


def test_an_analysts_sell_of_a_doubted_position_is_sized_by_the_books(held: World) -> None:
    from kt.records import Action
    from tests.steps.trading import decided

    hide(held)
    held.clock.advance(600)
    (checked,) = check.check(held.ctx, [decided(held, action=Action.SELL)])
    assert (checked.passed, checked.quantity) == (True, 10), checked.denials


def test_without_the_holdings_a_sell_is_checked_by_the_position(held: World) -> None:
    held.broker.failing["holdings"] = Unreachable("HTTP 503")
    assert sell(held, 10).passed
    strange = check.check_order(held.ctx, fakes.intent(Side.SELL, code="035720", price=45_000))
    assert strange.denials[0].detail == "cannot be evaluated: what is held is not known"


def test_more_at_the_broker_than_in_the_books_may_be_sold(held: World) -> None:
    held.broker.hold(SAMSUNG, 5, 70_000)
    assert sell(held, 15).passed
    assert not sell(held, 16).passed


@pytest.mark.parametrize("listed", [0, 5, 10])
def test_limits_count_the_cost_of_a_doubted_position(held: World, listed: int) -> None:
    """700,000 and its fee of 100 are in Samsung, and 360,050 in Hynix."""
    cost = position(held).cost
    held.broker.held[SAMSUNG] = replace(held.broker.held[SAMSUNG], cost=0)
    hide(held, shares=10 - listed)
    checked = check.check_order(held.ctx, fakes.intent(quantity=5))
    details = {result.code: result.detail for result in checked.denials}
    assert details == {
        "PER_STOCK_LIMIT": f"{cost:,} + 350,000 = {cost + 350_000:,} > limit 1,000,000; "
        "at most 4 shares would pass"
    }
    held.configure(limits=Limits(positions=2))
    other = check.check_order(held.ctx, fakes.intent(code="035720", price=45_000, quantity=1))
    assert [result.code for result in other.denials] == ["MAX_POSITIONS"]


def test_the_loss_of_a_doubted_position_counts(held: World) -> None:
    """The broker's own figure does not, for it lacks the stock."""
    held.configure(limits=Limits(daily_loss=100_000))
    daily_pnl.mark(held.ctx, {SAMSUNG: 59_000})
    assert check.check_order(held.ctx, fakes.intent(quantity=1)).passed, "the broker's figure: 0"
    hide(held)
    (denied,) = check.check_order(held.ctx, fakes.intent(quantity=1)).denials
    assert denied.code == "DAILY_LOSS"
    loss = -sum(p.profit for p in held.journal.positions())
    assert 110_000 < loss < 115_000
    assert f"loss {loss:,} >= limit 100,000" in denied.detail


# gone and found again


def gone(world: World) -> None:
    hide(world)
    look(world)
    world.clock.advance(position_reconciliation.CONFIRMED_AFTER)
    look(world)
    assert SAMSUNG not in quantities(world)


@pytest.mark.parametrize(("held_for", "away"), [(0, 0), (1, 1), (9, 6)])
def test_shares_booked_out_and_listed_again_are_kts_own_again(
    held: World, held_for: int, away: int
) -> None:
    before = position(held)
    held.clock.advance(held_for * 24 * 3600)
    gone(held)
    held.restart()
    held.clock.advance(away * 24 * 3600)
    show(held)
    look(held)
    after = position(held)
    for name in ("quantity", "average_price", "cost", "opened_at", "stop_price", "target_price",
                 "source"):  # fmt: skip
        assert getattr(after, name) == getattr(before, name), name
    assert after.source == "kt"
    assert look(held) == ()


def test_what_was_sold_elsewhere_and_bought_again_is_a_new_position(held: World) -> None:
    """Its profit is booked already: it does not come back with the old average."""
    elsewhere(held, Side.SELL, price=80_000)
    look(held)
    held.clock.advance(60)
    elsewhere(held, Side.BUY, price=80_000)
    look(held)
    after = position(held)
    assert (after.average_price, after.source) == (80_000, "external")
    assert after.opened_at == held.clock.now()
    (trade,) = held.journal.trades()
    assert trade.profit == 100_000 - 100


def test_another_quantity_listed_later_is_a_new_external_position(held: World) -> None:
    gone(held)
    hide(held, shares=3)
    look(held)
    assert (position(held).quantity, position(held).source) == (7, "external")


def test_shares_that_are_missing_and_listed_again_twice_stay_kts_own(held: World) -> None:
    before = position(held)
    for _ in range(2):
        gone(held)
        show(held)
        look(held)
    after = position(held)
    assert (after.opened_at, after.source) == (before.opened_at, "kt")
    assert {order.state for order in held.journal.orders()} == {OrderState.FILLED}
    assert all(
        order.order_type is OrderType.MARKET
        for order in held.journal.orders()
        if order.origin is Origin.EXTERNAL
    )

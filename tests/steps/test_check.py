"""The pre-trade check through its public functions: each denial code, with its figures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from kt.config.model import Exits, Limits, ProfileConfig, Sizing
from kt.config.scan import Scan
from kt.errors import ExitCode, KtError, Unreachable
from kt.records import (
    Action,
    Check,
    Orderable,
    OrderState,
    OrderTicket,
    OrderType,
    Origin,
    RiskLevel,
    Side,
    StopMode,
)
from kt.steps.orders import place
from kt.steps.orders.flatten import flatten
from kt.steps.portfolio import daily_pnl
from kt.steps.reconcile.startup import reconcile
from kt.steps.risk import check, stops
from tests import fakes
from tests.engine.acting import at
from tests.fakes import HYNIX, SAMSUNG, World
from tests.steps.trading import decided, warned


def denied(checked: Check) -> set[str]:
    return {result.code for result in checked.denials}


def detail(checked: Check, code: str) -> str:
    (result,) = [result for result in checked.results if result.code == code]
    return result.detail


def test_a_decision_is_sized_by_kt(world: World) -> None:
    (checked,) = check.check(world.ctx, [decided(world, quantity=100)])
    assert checked.passed
    assert (checked.side, checked.quantity, checked.price) == (Side.BUY, 14, 70_000)
    assert "analyst 100" in detail(checked, "SIZE")
    assert detail(checked, "PER_STOCK_LIMIT") == "0 + 980,000 = 980,000 <= limit 1,000,000"
    assert checked.order_type is OrderType.LIMIT


@pytest.mark.parametrize("idle", [Action.HOLD, Action.ABSTAIN])
def test_a_hold_needs_no_check_and_no_request(world: World, idle: Action) -> None:
    assert check.check(world.ctx, [decided(world, action=idle, price=0)]) == ()
    assert world.broker.asked == []


def test_the_process_documents_own_decision_passes_with_all_ten_shares(world: World) -> None:
    asked = decided(world, quantity=10, price=70_000, confidence=0.85, risk_level=RiskLevel.MEDIUM)
    (checked,) = check.check(world.ctx, [asked])
    assert (checked.passed, checked.quantity, checked.price) == (True, 10, 70_000)


def test_the_configuration_and_the_market_size_an_order(world: World) -> None:
    world.configure(sizing=Sizing(risk_to_stop=30_000), exits=Exits(stop_loss_pct=10))
    (checked,) = check.check(world.ctx, [decided(world, quantity=10)])
    assert checked.quantity == 4
    assert "30,000 to the stop at -10 %: 4" in detail(checked, "SIZE")
    world.configure(sizing=Sizing(volume_pct=0.0003))
    (checked,) = check.check(world.ctx, [decided(world, quantity=10)])
    assert checked.quantity == 3
    assert "% of the volume 1,000,000: 3" in detail(checked, "SIZE")


def test_a_sell_is_sized_by_what_may_be_sold(world: World) -> None:
    world.broker.hold(SAMSUNG, 4, 70_000)
    (checked,) = check.check(world.ctx, [decided(world, action=Action.SELL)])
    assert checked.passed
    assert checked.quantity == 4


def test_a_batch_does_not_spend_the_same_money_twice(world: World) -> None:
    world.configure(limits=Limits(per_stock=700_000, total=1_200_000))
    first, second = check.check(
        world.ctx,
        [decided(world), decided(world, stock_code=HYNIX, stock_name="SK하이닉스", price=180_000)],
    )
    assert first.passed and first.quantity == 9
    assert second.passed and second.quantity == 3
    value = first.quantity * first.price + second.quantity * second.price
    assert value <= 1_200_000
    world.broker.cash = 700_000
    first, second = check.check(
        world.ctx,
        [decided(world), decided(world, stock_code=HYNIX, stock_name="SK하이닉스", price=180_000)],
    )
    assert first.passed
    assert not second.passed


@pytest.mark.parametrize("known", [True, False])
def test_a_market_order_under_way_counts_at_the_upper_price_limit(
    world: World, known: bool
) -> None:
    """180,000 + 30 % is 234,000; where no list tells the base price, a whole stock's limit."""
    market = fakes.ticket(code=HYNIX, quantity=2, price=0, order_type=OrderType.MARKET)
    world.broker.stand(market)
    if not known:
        world.market.failing["instruments"] = Unreachable("HTTP 503")
    checked = check.check_order(world.ctx, fakes.intent(quantity=1))
    total = next(result for result in checked.results if result.code == "TOTAL_LIMIT")
    under_way = "468,000" if known else "1,000,000"
    assert total.detail.startswith(f"{under_way} + 70,000 = ")


def arrange(world: World, code: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Make one rule say no; the ticket's fields that it needs."""
    limits = world.config.limits
    if code == "HALTED":
        stops.halt(world.ctx, "by hand")
    elif code == "REDUCING":
        stops.reduce(world.ctx, "careful")
    elif code == "NOT_LIVE":
        world.configure(profiles={"sim": ProfileConfig(live=False)})
    elif code == "QUANTITY":
        return {"quantity": 0}
    elif code == "UNKNOWN_STOCK":
        monkeypatch.setattr(world.market, "instruments", lambda: ())
    elif code == "EXCLUDED":
        world.configure(scan=Scan(exclude=(SAMSUNG,)))
    elif code == "WARNED":
        monkeypatch.setattr(world.market, "instruments", lambda: (warned(),))
    elif code == "SESSION":
        world.clock.set(at("16:05"))
    elif code == "NO_NEW_BUYS":
        world.clock.set(at("15:25"))
    elif code == "OFF_TICK":
        return {"price": 70_050}
    elif code == "PRICE_LIMIT":
        return {"price": 95_000}
    elif code == "SLIPPAGE":
        return {"price": 72_000}
    elif code == "NOT_HELD":
        return {"side": Side.SELL}
    elif code == "SELLABLE":
        world.broker.hold(SAMSUNG, 4, 70_000)
        return {"side": Side.SELL}
    elif code == "PER_STOCK_LIMIT":
        return {"quantity": 15}
    elif code == "TOTAL_LIMIT":
        world.configure(limits=replace(limits, total=600_000))
    elif code == "MAX_POSITIONS":
        world.configure(limits=replace(limits, positions=1))
        world.broker.hold(HYNIX, 1, 180_000)
    elif code == "CASH":
        world.broker.cash = 600_000
    elif code == "ORDERABLE":
        answer = Orderable(amount=600_000, quantity=8)
        monkeypatch.setattr(world.broker, "orderable", lambda *_: answer)
    elif code == "RATE":
        world.configure(limits=replace(limits, orders_per_minute=1))
        other(world)
    elif code == "DAY_ORDERS":
        world.configure(limits=replace(limits, orders_per_day=1))
        other(world)
    elif code == "TEST_MODE":
        world.configure(dry_run=True)
    return {}


def other(world: World) -> None:
    """Another order was sent already."""
    ticket = fakes.ticket(code=HYNIX, price=180_000, quantity=1)
    place.place(world.ctx, check.check_order(world.ctx, fakes.wanted(ticket)))


@pytest.mark.parametrize(
    "code",
    [
        "HALTED", "REDUCING", "NOT_LIVE", "QUANTITY", "UNKNOWN_STOCK", "EXCLUDED", "WARNED",
        "SESSION", "NO_NEW_BUYS", "OFF_TICK", "PRICE_LIMIT", "SLIPPAGE", "NOT_HELD", "SELLABLE",
        "PER_STOCK_LIMIT", "TOTAL_LIMIT", "MAX_POSITIONS", "CASH", "ORDERABLE", "RATE",
        "DAY_ORDERS",
    ],
)  # fmt: skip
def test_each_rule_denies_an_order_by_hand(
    world: World, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = arrange(world, code, monkeypatch)
    checked = check.check_order(world.ctx, fakes.intent(**fields))
    assert not checked.passed
    assert code in denied(checked)
    order = place.place(world.ctx, checked)
    assert order.state == "DENIED"
    assert all(
        not isinstance(sent, OrderTicket) or sent.stock_code != SAMSUNG
        for sent in world.broker.sent
    )


def test_a_decision_too_old_or_too_unsure_is_denied(world: World) -> None:
    old = decided(world)
    world.clock.advance(61)
    (checked,) = check.check(world.ctx, [old])
    assert denied(checked) == {"STALE_INPUT"}
    assert detail(checked, "STALE_INPUT") == (
        "61.0 s old > limit 60.0 s; decide again: `kt analyze 005930`"
    )
    thought_long = decided(world, data_at=world.clock.now() - timedelta(seconds=103))
    (checked,) = check.check(world.ctx, [thought_long])
    assert detail(checked, "STALE_INPUT").startswith("103.0 s old > limit 60.0 s")
    (checked,) = check.check(world.ctx, [decided(world, confidence=0.5)])
    assert denied(checked) == {"LOW_CONFIDENCE"}


def test_a_second_order_of_the_same_stock_and_side_is_denied(world: World) -> None:
    place.place(world.ctx, check.check_order(world.ctx, fakes.intent(quantity=1)))
    (checked,) = check.check(world.ctx, [decided(world, quantity=1)])
    assert "DUPLICATE" in denied(checked)


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ("deposit", "CASH"),
        ("holdings", "PER_STOCK_LIMIT"),
        ("open_orders", "TOTAL_LIMIT"),
        ("orderable", "ORDERABLE"),
    ],
)
def test_an_input_that_is_not_known_denies(world: World, missing: str, code: str) -> None:
    world.broker.failing[missing] = Unreachable("HTTP 503")
    checked = check.check_order(world.ctx, fakes.intent())
    assert code in denied(checked)
    assert detail(checked, code).startswith("cannot be evaluated")


def test_a_quote_that_cannot_be_fetched_denies(world: World) -> None:
    world.market.failing[f"quote.{SAMSUNG}"] = Unreachable("HTTP 503")
    checked = check.check_order(world.ctx, fakes.intent())
    assert {"PRICE_LIMIT", "SLIPPAGE"} <= denied(checked)


def test_the_daily_loss_counts_what_is_realised_and_what_is_not(world: World) -> None:
    world.broker.hold(HYNIX, 10, 180_000)
    held = world.broker.held[HYNIX]
    world.broker.held[HYNIX] = replace(held, profit=-500_000)
    checked = check.check_order(world.ctx, fakes.intent())
    assert "DAILY_LOSS" in denied(checked)
    assert "loss 500,000 >= limit 500,000" in detail(checked, "DAILY_LOSS")


def test_yesterdays_loss_does_not_count_today(world: World) -> None:
    """A position that was 500,000 down last night and still is has lost nothing today."""
    world.broker.hold(HYNIX, 10, 180_000)
    world.broker.held[HYNIX] = replace(world.broker.held[HYNIX], profit=-500_000)
    reconcile(world.ctx)
    world.market.prices[HYNIX] = 130_000
    result = daily_pnl.close_day(world.ctx)
    assert result.unrealised < -490_000
    world.clock.set(at("10:00", day=1))
    world.broker.held[HYNIX] = replace(world.broker.held[HYNIX], profit=result.unrealised)
    stops.resume(world.ctx)
    checked = check.check_order(world.ctx, fakes.intent())
    assert checked.passed, checked.denials


def test_an_exit_needs_the_holdings_alone_and_passes_rules_that_deny_others(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    stops.reduce(world.ctx, "careful")
    world.configure(limits=replace(world.config.limits, orders_per_minute=1))
    other_ticket = fakes.ticket(Side.SELL, quantity=1)
    place.place(world.ctx, check.check_order(world.ctx, fakes.wanted(other_ticket)))
    world.broker.asked.clear()
    world.market.asked.clear()
    wanted = fakes.ticket(Side.SELL, quantity=9, price=0, order_type=OrderType.MARKET)
    checked = check.check_order(world.ctx, fakes.wanted(wanted, Origin.STOP_LOSS))
    assert checked.passed, checked.denials
    assert (world.broker.asked, world.market.asked) == (["holdings"], [])


def test_halt_denies_every_order_a_stop_loss_too(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    stops.halt(world.ctx, "by hand")
    wanted = fakes.ticket(Side.SELL, price=0, order_type=OrderType.MARKET)
    checked = check.check_order(world.ctx, fakes.wanted(wanted, Origin.STOP_LOSS))
    assert denied(checked) == {"HALTED"}


def test_an_amend_is_checked_without_the_order_it_changes(world: World) -> None:
    ticket = fakes.ticket(quantity=14)
    order = place.place(world.ctx, check.check_order(world.ctx, fakes.wanted(ticket)))
    assert check.check_amend(world.ctx, order, price=70_100).passed
    assert "PER_STOCK_LIMIT" in denied(check.check_amend(world.ctx, order, price=71_500))
    assert "OFF_TICK" in denied(check.check_amend(world.ctx, order, price=70_050))
    world.broker.cash = 990_000
    assert check.check_amend(world.ctx, order, price=70_100).passed
    world.broker.cash = 970_000
    assert "CASH" in denied(check.check_amend(world.ctx, order, price=70_100))


def test_an_amended_sell_may_sell_its_own_shares(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    order = place.place(world.ctx, check.check_order(world.ctx, fakes.intent(Side.SELL)))
    assert check.check_amend(world.ctx, order, price=69_900).passed
    assert "SELLABLE" in denied(check.check_amend(world.ctx, order, price=69_900, quantity=11))


def test_checks_are_journaled_with_their_numbers(world: World) -> None:
    (checked,) = check.check(world.ctx, [decided(world)])
    world.journal.flush()
    assert any(checked.check_id in str(row) for row in world.journal.events(limit=1000))


def test_open_and_unresolved_buys_count_as_invested(world: World) -> None:
    place.place(world.ctx, check.check_order(world.ctx, fakes.intent(quantity=5)))
    checked = check.check_order(world.ctx, fakes.intent(quantity=9))
    assert detail(checked, "PER_STOCK_LIMIT").startswith("350,000 + 630,000 = 980,000 <=")
    world.broker.listed_after = 60
    checked = check.check_order(world.ctx, fakes.intent(quantity=10))
    assert detail(checked, "PER_STOCK_LIMIT").startswith("350,000 + 700,000 = 1,050,000 >")


# the clock


@pytest.mark.parametrize("off", [-3600.0, -30.0, 30.0, 86_400.0])
def test_a_wrong_clock_fails_the_startup(world: World, off: float) -> None:
    world.broker.clock_off = off
    with pytest.raises(KtError, match=r"behind|ahead") as raised:
        reconcile(world.ctx)
    assert (raised.value.code, raised.value.exit_code) == ("CLOCK", ExitCode.ERROR)
    assert ("behind" in str(raised.value)) is (off < 0)
    assert world.broker.asked == []


def test_a_small_clock_skew_is_accepted(world: World) -> None:
    world.broker.clock_off = -29.9
    assert reconcile(world.ctx).lines() == ()


def test_a_clock_that_jumps_later_sends_no_order_and_no_amend(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    standing = check.check_order(world.ctx, fakes.intent(Side.SELL))
    order = place.place(world.ctx, standing)
    wanted = fakes.ticket(code=HYNIX, price=180_000, quantity=1)
    checked = check.check_order(world.ctx, fakes.wanted(wanted))
    assert checked.passed
    world.broker.clock_off = -3600.0
    sent = len(world.broker.sent)
    with pytest.raises(KtError, match="nothing is sent"):
        place.place(world.ctx, checked)
    with pytest.raises(KtError, match="nothing is sent"):
        place.amend(world.ctx, order, price=70_100)
    assert len(world.broker.sent) == sent
    assert [kept.order_id for kept in world.journal.orders()] == [order.order_id]
    assert place.cancel(world.ctx, order).order.state is OrderState.CANCELLED


def test_flatten_works_with_a_wrong_clock(world: World) -> None:
    world.broker.hold(SAMSUNG, 10, 70_000)
    world.broker.fill_at_once = True
    world.broker.clock_off = -3600.0
    done = flatten(world.ctx, "out")
    assert done.left == ()
    assert sum(order.filled_quantity for order in done.sold) == 10
    assert world.journal.stop().mode is StopMode.HALT

"""Cash that no fill explains is reported once; fills of kt explain the rest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from kt.clock import ManualClock
from kt.errors import AuthError, Unreachable
from kt.records import Deposit, Order, OrderTicket, OrderType, OutcomeStatus, Side
from kt.sim.exchange import Exchange, ExchangeBroker
from kt.steps.context import Context
from kt.steps.orders import place
from kt.steps.reconcile import cash_reconciliation, order_tracking, position_reconciliation
from kt.steps.reconcile.startup import reconcile
from kt.steps.risk import check
from tests import fakes
from tests.fakes import OPEN, SAMSUNG, World

START = 10_000_000


@pytest.fixture
def noted(world: World) -> World:
    """A world whose cash was noted a minute ago."""
    world.broker.d2_cash = START
    assert reconcile(world.ctx).lines() == ()
    world.clock.advance(60)
    return world


def note(world: World) -> int:
    found = world.journal.cash_note()
    assert found is not None
    return found.cash


def cash_notices(world: World) -> list[str]:
    rows = world.journal.events(kinds=["notice"], limit=1000)
    return [row["text"] for row in rows if row["title"] == "cash differs"]


def standing(world: World, side: Side = Side.BUY) -> Order:
    checked = check.check_order(world.ctx, fakes.intent(side))
    return place.place(world.ctx, checked)


def filled(world: World, side: Side = Side.BUY, *, fee: int = 100, tax: int = 0) -> None:
    """An order of kt's that fills whole; its frame tells what it cost."""
    order = standing(world, side)
    frame = world.broker.fill(order.ord_no, 10, 70_000)
    order_tracking.on_notice(world.ctx, replace(frame, fee=fee, tax=tax))


def test_the_first_time_the_cash_is_only_noted(noted: World) -> None:
    assert note(noted) == START
    assert cash_notices(noted) == []


def test_cash_moved_by_kts_own_trades_is_no_difference(noted: World) -> None:
    filled(noted)
    noted.broker.d2_cash = START - 700_100
    assert reconcile(noted.restart()).lines() == ()
    assert note(noted) == START - 700_100
    filled(noted, Side.SELL, tax=1_400)
    noted.broker.d2_cash += 700_000 - 100 - 1_400
    assert reconcile(noted.restart()).lines() == ()
    assert note(noted) == START - 1_600


@pytest.mark.parametrize("moved", [500_000, -300_000, 11])
def test_a_deposit_is_reported_once(noted: World, moved: int) -> None:
    noted.broker.d2_cash = START + moved
    found = reconcile(noted.ctx)
    assert found.lines() == (
        f"cash: kt had 10,000,000 won, the broker has {START + moved:,} won; {moved:+,} won since "
        "2026-11-23 10:00:00 is a deposit or a withdrawal, or trades outside kt; "
        "kt now goes on from the broker's figure",
    )
    assert [d.what for d in found.differences] == ["cash"]
    assert cash_notices(noted) == list(found.lines())
    assert note(noted) == START + moved
    assert reconcile(noted.restart()).lines() == ()
    assert len(cash_notices(noted)) == 1


def test_a_deposit_is_reported_with_a_trade_on_the_same_day(noted: World) -> None:
    filled(noted)
    noted.broker.d2_cash = START - 700_100 + 500_000
    (difference,) = reconcile(noted.ctx).differences
    assert difference.ours == "9,299,900 won"
    assert "+500,000 won" in difference.done


@pytest.mark.parametrize(
    ("fills", "off", "differs"), [(0, 10, 0), (0, 11, 1), (2, 22, 0), (2, 23, 1)]
)
def test_rounding_is_allowed_for_by_the_fill(
    noted: World, fills: int, off: int, differs: int
) -> None:
    order = standing(noted) if fills else None
    for _ in range(fills):
        assert order is not None
        frame = noted.broker.fill(order.ord_no, 10 // fills, 70_000)
        order_tracking.on_notice(noted.ctx, replace(frame, fee=100))
    noted.broker.d2_cash = START - (700_100 if fills else 0) - off
    assert len(reconcile(noted.ctx).differences) == differs
    assert note(noted) == noted.broker.d2_cash, "what is rounded does not add up"


def test_with_an_open_order_nothing_is_compared_or_noted(noted: World) -> None:
    before = noted.journal.cash_note()
    order = standing(noted)
    noted.broker.d2_cash = START - 700_100 + 500_000  # filled, but listed nowhere yet
    assert reconcile(noted.ctx).lines() == ()
    assert noted.journal.cash_note() == before
    frame = noted.broker.fill(order.ord_no, 10, 70_000)
    order_tracking.on_notice(noted.ctx, replace(frame, fee=100))
    (difference,) = reconcile(noted.ctx).differences
    assert "+500,000 won" in difference.done


def test_a_fill_between_the_requests_leaves_the_old_note(
    noted: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real = noted.journal.cash_note(), noted.broker.deposit

    def meanwhile() -> Deposit:
        told = real()
        monkeypatch.setattr(noted.broker, "deposit", real)
        filled(noted)  # another process's, from its plan to its booking
        return told

    monkeypatch.setattr(noted.broker, "deposit", meanwhile)
    assert cash_reconciliation.compare(noted.ctx) == ()
    assert noted.journal.cash_note() == before


def test_cash_that_the_broker_updates_late_is_no_difference(
    noted: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(noted)
    monkeypatch.setattr(
        noted.clock, "sleep", lambda s: setattr(noted.broker, "d2_cash", START - 700_100)
    )
    assert cash_reconciliation.compare(noted.ctx) == ()
    assert cash_notices(noted) == []
    monkeypatch.undo()
    cash_reconciliation.compare(noted.ctx)
    assert (note(noted), cash_notices(noted)) == (START - 700_100, [])


def test_an_external_trade_is_a_difference_in_shares_only(noted: World) -> None:
    noted.broker.hold(SAMSUNG, 7, 65_000)
    noted.broker.d2_cash = START - 455_060  # with a fee that nobody told kt
    found = reconcile(noted.ctx)
    assert [d.what for d in found.differences] == ["position"]
    assert reconcile(noted.restart()).lines() == ()
    number = noted.broker.stand(fakes.ticket(Side.SELL, quantity=7, price=80_000))
    noted.broker.fill(number, 7, 80_000)
    noted.broker.d2_cash += 558_800  # and what they brought
    assert [d.what for d in reconcile(noted.ctx).differences] == ["position"]
    assert reconcile(noted.restart()).lines() == ()
    assert note(noted) == START - 455_060 + 558_800
    noted.broker.d2_cash += 1_000
    assert [d.what for d in reconcile(noted.ctx).differences] == ["cash"]


def test_shares_that_differ_keep_the_old_note(noted: World) -> None:
    """As at the day's end, when nobody has mended the books yet."""
    noted.broker.hold(SAMSUNG, 7, 65_000)
    noted.broker.d2_cash = START - 455_060
    assert cash_reconciliation.compare(noted.ctx) == ()
    assert note(noted) == START


def test_a_difference_is_reported_by_one_process_only(
    noted: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted.broker.d2_cash = START + 500_000
    other, real = noted.open(), position_reconciliation.differing
    calls: list[int] = []

    def meanwhile(ctx: Context) -> object:
        calls.append(1)
        if len(calls) == position_reconciliation.COMPARISONS - 1:
            seen = other.cash_note()
            assert seen is not None
            other.put_cash_note(replace(seen, cash=START + 500_000, at=noted.clock.now()))
        return real(ctx)

    monkeypatch.setattr(position_reconciliation, "differing", meanwhile)
    assert cash_reconciliation.compare(noted.ctx) == ()
    other.close()
    assert cash_notices(noted) == []
    assert note(noted) == START + 500_000


def test_a_server_without_the_settled_cash_is_not_compared(noted: World) -> None:
    noted.broker.d2_cash = 0
    assert reconcile(noted.ctx).lines() == ()
    assert note(noted) == START
    noted.broker.cash = 0  # nothing at all is told too
    assert [d.brokers for d in reconcile(noted.ctx).differences] == ["0 won"]


def test_a_deposit_that_cannot_be_fetched_does_not_fail_the_startup(noted: World) -> None:
    noted.broker.failing["deposit"] = Unreachable("HTTP 503")
    assert reconcile(noted.ctx).lines() == ()
    errors = noted.journal.events(kinds=["error"], limit=100)
    assert [row["place"] for row in errors] == ["cash.compare"]
    noted.broker.failing["deposit"] = AuthError("the token is dead")
    with pytest.raises(AuthError):
        reconcile(noted.ctx)


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[tuple[World, Context]]:
    """kt on the exchange itself."""
    clock = ManualClock(OPEN)
    exchange = Exchange(clock=clock, seed=1)
    world = World(tmp_path, clock=clock)
    world.market, world.broker = exchange.market, ExchangeBroker(exchange, "kt")  # type: ignore[assignment]
    world.ctx = world.context()
    yield world, world.ctx
    world.close()


def test_settlement_does_not_move_the_cash_compared(floor: tuple[World, Context]) -> None:
    """On the exchange: a trade, its settlement two sessions later, and trades of both sides."""
    world, ctx = floor
    assert reconcile(ctx).lines() == ()
    bought = market_order(ctx, Side.BUY, 2)
    assert bought.filled_quantity == 2
    assert reconcile(ctx).lines() == ()
    after, settled = note(world), {ctx.broker.deposit().cash}
    for days in (1, 2, 3):
        skip_to(ctx, days)
        assert reconcile(ctx).lines() == ()
        assert note(world) == after
        settled.add(ctx.broker.deposit().cash)
    assert len(settled) == 2, "the cash itself moved when the trade settled"
    assert market_order(ctx, Side.SELL, 2).filled_quantity == 2
    assert reconcile(ctx).lines() == ()
    assert note(world) == ctx.broker.deposit().d2_cash != after


def test_an_external_round_trip_is_a_difference_in_cash(
    floor: tuple[World, Context],
) -> None:
    _, ctx = floor
    reconcile(ctx)
    for side in (Side.BUY, Side.SELL):
        ticket = OrderTicket(
            side=side, stock_code=SAMSUNG, quantity=10, order_type=OrderType.MARKET, price=0
        )
        assert ctx.broker.place(ticket).status is OutcomeStatus.ACKED
        ctx.clock.sleep(5)
    (difference,) = reconcile(ctx).differences
    assert difference.what == "cash"
    assert reconcile(ctx).lines() == ()


def market_order(ctx: Context, side: Side, quantity: int) -> Order:
    ticket = OrderTicket(
        side=side, stock_code=SAMSUNG, quantity=quantity, order_type=OrderType.MARKET, price=0
    )
    checked = check.check_order(ctx, fakes.wanted(ticket))
    assert checked.passed, checked.denials
    order = place.place(ctx, checked)
    ctx.clock.sleep(5)
    order_tracking.catch_up(ctx)
    return ctx.journal.order(order.order_id) or order


def skip_to(ctx: Context, days: int) -> None:
    """10:00 of so many days after the first."""
    target = OPEN + timedelta(days=days)
    ctx.clock.sleep((target - ctx.clock.now()).total_seconds())

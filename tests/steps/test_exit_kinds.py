"""Trailing stop, time stop, and exits of shares that kt did not buy."""

from __future__ import annotations

from msgspec.structs import replace

from kt.config.model import Exits
from kt.records import (
    Origin,
)
from kt.steps.orders import exits
from kt.steps.portfolio import daily_pnl
from kt.steps.reconcile.startup import reconcile
from tests.fakes import SAMSUNG, World
from tests.steps.trading import (
    bought,
    forget,
    leave,
    market_sell,
    position,
)


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

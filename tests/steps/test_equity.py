"""The account's equity by minute: after trades, price changes, deposits and withdrawals."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from kt.records import Equity, Side
from kt.steps.portfolio import daily_pnl
from kt.steps.reconcile.startup import reconcile
from tests.engine.acting import at
from tests.fakes import OPEN, SAMSUNG, World
from tests.steps.test_cash_reconciliation import START, filled


@pytest.fixture
def noted(world: World) -> World:
    """A world with a cash figure from the broker."""
    world.broker.d2_cash = START
    reconcile(world.ctx)
    return world


def stored(world: World) -> list[Equity]:
    day = timedelta(days=1)
    return list(world.journal.equity(since=OPEN - day, until=OPEN + 10 * day))


def test_without_a_cash_figure_from_the_broker_equity_is_unknown(world: World) -> None:
    result = daily_pnl.close_day(world.ctx)
    assert (result.equity, result.moved, result.equity_pct, stored(world)) == (None, None, None, [])


def test_equity_is_cash_plus_shares_at_their_last_prices(noted: World) -> None:
    filled(noted)
    daily_pnl.close_day(noted.ctx, {SAMSUNG: 70_500})
    _, point = stored(noted)
    assert (point.cash, point.value) == (START - 700_100, 705_000)
    assert (point.equity, point.moved) == (START + 4_900, 0)
    assert point.at == OPEN.replace(second=0)


def test_a_minute_is_stored_once_with_its_last_value(noted: World) -> None:
    filled(noted)
    for seconds, price in ((0, 70_500), (30, 70_600), (30, 70_700)):
        noted.clock.advance(seconds)
        daily_pnl.close_day(noted.ctx, {SAMSUNG: price})
    assert [(p.at - OPEN, p.value) for p in stored(noted)] == [
        (timedelta(minutes=-1), 0),
        (timedelta(0), 706_000),
        (timedelta(minutes=1), 707_000),
    ]


def test_what_is_bought_in_the_first_minute_counts_in_the_days_return(noted: World) -> None:
    """One run on a new account ends within its first minute."""
    filled(noted)
    day = daily_pnl.close_day(noted.ctx, {SAMSUNG: 69_000})
    assert (day.equity, day.equity_pct) == (START - 10_100, -0.1)
    assert day.equity_gross_pct == -0.1
    reconcile(noted.restart())
    assert stored(noted)[0].equity == START, "the first time only"


def test_the_days_return_is_relative_to_the_equity_before_it(noted: World) -> None:
    filled(noted)
    daily_pnl.close_day(noted.ctx, {SAMSUNG: 70_010})
    noted.clock.set(at("10:00", day=1))
    filled(noted, Side.SELL, tax=1_400)
    day = daily_pnl.close_day(noted.ctx)
    assert (day.equity, day.fees, day.taxes) == (START - 1_600, 100, 1_400)
    assert day.equity_pct == round(-1_600 * 100 / START, 2) == -0.02
    assert day.equity_gross_pct == 0.0
    assert (day.gross, day.invested, day.invested_pct) == (0, 700_100, -0.23)


def test_a_deposit_is_not_profit(noted: World) -> None:
    daily_pnl.close_day(noted.ctx)
    noted.clock.set(at("10:00", day=1))
    noted.broker.d2_cash += 5_000_000
    reconcile(noted.ctx)
    noted.clock.set(at("11:00", day=1))
    noted.broker.d2_cash -= 1_000_000
    reconcile(noted.ctx)
    day = daily_pnl.close_day(noted.ctx)
    assert (day.equity, day.moved, day.equity_pct) == (START + 4_000_000, 4_000_000, 0.0)
    found = daily_pnl.performance(noted.ctx, OPEN.date())
    assert (found.return_pct, found.max_drawdown_pct) == (0.0, 0.0)


def test_rounded_costs_are_a_cost_and_not_a_withdrawal(noted: World) -> None:
    daily_pnl.close_day(noted.ctx)
    noted.clock.advance(60)
    noted.broker.d2_cash -= 10
    reconcile(noted.ctx)
    daily_pnl.close_day(noted.ctx)
    assert [(p.equity, p.moved) for p in stored(noted)] == [(START, 0)] * 2 + [(START - 10, 0)]


def test_profit_of_trades_outside_kt_is_not_counted_as_kts(noted: World) -> None:
    note = noted.journal.cash_note()
    assert note is not None
    noted.journal.put_cash_note(replace(note, outside=1))
    noted.broker.d2_cash += 7
    reconcile(noted.ctx)
    seen = noted.journal.cash_note()
    assert seen is not None
    assert (seen.cash, seen.moved) == (START + 7, 7)

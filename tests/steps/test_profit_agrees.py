"""Over random days kt's profit equals the broker's to the won, by every sum of the broker, and
what plain SQL makes of the fills alone."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from kt.clock import ManualClock
from kt.config.model import Config, Limits
from kt.records import OrderTicket, OrderType, Side
from kt.rules.calendar import is_trading_day
from kt.sim.exchange import Exchange, ExchangeBroker
from kt.steps.context import Context
from kt.steps.orders import place
from kt.steps.portfolio import daily_pnl, equity
from kt.steps.reconcile import order_tracking
from kt.steps.reconcile.startup import reconcile
from kt.steps.risk import check
from tests import fakes
from tests.fakes import HYNIX, OPEN, SAMSUNG, World

FROM_FILLS = """
WITH RECURSIVE ordered AS (
    SELECT *, row_number() OVER (
        PARTITION BY stock_code ORDER BY at, side, ord_no + 0, from_quantity
    ) AS n FROM fills
), book AS (
    SELECT DISTINCT stock_code, 0 AS n, '' AS day, 0 AS held, 0 AS value, 0 AS fees, 0 AS profit
    FROM fills
    UNION ALL
    SELECT o.stock_code, o.n, o.day,
        held + CASE side WHEN 'BUY' THEN quantity ELSE -quantity END,
        value + CASE side WHEN 'BUY' THEN quantity * price ELSE -(value * quantity / held) END,
        fees + CASE side WHEN 'BUY' THEN fee ELSE -(fees * quantity / held) END,
        CASE side WHEN 'BUY' THEN 0 ELSE
            quantity * price - fee - tax - value * quantity / held - fees * quantity / held END
    FROM book JOIN ordered AS o ON o.stock_code = book.stock_code AND o.n = book.n + 1
)
SELECT stock_code, sum(profit) FROM book WHERE day = ? GROUP BY stock_code"""
"""Profit of the sales of a day by stock, by average cost, each share cut to the won."""

ACT = st.tuples(
    st.sampled_from(Side),
    st.sampled_from((SAMSUNG, HYNIX)),
    st.integers(1, 40),
    st.integers(1, 40) | st.just(24 * 60),
)
"""An action, and the minutes before it."""


UNTRACED = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
"""Without Phase.explain, whose line tracing makes the market's arithmetic many times slower."""


# Sells that the exchange fills in five parts: as text, the parts sort in another order.
IN_PARTS = [
    (Side.BUY, SAMSUNG, 1, 1),
    (Side.BUY, SAMSUNG, 1, 2),
    (Side.BUY, SAMSUNG, 32, 1440),
    (Side.SELL, SAMSUNG, 28, 1440),
]


@settings(max_examples=12, deadline=None, phases=UNTRACED)
@example(1, IN_PARTS)
@given(st.integers(1, 50), st.lists(ACT, min_size=1, max_size=10))
def test_the_profit_equals_the_brokers_to_the_won(
    seed: int, acts: list[tuple[Side, str, int, int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clock = ManualClock(OPEN)
        exchange = Exchange(clock=clock, seed=seed)
        many = Config(limits=Limits(per_stock=50_000_000, total=100_000_000, daily_loss=10_000_000))
        world = World(Path(folder), many, clock=clock)
        world.market, world.broker = exchange.market, ExchangeBroker(exchange, "kt")  # type: ignore[assignment]
        world.ctx = world.context()
        reconcile(world.ctx)
        for side, code, quantity, minutes in acts:
            trade(world.ctx, side, code, quantity)
            agree(world)
            clock.sleep(60 * minutes)
            # On a day without a session the broker still shows the last one's profit as today's.
            while clock.now().hour >= 15 or not is_trading_day(clock.now().date()):
                tomorrow = (clock.now() + timedelta(days=1)).replace(hour=10)
                clock.sleep((tomorrow - clock.now()).total_seconds())
        agree(world)
        world.close()


def trade(ctx: Context, side: Side, code: str, quantity: int) -> None:
    """A market order; a sell is limited to the shares held."""
    if side is Side.SELL:
        held = {p.stock_code: p.quantity for p in ctx.journal.positions()}
        quantity = min(quantity, held.get(code, 0))
    if not quantity:
        return
    ticket = OrderTicket(
        side=side, stock_code=code, quantity=quantity, order_type=OrderType.MARKET, price=0
    )
    checked = check.check_order(ctx, fakes.wanted(ticket))
    if checked.passed:
        place.place(ctx, checked)
        ctx.clock.sleep(5)
        order_tracking.catch_up(ctx)


def agree(world: World) -> None:
    """By sale (ka10077), by account (ka10085), by holding (kt00018), and from the fills."""
    ctx, today = world.ctx, world.clock.now().date()
    day = daily_pnl.close_day(ctx)
    rows = {row.stock_code: row for row in daily_pnl.by_stock(ctx, today, ctx.journal.positions())}
    by_account = {row.stock_code: row.realised_today for row in ctx.broker.returns()}
    with closing(sqlite3.connect(world.journal.path)) as connection:
        by_fills = dict(connection.execute(FROM_FILLS, (today.isoformat(),)).fetchall())
    for code, row in rows.items():
        by_sale = sum(sale.profit for sale in ctx.broker.realised(code))
        sums = (by_sale, by_account.get(code, 0), by_fills.get(code, 0))
        assert sums == (row.realised,) * 3, code
    assert day.realised == sum(row.realised for row in rows.values()) == sum(by_account.values())
    holdings = ctx.broker.holdings()
    assert day.unrealised == holdings.total_profit
    current = equity.current(ctx)
    assert current is not None
    assert (current.equity, current.moved) == (holdings.estimated_assets, 0)
    assert daily_pnl.compare(ctx) == ()

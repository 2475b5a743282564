"""The account as it is now: what the broker says, beside what kt knows."""

from __future__ import annotations

from msgspec.structs import replace

from kt.records import Balance, Holding, Holdings, Position
from kt.steps import settle
from kt.steps.context import Context


def mask(account: str) -> str:
    """Only the last four digits are shown."""
    return f"{'*' * max(0, len(account) - 4)}{account[-4:]}"


def balance(ctx: Context) -> Balance:
    """Deposit, holdings with their exits, open orders and today's realised profit."""
    holdings = ctx.broker.holdings()
    now = ctx.clock.now()
    return Balance(
        account=mask(ctx.broker.account()),
        deposit=ctx.broker.deposit(),
        positions=merged(ctx, holdings),
        open_orders=ctx.broker.open_orders(),
        total_cost=holdings.total_cost,
        total_value=holdings.total_value,
        total_profit=holdings.total_profit,
        total_profit_pct=holdings.total_profit_pct,
        estimated_assets=holdings.estimated_assets,
        realised_today=settle.realised(ctx, now.date()),
        at=now,
    )


def merged(ctx: Context, holdings: Holdings) -> tuple[Position, ...]:
    """The broker's holdings with kt's exits: the broker is right about what it holds."""
    ours = {position.stock_code: position for position in ctx.journal.positions()}
    return tuple(_merge(ctx, held, ours.get(held.stock_code)) for held in holdings.items)


def _merge(ctx: Context, held: Holding, ours: Position | None) -> Position:
    now = ctx.clock.now()
    if ours is None:
        ours = Position(
            stock_code=held.stock_code,
            stock_name=held.stock_name,
            quantity=held.quantity,
            average_price=held.average_price,
            cost=held.cost,
            opened_at=now,
            updated_at=now,
            source="external",
        )
    return replace(
        ours,
        quantity=held.quantity,
        sellable=held.sellable,
        average_price=held.average_price,
        cost=held.cost,
        price=held.price,
        value=held.value,
        profit=held.profit,
        profit_pct=held.profit_pct,
        updated_at=now,
    )

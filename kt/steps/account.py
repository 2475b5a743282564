"""The account as it is now: what the broker says, beside what kt knows."""

from __future__ import annotations

from msgspec.structs import replace

from kt.errors import KtError
from kt.records import (
    OPEN_STATES,
    UNRESOLVED_STATES,
    Balance,
    Holding,
    Holdings,
    Origin,
    Position,
    Side,
)
from kt.steps import follow, settle
from kt.steps.context import Context
from kt.steps.gather import note_error

PATIENCE, AGAIN = 2.0, 0.5
"""Seconds of the clock for the broker's lists to show a fill that its holdings show already, and
between two looks."""


def mask(account: str) -> str:
    """Only the last four digits are shown."""
    return f"{'*' * max(0, len(account) - 4)}{account[-4:]}"


def balance(ctx: Context) -> Balance:
    """Deposit, holdings with their exits, open orders and today's realised profit."""
    holdings = ctx.broker.holdings()
    _book(ctx, holdings)
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


def _book(ctx: Context, holdings: Holdings) -> None:
    """What an order of kt's brought a moment ago is booked before it is shown, with its exits."""
    end = ctx.clock.monotonic() + PATIENCE
    try:
        while _unbooked(ctx, holdings):
            follow.catch_up(ctx)
            if ctx.clock.monotonic() >= end or not _unbooked(ctx, holdings):
                return
            ctx.clock.sleep(AGAIN)
    except KtError as failure:
        note_error(ctx, "account.catch_up", failure)


def _unbooked(ctx: Context, holdings: Holdings) -> bool:
    """Shares that kt's books do not have, of a stock that it has an open purchase of."""
    ours = {position.stock_code for position in ctx.journal.positions()}
    bought = {order.stock_code for order in follow.still_open(ctx) if order.side is Side.BUY}
    return any(held.stock_code in bought - ours for held in holdings.items)


def _bought_today(ctx: Context, stock_code: str) -> bool:
    """Whether these may be kt's own shares, though they are not in its books yet."""
    return any(
        order.side is Side.BUY
        and order.origin is not Origin.EXTERNAL
        and (order.filled_quantity or order.state in OPEN_STATES | UNRESOLVED_STATES)
        for order in ctx.journal.orders(day=ctx.clock.now().date(), stock_code=stock_code)
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
            source="kt" if _bought_today(ctx, held.stock_code) else "external",
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

"""The account's balance: the broker's figures, merged with kt's exits and sources."""

from __future__ import annotations

from msgspec.structs import replace

from kt.errors import KtError
from kt.records import (
    OPEN_STATES,
    UNRESOLVED_STATES,
    Balance,
    Doubt,
    Holding,
    Holdings,
    Origin,
    Position,
    Side,
)
from kt.steps.context import Context
from kt.steps.fan_out import note_error
from kt.steps.portfolio import daily_pnl
from kt.steps.reconcile import order_tracking, position_reconciliation
from kt.text import mask_account

FILL_WAIT, POLL_INTERVAL = 2.0, 0.5
"""Seconds (of the clock) to wait until the broker's execution list shows a fill that its holdings
show already, and seconds between two requests."""


def balance(ctx: Context) -> Balance:
    """Deposit, positions with their exits, open orders and today's realised profit. Raises the
    broker's errors."""
    holdings = ctx.broker.holdings()
    _book_new_fills(ctx, holdings)
    now = ctx.clock.now()
    return Balance(
        account=mask_account(ctx.broker.account()),
        deposit=ctx.broker.deposit(),
        positions=merged(ctx, holdings),
        open_orders=ctx.broker.open_orders(),
        total_cost=holdings.total_cost,
        total_value=holdings.total_value,
        total_profit=holdings.total_profit,
        total_profit_pct=holdings.total_profit_pct,
        estimated_assets=holdings.estimated_assets,
        realised_today=daily_pnl.realised(ctx, now.date()),
        at=now,
        doubts=doubted(ctx, holdings),
    )


def doubted(ctx: Context, holdings: Holdings) -> tuple[Doubt, ...]:
    """Positions of which the broker lists fewer shares than kt's books, with no open order that
    explains it. A single answer does not change the books
    (`steps/reconcile/position_reconciliation.py`)."""
    listed = {held.stock_code: held.quantity for held in holdings.items}
    known = {doubt.stock_code: doubt for doubt in ctx.journal.doubts()}
    moving, now = position_reconciliation.in_flight(ctx), ctx.clock.now()
    found = []
    for ours in ctx.journal.positions():
        brokers = listed.get(ours.stock_code, 0)
        if brokers >= ours.quantity or ours.stock_code in moving:
            continue
        before = known.get(ours.stock_code)
        since = before.since if before and before.brokers == brokers else now
        found.append(
            Doubt(
                stock_code=ours.stock_code,
                stock_name=ours.stock_name,
                ours=ours.quantity,
                brokers=brokers,
                since=since,
                seen=now,
                looks=before.looks if before else 0,
            )
        )
    return tuple(found)


def _book_new_fills(ctx: Context, holdings: Holdings) -> None:
    """Book the fills that the holdings show already, so that the new position has its exits."""
    end = ctx.clock.monotonic() + FILL_WAIT
    try:
        while _unbooked(ctx, holdings):
            order_tracking.catch_up(ctx)
            if ctx.clock.monotonic() >= end or not _unbooked(ctx, holdings):
                return
            ctx.clock.sleep(POLL_INTERVAL)
    except KtError as failure:
        note_error(ctx, "account.catch_up", failure)


def _unbooked(ctx: Context, holdings: Holdings) -> bool:
    """Whether the broker lists a stock that kt has an open buy of and no position in yet."""
    ours = {position.stock_code for position in ctx.journal.positions()}
    bought = {
        order.stock_code for order in order_tracking.still_open(ctx) if order.side is Side.BUY
    }
    return any(held.stock_code in bought - ours for held in holdings.items)


def _bought_today(ctx: Context, stock_code: str) -> bool:
    """Whether kt has a buy of this stock today that is filled or may fill: then the shares may be
    kt's own, even if they are not in its books yet."""
    return any(
        order.side is Side.BUY
        and order.origin is not Origin.EXTERNAL
        and (order.filled_quantity or order.state in OPEN_STATES | UNRESOLVED_STATES)
        for order in ctx.journal.orders(day=ctx.clock.now().date(), stock_code=stock_code)
    )


def merged(ctx: Context, holdings: Holdings) -> tuple[Position, ...]:
    """The broker's holdings with kt's exits. A doubted position (see `doubted`) is shown as kt's
    books have it."""
    ours = {position.stock_code: position for position in ctx.journal.positions()}
    doubts = {doubt.stock_code for doubt in doubted(ctx, holdings)}
    listed = (
        _merge(ctx, held, ours.get(held.stock_code))
        for held in holdings.items
        if held.stock_code not in doubts
    )
    return (*listed, *(ours[code] for code in sorted(doubts)))


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

"""Positions and trades as the fills make them, booked so that a crash in between is healed.

Nothing is added to what the books said before: each booking replays the stock's fills from the
last time it was flat. Doing it twice, or in two processes at once, ends in the same books.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from threading import RLock

from msgspec.structs import replace

from kt.records import Fill, Order, Origin, Position, Trade
from kt.rules import exits, pnl
from kt.steps.context import Context
from kt.steps.stocks import instrument

LOOK_BACK = timedelta(days=7)
"""Fills of a stock that is not held are replayed from so long ago: a crash may have kept them
from being booked, on a Friday before a holiday too."""
_TRIES = 5

_lock = RLock()


def book(ctx: Context, stock_code: str, price: int = 0) -> Position | None:
    """Make the books of one stock say what its fills say; the position, None when flat.

    With a `price` in won the position is marked there. A new or changed average price sets stop
    and target anew, and they are journaled.
    """
    with _lock:
        for _ in range(_TRIES):
            before = _held(ctx, stock_code)
            orders, fills = _fills(ctx, stock_code, before)
            replayed, trades = pnl.replay(orders, fills)
            now = _dressed(ctx, replayed.get(stock_code), before, orders, fills, price)
            _book_trades(ctx, stock_code, trades)
            _put(ctx, stock_code, before, now)
            if _fills(ctx, stock_code, now)[1] == fills or now is None:
                return now
        return now


def _held(ctx: Context, stock_code: str) -> Position | None:
    held = (p for p in ctx.journal.positions() if p.stock_code == stock_code)
    return next(held, None)


def _fills(
    ctx: Context, stock_code: str, position: Position | None
) -> tuple[Mapping[str, Order], tuple[Fill, ...]]:
    """The stock's fills that may matter to what is held now, with their orders."""
    today = ctx.clock.now().date()
    day = position.opened_at.date() if position else today - LOOK_BACK
    fills: list[Fill] = []
    while day <= today:
        fills += [fill for fill in ctx.journal.fills(day=day) if fill.stock_code == stock_code]
        day += timedelta(days=1)
    orders = {}
    for order_id in {fill.order_id for fill in fills}:
        order = ctx.journal.order(order_id)
        if order is not None:
            orders[order_id] = order
    return orders, tuple(fill for fill in fills if fill.order_id in orders)


def _dressed(
    ctx: Context,
    position: Position | None,
    before: Position | None,
    orders: Mapping[str, Order],
    fills: tuple[Fill, ...],
    price: int,
) -> Position | None:
    """The replayed position with its exits, its mark and where it came from."""
    if position is None or not position.quantity:
        return None
    stock = instrument(ctx, position.stock_code)
    external = any(
        orders[fill.order_id].origin is Origin.EXTERNAL
        for fill in fills
        if fill.at >= position.opened_at
    )
    last = price or (before.price if before else 0) or fills[-1].price
    # Shares that kt did not buy are watched from the price at which they were found: what they
    # lost before is not kt's to end.
    kind = stock.kind if stock else "STOCK"
    start = last if external else position.average_price
    ends = exits.exit_prices(start, ctx.config.exits, kind)
    kept = before if external and before and before.source == "external" else None
    dressed = replace(
        position,
        stop_price=kept.stop_price if kept else ends.stop,
        target_price=kept.target_price if kept else ends.target,
        source="external" if external else "kt",
    )
    return pnl.mark(
        dressed,
        last,
        ctx.clock.now(),
        market=stock.market if stock else "KOSPI",
        kind=kind,
        commission_pct=ctx.config.server.commission_pct,
    )


def _put(ctx: Context, code: str, before: Position | None, now: Position | None) -> None:
    if now is None:
        if before is not None:
            ctx.journal.put_position(replace(before, quantity=0))
        return
    ctx.journal.put_position(now)
    exits_before = (before.stop_price, before.target_price) if before else (0, 0)
    if (now.stop_price, now.target_price) != exits_before:
        reason = "position opened" if before is None else "average price changed"
        ctx.journal.exit_set(now, reason, ctx.clock.now())


def _book_trades(ctx: Context, stock_code: str, trades: tuple[Trade, ...]) -> None:
    """Add the trades the journal does not have yet, counted in shares by sell order."""
    if not trades:
        return
    since = min(trade.closed_at for trade in trades).date()
    booked = _booked(ctx, stock_code, since)
    for trade in trades:
        have = min(booked.get(trade.order_id, 0), trade.quantity)
        booked[trade.order_id] = booked.get(trade.order_id, 0) - have
        if have < trade.quantity:
            ctx.journal.add_trade(_rest(trade, have))


def _booked(ctx: Context, stock_code: str, since: date) -> dict[str, int]:
    sums: dict[str, int] = {}
    for trade in ctx.journal.trades(since=since):
        if trade.stock_code == stock_code:
            sums[trade.order_id] = sums.get(trade.order_id, 0) + trade.quantity
    return sums


def _rest(trade: Trade, have: int) -> Trade:
    """The part of a trade beyond its first `have` shares."""
    if not have:
        return trade

    def part(amount: int) -> int:
        return amount - amount * have // trade.quantity

    return replace(
        trade,
        quantity=trade.quantity - have,
        fee=part(trade.fee),
        tax=part(trade.tax),
        profit=part(trade.profit),
    )

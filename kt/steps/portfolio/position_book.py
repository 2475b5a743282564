"""Positions and trades, computed from the fills.

Booking is idempotent: it replays the stock's fills since it was last flat, in one transaction, and
never adds to the previous figures. So booking again after a crash, twice, or in two processes at
once gives the same position and trades.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from msgspec.structs import replace

from kt.records import (
    OPEN_STATES,
    UNRESOLVED_STATES,
    Fill,
    Instrument,
    Order,
    Origin,
    Position,
    Side,
    Trade,
)
from kt.rules import distinct_fills, exit_prices, pnl
from kt.steps.context import Context
from kt.steps.instruments import instrument

LOOK_BACK = timedelta(days=7)
"""How far back the fills of a stock without a position are replayed: a crash may have left them
unbooked, possibly on a Friday before a holiday."""
SUMS = ("bought", "buy_fee", "fee", "tax", "profit")
"""The fields of a trade that are sums in won."""
LISTED = "list"
"""`Fill.source` of an adjustment based on the broker's holdings alone, without an execution."""


@dataclass(frozen=True, slots=True)
class _Replay:
    """The result of replaying a stock's fills: the position and the sales."""

    orders: Mapping[str, Order]
    fills: tuple[Fill, ...]
    position: Position | None
    sales: tuple[tuple[Trade, int], ...]
    """Each trade with the number of its shares whose purchase is not in the books."""


def book(ctx: Context, stock_code: str, price: int = 0) -> Position | None:
    """Recompute the position and trades of one stock from its fills; the position, None when flat.

    With a `price` in won the position is marked to it. When the average price changes, stop and
    target are set again and journaled.
    """
    with ctx.journal.together():
        before = _held(ctx, stock_code)
        replay = _replay(ctx, stock_code, before)
        now = _marked_with_exits(ctx, replay, before, price)
        _book_sales(ctx, stock_code, replay)
        _put(ctx, before, now)
        return now


def _held(ctx: Context, stock_code: str) -> Position | None:
    held = (p for p in ctx.journal.positions() if p.stock_code == stock_code)
    return next(held, None)


def _replay(ctx: Context, stock_code: str, before: Position | None) -> _Replay:
    today, since = ctx.clock.now().date(), _since(ctx, stock_code, before)
    found = ctx.journal.fills(stock_code=stock_code, since=since)
    fills = tuple(fill for fill in found if fill.at.date() <= today)
    orders = ctx.journal.orders_by_id(fill.order_id for fill in fills)
    fills = _without_reversed_adjustments(fills, orders)
    position: Position | None = None
    sales = []
    for fill in sorted(fills, key=distinct_fills.sequence):
        if fill.order_id not in orders:
            continue
        applied = pnl.apply_fill(position, orders[fill.order_id], fill)
        position = applied.position if applied.position.quantity else None
        if applied.trade is not None:
            sales.append((applied.trade, applied.unmatched))
    return _Replay(orders, fills, position, tuple(sales))


def _without_reversed_adjustments(
    fills: tuple[Fill, ...], orders: Mapping[str, Order]
) -> tuple[Fill, ...]:
    """The fills without adjustments that cancel each other: shares that a holdings list lacked,
    booked out, and later listed again. The position keeps its history and its exits."""
    booked_out: list[Fill] = []
    void: set[str] = set()
    for fill in sorted(fills, key=lambda f: f.at):
        order = orders.get(fill.order_id)
        if order is None or order.origin is not Origin.EXTERNAL or fill.source != LISTED:
            continue
        if fill.side is Side.SELL:
            booked_out.append(fill)
        elif booked_out and booked_out[-1].quantity == fill.quantity:
            void |= {booked_out.pop().fill_id, fill.fill_id}
    return tuple(fill for fill in fills if fill.fill_id not in void)


def _since(ctx: Context, stock_code: str, position: Position | None) -> date:
    """The first day to replay: the stock was flat at its start, so no older fill matters."""
    today = ctx.clock.now().date()
    since = position.opened_at.date() if position else today - LOOK_BACK
    while True:
        closed = [t for t in ctx.journal.trades(since=since) if t.stock_code == stock_code]
        first = min((trade.opened_at.date() for trade in closed), default=since)
        if first >= since:
            return since
        since = first


def _marked_with_exits(
    ctx: Context, replay: _Replay, before: Position | None, price: int
) -> Position | None:
    """The replayed position with its exits, its market value and its source."""
    position, fills = replay.position, replay.fills
    if position is None:
        return None
    stock = instrument(ctx, position.stock_code)
    last = price or (before.price if before else 0) or fills[-1].price
    kind = stock.kind if stock else "STOCK"
    with_exits = _with_exits(
        ctx, replace(position, source=_source(replay, position)), before, last, kind
    )
    trailed = exit_prices.trailed(with_exits, last, ctx.config.exits, kind)
    return _at_price(ctx, trailed, last, stock)


def marked_at(ctx: Context, position: Position, price: int) -> Position:
    """The position with its market value and profit at this price in won."""
    return _at_price(ctx, position, price, instrument(ctx, position.stock_code))


def _at_price(ctx: Context, position: Position, price: int, stock: Instrument | None) -> Position:
    return pnl.mark(
        position,
        price,
        ctx.clock.now(),
        market=stock.market if stock else "KOSPI",
        kind=stock.kind if stock else "STOCK",
        commission_pct=ctx.config.server.commission_pct,
    )


def _source(replay: _Replay, position: Position) -> str:
    external = any(
        order.origin is Origin.EXTERNAL and fill.at >= position.opened_at
        for fill in replay.fills
        if (order := replay.orders.get(fill.order_id)) is not None
    )
    return "external" if external else "kt"


def _with_exits(
    ctx: Context, position: Position, before: Position | None, last: int, kind: str
) -> Position:
    """The position with stop and target. For shares that kt did not buy, `exits.external` decides:
    exits relative to the price at which they were first seen, or none."""
    settings = ctx.config.exits
    same = before if before and before.opened_at == position.opened_at else None
    external = position.source == "external"
    if external and settings.external == "leave":
        return position
    if external and same and same.source == "external" and same.stop_price + same.target_price:
        exits = exit_prices.ExitPrices(same.stop_price, same.target_price)
    else:
        exits = exit_prices.exit_prices(
            last if external else position.average_price, settings, kind
        )
    with_exits = replace(position, stop_price=exits.stop, target_price=exits.target)
    if same is None:
        return with_exits
    trailing = same.trailing and settings.trailing_stop_pct > 0 and same.stop_price > exits.stop
    return replace(
        with_exits,
        peak_price=same.peak_price,
        stop_price=same.stop_price if trailing else exits.stop,
        trailing=trailing,
    )


def _put(ctx: Context, before: Position | None, now: Position | None) -> None:
    if now is None:
        if before is not None:
            ctx.journal.put_position(replace(before, quantity=0))
        return
    ctx.journal.put_position(now)
    if before is None or _exits(now) != _exits(before):
        ctx.journal.exit_set(now, _why(before, now), ctx.clock.now())


def _exits(position: Position) -> tuple[int, int, int]:
    """The exit prices and the shares they are for: a change of these is journaled."""
    return position.stop_price, position.target_price, position.quantity


def _why(before: Position | None, now: Position) -> str:
    if before is None:
        return "position opened"
    if now.trailing and now.stop_price > before.stop_price:
        return f"trailing stop: {now.peak_price:,} is the highest price so far"
    if now.average_price == before.average_price and now.quantity != before.quantity:
        return f"{now.quantity - before.quantity:+,} shares"
    return "average price changed"


def _book_sales(ctx: Context, stock_code: str, replay: _Replay) -> None:
    """Add the trades that the journal does not have yet, counted in shares by sell order.

    A sale is not booked while a buy of the stock is open and part of what it sold has no purchase
    in the books. When a purchase is booked after its sale, a correcting trade of 0 shares follows.
    """
    if not replay.sales:
        return
    since = min(trade.closed_at for trade, _ in replay.sales).date()
    booked = _booked(ctx, stock_code, since)
    buying = _buying(ctx, stock_code)
    by_order: dict[str, list[tuple[Trade, int]]] = {}
    for trade, unmatched in replay.sales:
        by_order.setdefault(trade.order_id, []).append((trade, unmatched))
    for order_id, sales in by_order.items():
        if buying and any(unmatched for _, unmatched in sales):
            continue
        trades = [trade for trade, _ in sales]
        known_trades = booked.get(order_id, [])
        for trade in _missing(trades, sum(t.quantity for t in known_trades)):
            ctx.journal.add_trade(trade)
            known_trades = [*known_trades, trade]
        correction = _correction(trades, known_trades)
        if correction is not None:
            ctx.journal.add_trade(correction)


def _buying(ctx: Context, stock_code: str) -> bool:
    waiting = OPEN_STATES | UNRESOLVED_STATES
    return any(
        order.side is Side.BUY
        for order in ctx.journal.orders(states=waiting, stock_code=stock_code)
    )


def _booked(ctx: Context, stock_code: str, since: date) -> dict[str, list[Trade]]:
    found: dict[str, list[Trade]] = {}
    for trade in ctx.journal.trades(since=since):
        if trade.stock_code == stock_code:
            found.setdefault(trade.order_id, []).append(trade)
    return found


def _missing(trades: list[Trade], have: int) -> list[Trade]:
    """The trades beyond the first `have` shares; the first one may be a part."""
    rest = []
    for trade in trades:
        known = min(have, trade.quantity)
        have -= known
        if known < trade.quantity:
            rest.append(_cut(trade, known))
    return rest


def _cut(trade: Trade, known: int) -> Trade:
    """The part of a trade beyond its first `known` shares."""
    if not known:
        return trade

    def part(amount: int) -> int:
        return amount - amount * known // trade.quantity

    return replace(
        trade,
        quantity=trade.quantity - known,
        **{name: part(getattr(trade, name)) for name in SUMS},
    )


def _correction(trades: list[Trade], booked: list[Trade]) -> Trade | None:
    """A trade of 0 shares with the difference in won between what the replay gives for an order
    and what is booked; None when there is none."""
    last = trades[-1]
    missing = {
        name: sum(getattr(t, name) for t in trades) - sum(getattr(t, name) for t in booked)
        for name in SUMS
    }
    if not any(missing.values()):
        return None
    return replace(last, quantity=0, profit_pct=0.0, **missing)

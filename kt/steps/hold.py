"""Step 7: what is held, its stop and target, and what becomes of orders that stay open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from kt.errors import Denied, KtError
from kt.records import (
    CHANGING_STATES,
    OPEN_STATES,
    UNRESOLVED_STATES,
    Action,
    Book,
    Fill,
    Order,
    OrderEventKind,
    OrderIntent,
    OrderType,
    Origin,
    Position,
    SessionNotice,
    Side,
    Tick,
)
from kt.rules import exits
from kt.rules.risk_state import MOST_LOST
from kt.steps import analyze as analysis
from kt.steps import check, collect, ledger, place
from kt.steps.context import Context
from kt.steps.facts import look
from kt.steps.gather import note_error
from kt.steps.lost import lost_sells
from kt.steps.reports import Exit

_BUSY = OPEN_STATES | UNRESOLVED_STATES


def on_fill(ctx: Context, order: Order, fill: Fill) -> Position | None:
    """The position after a fill, with stop and target; None when it is flat. Safe to repeat."""
    return ledger.book(ctx, order.stock_code, fill.price)


def exits_due(
    ctx: Context, tick: Tick, positions: Iterable[Position] | None = None
) -> tuple[Exit, ...]:
    """The exits a trade's price makes due, unless a sell of the stock is under way already.

    `positions` are the ones known to the caller; without them the journal is asked.
    """
    return exits_at(ctx, {tick.stock_code: tick.price}, positions)


def exits_at(
    ctx: Context, prices: Mapping[str, int], positions: Iterable[Position] | None = None
) -> tuple[Exit, ...]:
    """The exits that prices in won by stock code make due."""
    held = ctx.journal.positions() if positions is None else positions
    return tuple(
        Exit(position, origin, price, _reason(position, origin, price))
        for position in held
        if (price := prices.get(position.stock_code, 0))
        and (origin := exits.due(position, price)) is not None
        and not selling(ctx, position.stock_code)
    )


def wants_confirmation(ctx: Context, due: Exit) -> bool:
    """Whether the analyst is asked first: only before a profit, and only if configured."""
    return due.origin is Origin.TAKE_PROFIT and ctx.config.exits.ask_before_profit


def _reason(position: Position, origin: Origin, price: int) -> str:
    if origin is Origin.STOP_LOSS:
        return f"{price:,} <= stop {position.stop_price:,} (average {position.average_price:,})"
    return f"{price:,} >= target {position.target_price:,} (average {position.average_price:,})"


def selling(ctx: Context, stock_code: str) -> bool:
    """Whether a sell of this stock is open or unresolved, or was lost twice today already."""
    today = ctx.clock.now().date()
    orders = ctx.journal.orders(day=today, stock_code=stock_code)
    busy = any(order.side is Side.SELL and order.state in _BUSY for order in orders)
    return busy or lost_sells(orders, stock_code) > MOST_LOST


def sell(ctx: Context, due: Exit, notice: SessionNotice | None = None) -> Order | None:
    """Sell at market all that is sellable; None when nothing is. Raises Denied(DUPLICATE) when
    another process was faster. Asks the broker for the holdings and for nothing else."""
    position = due.position
    account = look(ctx, (), everything=due.origin is not Origin.STOP_LOSS, notice=notice)
    held = account.held(position.stock_code)
    if account.holdings is not None and (held is None or held.sellable <= 0):
        note_error(
            ctx,
            f"hold.{due.origin}",
            KtError(f"{position.stock_code}: nothing is sellable, so nothing was sold"),
        )
        return None
    intent = OrderIntent(
        side=Side.SELL,
        stock_code=position.stock_code,
        stock_name=position.stock_name,
        quantity=held.sellable if held else position.quantity,
        order_type=OrderType.MARKET,
        price=0,
        origin=due.origin,
        reason=due.reason,
    )
    return place.place(ctx, check.check_order(ctx, intent, account=account))


def confirm_profit(ctx: Context, due: Exit) -> bool:
    """Ask the analyst whether to take the profit now; yes when it cannot say.

    This waits for the analyst: never on the decision thread, never for a stop-loss.
    """
    try:
        brief = collect.collect(ctx, (), [due.position.stock_code])
        decisions = analysis.analyze(ctx, brief)
    except KtError as failure:
        note_error(ctx, "hold.confirm_profit", failure)
        return True
    ours = [d for d in decisions if d.stock_code == due.position.stock_code]
    return not ours or bool(ours[0].faults) or ours[0].action is Action.SELL


def unfilled(ctx: Context, books: Mapping[str, Book] | None = None) -> tuple[Order, ...]:
    """Amend or cancel our orders that stayed open too long; the orders that were changed.

    `books` are the ones the caller has from the stream; without one the market is asked.
    """
    known = books or {}
    changed = (chase(ctx, order, known.get(order.stock_code)) for order in overdue(ctx))
    return tuple(order for order in changed if order is not None)


_LEFT_ALONE = (Origin.EXTERNAL, Origin.MANUAL)
"""A price that a person typed is a person's to change."""


def overdue(ctx: Context) -> tuple[Order, ...]:
    """The orders of kt's own making that stayed open too long."""
    listed = ctx.journal.orders(day=ctx.clock.now().date(), states=OPEN_STATES)
    return tuple(
        order for order in listed if order.origin not in _LEFT_ALONE and _too_old(ctx, order)
    )


def chase(ctx: Context, order: Order, book: Book | None = None) -> Order | None:
    """Amend one overdue order, or cancel it; None when that is not possible any more."""
    try:
        price = _better_price(ctx, order, book)
        changed = place.amend(ctx, order, price=price) if price else place.cancel(ctx, order)
    except Denied as denied:
        note_error(ctx, "hold.unfilled", denied)
        return None
    return changed.order


def _too_old(ctx: Context, order: Order) -> bool:
    """Counted from the order's last amend; a change under way is left to end first."""
    if order.state in CHANGING_STATES:
        return False
    since = max((at for at in _amends(ctx, order)), default=order.created_at)
    return (ctx.clock.now() - since).total_seconds() >= ctx.config.orders.unfilled_after


def _amends(ctx: Context, order: Order) -> list[datetime]:
    events = ctx.journal.order_events(order.order_id)
    return [event.at for event in events if event.kind is OrderEventKind.AMENDING]


def _better_price(ctx: Context, order: Order, book: Book | None) -> int:
    """The other side's best price, if the rules allow an amend to it; 0 = cancel."""
    orders = ctx.config.orders
    if orders.unfilled == "cancel" or len(_amends(ctx, order)) >= orders.max_amends:
        return 0
    if order.order_type is OrderType.MARKET:
        return 0
    try:
        seen = book or ctx.market.book(order.stock_code)
        levels = seen.asks if order.side is Side.BUY else seen.bids
        if not levels or levels[0].price == order.price:
            return 0
        checked = check.check_amend(ctx, order, price=levels[0].price)
    except KtError as failure:
        note_error(ctx, "hold.better_price", failure)
        return 0
    return levels[0].price if checked.passed else 0

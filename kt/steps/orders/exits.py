"""Step 7: exits. Which stop-loss, take-profit, trailing stop or time limit is due, and its sell
order (docs/orders.md#exits).

From the tick to the order this uses only memory and the journal. The broker is asked, once and for
a second, only after it refused a sell because it has fewer shares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from kt.errors import Denied, KtError
from kt.ports.patience import within
from kt.records import (
    EXITS,
    OPEN_STATES,
    STOP_EXITS,
    UNRESOLVED_STATES,
    Advice,
    Order,
    OrderIntent,
    OrderState,
    OrderType,
    Origin,
    OutcomeStatus,
    Position,
    SessionNotice,
    Side,
)
from kt.rules import exit_prices, ticks
from kt.rules.order_identification import lost_sells
from kt.rules.risk.trading_state import MOST_LOST
from kt.steps.context import Context
from kt.steps.fan_out import note_error
from kt.steps.instruments import instrument
from kt.steps.notices import notify
from kt.steps.orders import place
from kt.steps.portfolio import position_book
from kt.steps.results import Exit
from kt.steps.risk import check

HOLDINGS_TIMEOUT = 1.0
"""Real seconds that an exit waits for the broker's holdings, to learn how many shares are
sellable."""
FIRST_WAIT, LONGEST_WAIT = 5.0, 300.0
"""Seconds until a failed exit is retried: doubled each time, up to the longest."""
OFFLINE_WAIT = 15.0
"""The longest wait when the order never reached the broker: the connection may return any time."""
_FAILED = frozenset({OrderState.REJECTED, OrderState.DENIED, OrderState.NOT_PLACED})


@dataclass(frozen=True, slots=True)
class Left:
    """The result of one exit. `order` is None when there was nothing to sell; `again_in` is the
    number of seconds until a retry, if the exit is still due; `taken_back` are the resting sells
    that were cancelled for it."""

    due: Exit
    order: Order | None
    again_in: float
    taken_back: tuple[Order, ...] = ()


def exits_at(
    ctx: Context, prices: Mapping[str, int], positions: Iterable[Position] | None = None
) -> tuple[Exit, ...]:
    """The exits that are due at these prices (won by stock code) and not held back. Without
    `positions` they are read from the journal."""
    held = ctx.journal.positions() if positions is None else positions
    found = (due_at(ctx, position, prices.get(position.stock_code, 0)) for position in held)
    return tuple(due for due in found if due is not None and not held_back(ctx, due))


def due_at(ctx: Context, position: Position, price: int) -> Exit | None:
    """The exit that is due at this price (won), whatever orders are open. Makes no request."""
    origin = exit_prices.due(position, price, ctx.clock.now(), ctx.config.exits)
    if origin is None:
        return None
    return Exit(position, origin, price, _reason(ctx, position, origin, price))


def held_back(ctx: Context, due: Exit) -> bool:
    """Whether this exit must wait: an unresolved sell of the stock, open sells that cover it, or
    two lost sells today. A stop ignores resting limit sells, because `leave` cancels them; a
    take-profit waits for them."""
    orders = _sells(ctx, due.position.stock_code)
    if lost_sells(orders, due.position.stock_code) > MOST_LOST:
        return True
    if any(order.state in UNRESOLVED_STATES for order in orders):
        return True
    resting = [order for order in orders if order.state in OPEN_STATES]
    if due.origin not in STOP_EXITS:
        return bool(resting)
    reserved = sum(order.open_quantity for order in resting if not _is_resting(order))
    return reserved >= due.position.quantity


def _sells(ctx: Context, stock_code: str) -> tuple[Order, ...]:
    """Today's sells of a stock that kt placed, newest first."""
    listed = ctx.journal.orders(day=ctx.clock.now().date(), stock_code=stock_code)
    return tuple(
        order for order in listed if order.side is Side.SELL and order.origin is not Origin.EXTERNAL
    )


def _is_resting(order: Order) -> bool:
    """Whether it is a resting limit order; a market order keeps its time priority."""
    return order.order_type is OrderType.LIMIT


def wants_confirmation(ctx: Context, due: Exit) -> bool:
    """Whether the analyst is asked first: before a take-profit (`questions.profit`)."""
    return due.origin is Origin.TAKE_PROFIT and ctx.config.questions.profit.ask


def advised(due: Exit, advice: Advice) -> Exit:
    """The exit with the analyst's reason beside its own."""
    return replace(due, reason=f"{due.reason}; {advice.analyst}: {advice.reason}")


def _reason(ctx: Context, position: Position, origin: Origin, price: int) -> str:
    average = f"(average {position.average_price:,})"
    if origin is Origin.STOP_LOSS:
        return f"{price:,} <= stop {position.stop_price:,} {average}"
    if origin is Origin.TRAILING_STOP:
        peak = f"(highest {position.peak_price:,})"
        return f"{price:,} <= trailing stop {position.stop_price:,} {peak}"
    if origin is Origin.TAKE_PROFIT:
        return f"{price:,} >= target {position.target_price:,} {average}"
    minutes = ctx.config.exits.max_holding_minutes
    return f"held since {position.opened_at:%Y-%m-%d %H:%M}: longer than {minutes:,} min"


def leave(ctx: Context, due: Exit, notice: SessionNotice | None = None) -> Left:
    """Sell the position: a stop at market, a take-profit with a limit at the price it reached.

    A stop first cancels the stock's resting limit sells, and the owner is notified. If the broker
    has fewer sellable shares, those are sold. A failed exit is notified once per series and may
    be retried after `again_in` seconds.
    """
    code = due.position.stock_code
    taken_back = _cancel_resting(ctx, due) if due.origin in STOP_EXITS else ()
    sells = _sells(ctx, code)
    position = _current_position(ctx, code, sells)
    if position is None:  # sold by a resting order that could not be cancelled
        return Left(due, None, 0.0, taken_back)
    reserved = sum(order.open_quantity for order in sells if order.state in OPEN_STATES)
    if position.quantity <= reserved:
        return Left(due, None, FIRST_WAIT, taken_back)
    failed_before = bool(_failures(ctx, code))
    try:
        order = _sell(ctx, due, position, position.quantity - reserved, notice)
    except Denied as denied:  # by an order of another process, or an unresolved one
        note_error(ctx, f"exit.{code}", denied)
        return Left(due, None, FIRST_WAIT, taken_back)
    if order.state not in _FAILED:
        return Left(due, order, 0.0, taken_back)
    if not failed_before:  # once per series of failures
        _notify_failed(ctx, due, order)
    return Left(due, order, _wait_after(_failures(ctx, code)), taken_back)


def _current_position(ctx: Context, stock_code: str, sells: Iterable[Order]) -> Position | None:
    """The position, with the fills of these sells booked: a fill is journaled a moment before it
    is booked, and its shares must not be sold again."""
    if any(order.filled_quantity for order in sells):
        return position_book.book(ctx, stock_code)
    held = (p for p in ctx.journal.positions() if p.stock_code == stock_code)
    return next(held, None)


def _sell(
    ctx: Context, due: Exit, position: Position, quantity: int, notice: SessionNotice | None
) -> Order:
    """Sell; if the broker has fewer sellable shares, sell those."""
    order = _sell_once(ctx, due, position, quantity, notice)
    if not order.not_enough:
        return order
    sellable = _sellable_shares(ctx, position.stock_code)
    if sellable is None or not 0 < sellable < quantity:
        return order
    return _sell_once(ctx, due, position, sellable, notice)


def _sell_once(
    ctx: Context, due: Exit, position: Position, quantity: int, notice: SessionNotice | None
) -> Order:
    profit = due.origin is Origin.TAKE_PROFIT
    intent = OrderIntent(
        side=Side.SELL,
        stock_code=position.stock_code,
        stock_name=position.stock_name,
        quantity=quantity,
        order_type=OrderType.LIMIT if profit else OrderType.MARKET,
        price=_on_tick(ctx, due) if profit else 0,
        origin=due.origin,
        reason=due.reason,
    )
    checked = check.check_exit(ctx, intent, position.quantity, notice)
    return place.place(ctx, checked, tick_at=due.tick_at)


def _on_tick(ctx: Context, due: Exit) -> int:
    """The price reached, rounded down to a tick: a trade may print between two ticks. The target
    is on a tick, so the result is not below it."""
    stock = instrument(ctx, due.position.stock_code)
    return ticks.round_down(due.price, stock.kind if stock else "STOCK")


def _sellable_shares(ctx: Context, stock_code: str) -> int | None:
    """The broker's sellable shares; None when it does not answer within a second."""
    try:
        with within(HOLDINGS_TIMEOUT):
            holdings = ctx.broker.holdings()
    except KtError as failure:
        note_error(ctx, f"exit.{stock_code}.free", failure)
        return None
    held = (item.sellable for item in holdings.items if item.stock_code == stock_code)
    return next(held, 0)


def _cancel_resting(ctx: Context, due: Exit) -> tuple[Order, ...]:
    """Cancel the stock's resting limit sells for a stop; those that were cancelled. The shares of
    one that cannot be cancelled stay reserved for it: it may be filling."""
    cancelled = []
    for order in _sells(ctx, due.position.stock_code):
        if order.state not in OPEN_STATES or not _is_resting(order):
            continue
        try:
            changed = place.cancel(ctx, order)
        except Denied as denied:
            note_error(ctx, f"exit.{order.stock_code}.cancel", denied)
            continue
        if changed.outcome.status is not OutcomeStatus.ACKED:
            continue
        cancelled.append(changed.order)
        notify(
            ctx,
            "warning",
            f"taken back for the stop: SELL {order.stock_code} {order.stock_name}".rstrip(),
            f"{order.open_quantity:,} at {order.price:,} (order {order.ord_no}, {order.origin}): "
            f"{due.reason}",
        )
    return tuple(cancelled)


def _failures(ctx: Context, stock_code: str) -> list[Order]:
    """Today's failed exits of a stock since the last one that was sent, newest first."""
    failed = []
    for order in _sells(ctx, stock_code):
        if order.origin not in EXITS:
            continue
        if order.state not in _FAILED:
            break
        failed.append(order)
    return failed


def wait_left(ctx: Context, stock_code: str) -> float:
    """Seconds until a failed exit of this stock may be retried, computed from the journal: the
    same in a new process."""
    failed = _failures(ctx, stock_code)
    if not failed:
        return 0.0
    return max(0.0, _wait_after(failed) - (ctx.clock.now() - failed[0].updated_at).total_seconds())


def _wait_after(failed: list[Order]) -> float:
    """Seconds to wait after a series of failed exits, newest first."""
    longest = OFFLINE_WAIT if failed and failed[0].state is OrderState.NOT_PLACED else LONGEST_WAIT
    return min(longest, FIRST_WAIT * float(2 ** min(10, max(0, len(failed) - 1))))


def _notify_failed(ctx: Context, due: Exit, order: Order) -> None:
    said = f"[{order.code}] {order.message}".strip() if order.code else order.message
    notify(
        ctx,
        "critical",
        f"{due.origin} of {order.stock_code} {order.stock_name} did not leave".replace("_", "-"),
        f"{order.quantity:,} shares, {due.reason}: {f'{order.state} {said}'.rstrip()}. It stays "
        "armed and is tried again, less and less often; `kt order list` shows every try.",
    )


def tell_queued(ctx: Context, order: Order) -> None:
    """Notify the owner that an exit's order is open and unfilled."""
    price = f"at {order.price:,}" if order.price else "at market"
    notify(
        ctx,
        "warning",
        f"{order.origin} of {order.stock_code} {order.stock_name} waits in the queue".replace(
            "_", "-"
        ),
        f"{order.open_quantity:,} of {order.quantity:,} shares {price} (order {order.ord_no}) are "
        "not sold yet: there may be no buyers, as at the lower price limit. The order keeps its "
        "place.",
    )

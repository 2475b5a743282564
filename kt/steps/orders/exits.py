"""Leaving a position: which exits are due, and the sell that nothing else may keep waiting.

From the tick to the order on the wire this uses what kt has in memory and in its journal. The
broker is asked only after it refused a sell for want of shares, once and for a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kt.errors import Denied, KtError
from kt.ports.patience import within
from kt.records import (
    EXITS,
    OPEN_STATES,
    STOP_EXITS,
    UNRESOLVED_STATES,
    Action,
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
from kt.steps.decide import analyze as analysis
from kt.steps.decide import collect
from kt.steps.fan_out import note_error
from kt.steps.instruments import instrument
from kt.steps.notices import notify
from kt.steps.orders import place
from kt.steps.portfolio import position_book
from kt.steps.results import Exit
from kt.steps.risk import check

LOOK = 1.0
"""Real seconds that an exit waits for the broker's word on how many shares are free."""
FIRST_WAIT, LONGEST_WAIT = 5.0, 300.0
"""Seconds until a refused exit is tried again: doubled each time, up to the longest."""
OFFLINE_WAIT = 15.0
"""The longest wait where the order surely never reached the broker: it may be back any moment."""
_WHY_NOT = frozenset({OrderState.REJECTED, OrderState.DENIED, OrderState.NOT_PLACED})


@dataclass(frozen=True, slots=True)
class Left:
    """What became of an exit. `order` is None when there was nothing to sell; `again_in` are the
    seconds until it may be tried again, should it still be due."""

    due: Exit
    order: Order | None
    again_in: float
    taken_back: tuple[Order, ...] = ()


def exits_at(
    ctx: Context, prices: Mapping[str, int], positions: Iterable[Position] | None = None
) -> tuple[Exit, ...]:
    """The exits that prices in won by stock code make due and that may leave now. `positions` are
    the ones known to the caller; without them the journal is asked."""
    held = ctx.journal.positions() if positions is None else positions
    found = (due_at(ctx, position, prices.get(position.stock_code, 0)) for position in held)
    return tuple(due for due in found if due is not None and not held_back(ctx, due))


def due_at(ctx: Context, position: Position, price: int) -> Exit | None:
    """The exit that this price makes due, whatever else is under way. Asks nobody."""
    origin = exit_prices.due(position, price, ctx.clock.now(), ctx.config.exits)
    if origin is None:
        return None
    return Exit(position, origin, price, _reason(ctx, position, origin, price))


def held_back(ctx: Context, due: Exit) -> bool:
    """Whether a sell of this stock is under way that this exit must not disturb, or sells of it
    were lost twice today already. A stop takes resting limit sells back; a take-profit waits."""
    orders = _sells(ctx, due.position.stock_code)
    if lost_sells(orders, due.position.stock_code) > MOST_LOST:
        return True
    if any(order.state in UNRESOLVED_STATES for order in orders):
        return True
    resting = [order for order in orders if order.state in OPEN_STATES]
    if due.origin not in STOP_EXITS:
        return bool(resting)
    bound = sum(order.open_quantity for order in resting if not _can_be_taken_back(order))
    return bound >= due.position.quantity


def _sells(ctx: Context, stock_code: str) -> tuple[Order, ...]:
    """Today's sells of a stock that kt placed, newest first."""
    listed = ctx.journal.orders(day=ctx.clock.now().date(), stock_code=stock_code)
    return tuple(
        order for order in listed if order.side is Side.SELL and order.origin is not Origin.EXTERNAL
    )


def _can_be_taken_back(order: Order) -> bool:
    """A limit sell rests in the book; one at market is on its way out already."""
    return order.order_type is OrderType.LIMIT


def wants_confirmation(ctx: Context, due: Exit) -> bool:
    """Whether the analyst is asked first: only before a profit, and only if configured."""
    return due.origin is Origin.TAKE_PROFIT and ctx.config.exits.ask_before_profit


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
    """Sell the position: a stop all of it at market, a take-profit at the price it reached.

    Resting limit sells of the stock are taken back for a stop, and the owner is told. Where the
    broker says that it has fewer shares, that many are sold. What is refused is told once and
    may be tried again after `again_in` seconds.
    """
    code = due.position.stock_code
    taken_back = _take_back(ctx, due) if due.origin in STOP_EXITS else ()
    sells = _sells(ctx, code)
    position = _held(ctx, code, sells)
    if position is None:  # it may have been sold by what could not be taken back
        return Left(due, None, 0.0, taken_back)
    bound = sum(order.open_quantity for order in sells if order.state in OPEN_STATES)
    if position.quantity <= bound:
        return Left(due, None, FIRST_WAIT, taken_back)
    refused_before = bool(_refusals(ctx, code))
    try:
        order = _sell(ctx, due, position, position.quantity - bound, notice)
    except Denied as denied:  # another process was faster, or one of its sells is not known yet
        note_error(ctx, f"exit.{code}", denied)
        return Left(due, None, FIRST_WAIT, taken_back)
    if order.state not in _WHY_NOT:
        return Left(due, order, 0.0, taken_back)
    if not refused_before:  # of a row of refusals the owner is told once, however long it is
        _tell_refused(ctx, due, order)
    return Left(due, order, _wait_after(_refusals(ctx, code)), taken_back)


def _held(ctx: Context, stock_code: str, sells: Iterable[Order]) -> Position | None:
    """The position, less what these sells have filled: a fill is kept a moment before the books
    take it in, and what is sold must not be offered again."""
    if any(order.filled_quantity for order in sells):
        return position_book.book(ctx, stock_code)
    held = (p for p in ctx.journal.positions() if p.stock_code == stock_code)
    return next(held, None)


def _sell(
    ctx: Context, due: Exit, position: Position, quantity: int, notice: SessionNotice | None
) -> Order:
    """One sell; where the broker has fewer shares free than that, another one of those."""
    order = _sell_once(ctx, due, position, quantity, notice)
    if not order.not_enough:
        return order
    free = _free_shares(ctx, position.stock_code)
    if free is None or not 0 < free < quantity:
        return order
    return _sell_once(ctx, due, position, free, notice)


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
        price=_on_grid(ctx, due) if profit else 0,
        origin=due.origin,
        reason=due.reason,
    )
    return place.place(ctx, check.check_exit(ctx, intent, position.quantity, notice))


def _on_grid(ctx: Context, due: Exit) -> int:
    """The price that was reached, as an order may carry it: trades may print between two ticks.
    The target is on the grid, so the price below is not less."""
    stock = instrument(ctx, due.position.stock_code)
    return ticks.round_down(due.price, stock.kind if stock else "STOCK")


def _free_shares(ctx: Context, stock_code: str) -> int | None:
    """How many shares the broker would sell; None when it cannot say within a second."""
    try:
        with within(LOOK):
            holdings = ctx.broker.holdings()
    except KtError as failure:
        note_error(ctx, f"exit.{stock_code}.free", failure)
        return None
    held = (item.sellable for item in holdings.items if item.stock_code == stock_code)
    return next(held, 0)


def _take_back(ctx: Context, due: Exit) -> tuple[Order, ...]:
    """The stock's resting limit sells that were cancelled for the stop. One that cannot be taken
    back keeps its shares: it may just be filling."""
    back = []
    for order in _sells(ctx, due.position.stock_code):
        if order.state not in OPEN_STATES or not _can_be_taken_back(order):
            continue
        try:
            changed = place.cancel(ctx, order)
        except Denied as denied:
            note_error(ctx, f"exit.{order.stock_code}.cancel", denied)
            continue
        if changed.outcome.status is not OutcomeStatus.ACKED:
            continue
        back.append(changed.order)
        notify(
            ctx,
            "warning",
            f"taken back for the stop: SELL {order.stock_code} {order.stock_name}".rstrip(),
            f"{order.open_quantity:,} at {order.price:,} (order {order.ord_no}, {order.origin}): "
            f"{due.reason}",
        )
    return tuple(back)


def _refusals(ctx: Context, stock_code: str) -> list[Order]:
    """The newest of today's exits of a stock that did not leave, back to one that did."""
    row = []
    for order in _sells(ctx, stock_code):
        if order.origin not in EXITS:
            continue
        if order.state not in _WHY_NOT:
            break
        row.append(order)
    return row


def wait_left(ctx: Context, stock_code: str) -> float:
    """Seconds for which a refused exit of this stock still waits, by the journal alone: so a new
    process waits as the old one did."""
    row = _refusals(ctx, stock_code)
    if not row:
        return 0.0
    return max(0.0, _wait_after(row) - (ctx.clock.now() - row[0].updated_at).total_seconds())


def _wait_after(row: list[Order]) -> float:
    """Seconds to wait after a row of exits that did not leave, the newest first."""
    longest = OFFLINE_WAIT if row and row[0].state is OrderState.NOT_PLACED else LONGEST_WAIT
    return min(longest, FIRST_WAIT * float(2 ** min(10, max(0, len(row) - 1))))


def _tell_refused(ctx: Context, due: Exit, order: Order) -> None:
    said = f"[{order.code}] {order.message}".strip() if order.code else order.message
    notify(
        ctx,
        "critical",
        f"{due.origin} of {order.stock_code} {order.stock_name} did not leave".replace("_", "-"),
        f"{order.quantity:,} shares, {due.reason}: {f'{order.state} {said}'.rstrip()}. It stays "
        "armed and is tried again, less and less often; `kt order list` shows every try.",
    )


def tell_queued(ctx: Context, order: Order) -> None:
    """The owner hears that an exit's order stands and that nobody buys."""
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


def confirm_profit(ctx: Context, due: Exit) -> bool:
    """Ask the analyst whether to take the profit now; yes when it cannot say.

    This waits for the analyst: never on the decision thread, never for a stop-loss.
    """
    try:
        brief = collect.collect(ctx, (), [due.position.stock_code])
        decisions = analysis.analyze(ctx, brief)
    except KtError as failure:
        note_error(ctx, "exit.confirm_profit", failure)
        return True
    ours = [d for d in decisions if d.stock_code == due.position.stock_code]
    return not ours or ours[0].action is not Action.HOLD

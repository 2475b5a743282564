"""Position reconciliation: kt's positions against the broker's holdings.

A confirmed difference is booked as an EXTERNAL order with one fill, so that a position stays the
sum of its fills. A single answer does not remove shares: those missing from the holdings are
doubted first (docs/orders.md#positions-and-cash).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from msgspec.structs import replace

from kt.errors import KtError
from kt.ids import new_id
from kt.records import (
    OPEN_STATES,
    UNRESOLVED_STATES,
    BalanceNotice,
    Doubt,
    Execution,
    Fill,
    Holding,
    Order,
    OrderEventKind,
    OrderState,
    OrderType,
    Origin,
    Position,
    Side,
)
from kt.rules.order_identification import NOT_FOUND
from kt.steps.context import Context
from kt.steps.failpoints import hit
from kt.steps.fan_out import note_error
from kt.steps.notices import notify
from kt.steps.order_events import event, fill_event
from kt.steps.portfolio import position_book
from kt.steps.reconcile import order_tracking
from kt.steps.results import Difference

COMPARISONS = 3
LATE_LISTING = 300.0
"""Seconds for which a sell that was given up as not found may still explain a difference."""
PAUSE = 1.5
"""A difference must be the same in COMPARISONS comparisons, PAUSE seconds apart: fills are listed
late."""
CONFIRMED_AFTER = 180.0
"""Seconds for which shares must be missing before that is accepted without other evidence: the
holdings may lack them temporarily, and a position that kt removes has no stop-loss."""
CASH_TOLERANCE = 0.05
"""How far the cash received may be from the position's last value, as a fraction of it."""

Frames = Mapping[str, BalanceNotice]


def reconcile_positions(ctx: Context, frames: Frames | None = None) -> tuple[Difference, ...]:
    """Compare all positions and correct kt's books; the differences. Stocks with an open or
    unresolved order are skipped: its fills may explain the difference. Raises the broker's errors.

    Additional shares are booked at once. Missing shares are booked out when other evidence confirms
    it (today's executions, the newest balance `frames` of the stream, the cash) or when they have
    been missing for CONFIRMED_AFTER seconds; until then the position and its exits stay.
    """
    rebook(ctx)
    found = differing(ctx)
    for _ in range(COMPARISONS - 1):
        if not found:
            break
        ctx.clock.sleep(PAUSE)
        order_tracking.catch_up(ctx)
        again = differing(ctx)
        found = {
            code: again[code]
            for code, pair in found.items()
            if code in again and _quantities(*again[code]) == _quantities(*pair)
        }
    differences = [
        _reconcile_stock(ctx, code, *pair, frames or {}) for code, pair in sorted(found.items())
    ]
    not_compared = in_flight(ctx)
    for doubt in ctx.journal.doubts():
        if doubt.stock_code not in {*found, *not_compared}:
            ctx.journal.drop_doubt(doubt.stock_code)
    return tuple(difference for difference in differences if difference is not None)


def _reconcile_stock(
    ctx: Context, code: str, ours: Position | None, broker: Holding | None, frames: Frames
) -> Difference | None:
    """Correct one stock's position, or record a doubt."""
    trades = _external_executions(ctx, code)
    surplus = _quantity(broker) - _quantity(ours)
    if surplus < 0 and not _confirmed(ctx, code, ours, broker, frames, trades):
        return _doubt(ctx, code, ours, broker)
    side = Side.BUY if surplus > 0 else Side.SELL
    explained = bool(trades) or _matches_frame(code, broker, frames)
    price = _average(trade for trade in trades if trade.side is side)
    return _repair(ctx, code, ours, broker, price, alarming=not explained)


def _confirmed(
    ctx: Context,
    code: str,
    ours: Position | None,
    broker: Holding | None,
    frames: Frames,
    trades: Sequence[Execution],
) -> bool:
    """Whether there is evidence other than the holdings that the shares are gone."""
    missing = _quantity(ours) - _quantity(broker)
    sold = sum(t.quantity if t.side is Side.SELL else -t.quantity for t in trades)
    if sold >= missing or _matches_frame(code, broker, frames):
        return True
    return _missing_long_enough(ctx, code, ours, broker) or _cash_received(ctx, ours, missing)


def _matches_frame(code: str, broker: Holding | None, frames: Frames) -> bool:
    """Whether the stream's newest balance frame has the same quantity as the holdings."""
    return code in frames and frames[code].quantity == _quantity(broker)


def _missing_long_enough(
    ctx: Context, code: str, ours: Position | None, broker: Holding | None
) -> bool:
    doubt = next((d for d in ctx.journal.doubts() if d.stock_code == code), None)
    if doubt is None or (doubt.ours, doubt.brokers) != _quantities(ours, broker):
        return False
    return (ctx.clock.now() - doubt.since).total_seconds() >= CONFIRMED_AFTER


def _cash_received(ctx: Context, ours: Position | None, missing: int) -> bool:
    """Whether about as much cash was received as the missing shares were worth."""
    last, flow = ctx.journal.cash_note(), ctx.journal.cash_flow()
    if last is None or ours is None or not ours.price or last.outside != flow.outside:
        return False
    try:
        deposit = ctx.broker.deposit()
    except KtError as failure:
        note_error(ctx, "reconcile.cash", failure)
        return False
    gap = deposit.d2_cash - (last.cash + flow.won - last.won)
    worth = missing * ours.price
    return deposit.d2_cash > 0 and abs(gap - worth) <= CASH_TOLERANCE * worth


def _external_executions(ctx: Context, code: str) -> tuple[Execution, ...]:
    """Today's executions of this stock that belong to no order of kt's and are not booked yet."""
    numbers = {int(number) for o in ctx.journal.orders(day=_today(ctx)) for number in o.ord_nos}
    try:
        rows = ctx.broker.executions(code)
    except KtError as failure:
        note_error(ctx, "reconcile.executions", failure)
        return ()
    external = sorted((row for row in rows if not _numbers(row) & numbers), key=lambda row: row.at)
    return tuple(
        row for side in Side for row in _after_booked(external, side, _booked(ctx, code, side))
    )


def _numbers(row: Execution) -> set[int]:
    return {int(row.ord_no), int(row.original_ord_no or 0)}


def _booked(ctx: Context, code: str, side: Side) -> int:
    """Shares of this stock that today's adjustments booked on this side. One booked without an
    execution counts too, unless it was reversed: its execution may have been listed later."""
    fills = [f for f in ctx.journal.fills(day=_today(ctx), stock_code=code) if not f.ord_no]
    executed = sum(f.quantity for f in fills if f.side is side and f.source != position_book.LISTED)
    if side is Side.BUY:
        return executed
    adjustments = (f for f in fills if f.source == position_book.LISTED)
    removed = sum(f.quantity if f.side is side else -f.quantity for f in adjustments)
    return executed + max(0, removed)


def _today(ctx: Context) -> date:
    return ctx.clock.now().date()


def _after_booked(rows: Iterable[Execution], side: Side, booked: int) -> Iterator[Execution]:
    """The rows of a side beyond the first `booked` shares: an execution explains one adjustment."""
    for row in rows:
        if row.side is not side:
            continue
        new = max(0, row.quantity - booked)
        booked -= row.quantity - new
        if new:
            yield replace(row, quantity=new)


def _average(trades: Iterable[Execution]) -> int:
    """The average price in won; 0 when there are none."""
    found = tuple(trades)
    shares = sum(trade.quantity for trade in found)
    return round(sum(t.quantity * t.price for t in found) / shares) if shares else 0


def _doubt(ctx: Context, code: str, ours: Position | None, broker: Holding | None) -> Difference:
    """Leave the position as it is and record the doubt with the time it was first seen."""
    now = ctx.clock.now()
    before = next((d for d in ctx.journal.doubts() if d.stock_code == code), None)
    same = before is not None and (before.ours, before.brokers) == _quantities(ours, broker)
    since = before.since if before and same else now
    ctx.journal.put_doubt(
        Doubt(
            stock_code=code,
            stock_name=ours.stock_name if ours else "",
            ours=_quantity(ours),
            brokers=_quantity(broker),
            since=since,
            seen=now,
            looks=before.looks + 1 if before and same else 1,
        )
    )
    difference = Difference(
        what="position",
        stock_code=code,
        ours=f"{_quantity(ours)} shares",
        brokers=f"{_quantity(broker)} shares",
        done=f"not believed yet (since {since:%H:%M:%S}): the position and its exits stay",
        notified=not same,
    )
    if not same:
        notify(ctx, "warning", "holdings doubted", difference.text())
    return difference


def rebook(ctx: Context) -> None:
    """Book all positions and today's fills again: a crash may have left a fill unbooked."""
    touched = {
        *(position.stock_code for position in ctx.journal.positions()),
        *(fill.stock_code for fill in ctx.journal.fills(day=_today(ctx))),
    }
    for code in sorted(touched):
        position_book.book(ctx, code)


def in_flight(ctx: Context) -> set[str]:
    """Stock codes with an open or unresolved order of kt's, or with a sell that was recently given
    up as not found and may be listed later: their positions are not compared."""
    waiting = OPEN_STATES | UNRESOLVED_STATES
    since = ctx.clock.now() - timedelta(seconds=LATE_LISTING)
    lost = ctx.journal.orders(day=since.date(), states=[OrderState.NOT_PLACED])
    return {
        *(order.stock_code for order in ctx.journal.orders(states=waiting)),
        *(o.stock_code for o in lost if o.code == NOT_FOUND and o.created_at > since),
    }


def differing(ctx: Context) -> dict[str, tuple[Position | None, Holding | None]]:
    """Positions and holdings by stock code where the quantities differ, without those in flight."""
    ours = {position.stock_code: position for position in ctx.journal.positions()}
    brokers = {held.stock_code: held for held in ctx.broker.holdings().items if held.quantity}
    moving = in_flight(ctx)
    return {
        code: (ours.get(code), brokers.get(code))
        for code in {*ours, *brokers} - moving
        if _quantity(ours.get(code)) != _quantity(brokers.get(code))
    }


def _quantities(ours: Position | None, broker: Holding | None) -> tuple[int, int]:
    return _quantity(ours), _quantity(broker)


def _quantity(held: Position | Holding | None) -> int:
    return held.quantity if held else 0


def _repair(
    ctx: Context,
    code: str,
    ours: Position | None,
    broker: Holding | None,
    price: int,
    *,
    alarming: bool,
) -> Difference | None:
    """Book the difference at `price` in won (0 = not known), unless another process has done so."""
    hit("reconcile.repairing", ctx.profile)
    surplus = _quantity(broker) - _quantity(ours)
    with ctx.journal.together():
        if _quantity(_position(ctx, code)) != _quantity(ours):
            return None
        side = Side.BUY if surplus > 0 else Side.SELL
        at = (price if surplus < 0 else 0) or _price(ours, broker, surplus)
        _book(ctx, code, broker or ours, side, abs(surplus), at, executed=bool(price))
        ctx.journal.drop_doubt(code)
        position_book.book(ctx, code, broker.price if broker else 0)
    hit("reconcile.repaired", ctx.profile)
    difference = Difference(
        what="position",
        stock_code=code,
        ours=f"{_quantity(ours)} shares",
        brokers=f"{_quantity(broker)} shares",
        done="kt's books now say what the broker says",
        alarming=alarming,
        notified=True,
    )
    notify(ctx, "warning", "books repaired", difference.text())
    return difference


def _position(ctx: Context, code: str) -> Position | None:
    return next((held for held in ctx.journal.positions() if held.stock_code == code), None)


def _price(ours: Position | None, broker: Holding | None, surplus: int) -> int:
    """The price in won at which the cost of the position afterwards is the broker's; missing shares
    are booked out at their average cost, because their proceeds are not known."""
    if surplus > 0 and broker is not None:
        ours_cost = ours.cost if ours else 0
        return max(1, round((broker.cost - ours_cost) / surplus)) or broker.average_price
    return max(1, ours.cost // ours.quantity) if ours and ours.quantity else 1


def _book(
    ctx: Context,
    code: str,
    stock: Position | Holding | None,
    side: Side,
    quantity: int,
    price: int,
    *,
    executed: bool,
) -> None:
    """Book the difference as an EXTERNAL order, filled at once; `executed` when today's executions
    confirm it."""
    now = ctx.clock.now()
    order = Order(
        order_id=new_id(now),
        run=ctx.run,
        side=side,
        stock_code=code,
        stock_name=stock.stock_name if stock else "",
        order_type=OrderType.MARKET,
        quantity=quantity,
        price=price,
        state=OrderState.PLANNED,
        origin=Origin.EXTERNAL,
        created_at=now,
        updated_at=now,
        reason="the broker holds another quantity than kt's books said",
    )
    ctx.journal.plan_order(order, event(ctx, order.order_id, OrderEventKind.PLANNED))
    ctx.journal.record(fill_event(_full_fill(order, "rest" if executed else position_book.LISTED)))


def _full_fill(order: Order, source: str) -> Fill:
    """One fill of the whole order, without an order number of the broker."""
    return Fill(
        fill_id=f"{order.order_id}:adjust",
        order_id=order.order_id,
        ord_no="",
        stock_code=order.stock_code,
        stock_name=order.stock_name,
        side=order.side,
        quantity=order.quantity,
        price=order.price,
        at=order.created_at,
        from_quantity=0,
        to_quantity=order.quantity,
        source=source,
    )

"""kt's books beside the broker's holdings: the broker is right about what it holds.

A difference that lasts is booked as an EXTERNAL order with one fill, so that a position stays
the sum of its fills. No single answer empties the books: shares that are missing from a list are
doubted first.
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
from kt.steps.order_events import event, fill_event
from kt.steps.portfolio import position_book
from kt.steps.reconcile import order_tracking
from kt.steps.results import Difference

LOOKS = 3
MAY_TURN_UP = 300.0
"""Seconds after which a sell that was given up as not found explains no difference any more."""
PAUSE = 1.5
"""A difference must be the same at so many looks, so many seconds apart: fills are listed late."""
LASTS = 180.0
"""Seconds for which shares must be missing, unexplained, before that is believed: a broker's list
may lack them for a moment, and a position that is taken from the books has no stop-loss."""
NEAR = 0.05
"""How far the cash of a sale may be from the position's last value, as a part of it."""

Frames = Mapping[str, BalanceNotice]


def reconcile_positions(ctx: Context, frames: Frames | None = None) -> tuple[Difference, ...]:
    """Compare all positions and repair kt's books. Stocks with an order under way are compared
    and left alone: what differs there may still arrive. Raises the broker's errors.

    More shares than the books say are taken in at once. Fewer are believed when something else
    says so too (the day's fills, the stream's newest balance `frames`, the cash), or when they
    have been missing for minutes; until then the position and its exits stay.
    """
    heal(ctx)
    found = differing(ctx)
    for _ in range(LOOKS - 1):
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
    told = [_settle(ctx, code, *pair, frames or {}) for code, pair in sorted(found.items())]
    not_compared = in_flight(ctx)
    for doubt in ctx.journal.doubts():
        if doubt.stock_code not in {*found, *not_compared}:
            ctx.journal.drop_doubt(doubt.stock_code)
    return tuple(difference for difference in told if difference is not None)


def _settle(
    ctx: Context, code: str, ours: Position | None, broker: Holding | None, frames: Frames
) -> Difference | None:
    """Repair one stock's books, or doubt what the broker lists."""
    trades = _foreign(ctx, code)
    more = _quantity(broker) - _quantity(ours)
    if more < 0 and not _believed(ctx, code, ours, broker, frames, trades):
        return _doubt(ctx, code, ours, broker)
    side = Side.BUY if more > 0 else Side.SELL
    explained = bool(trades) or _framed(code, broker, frames)
    price = _average(trade for trade in trades if trade.side is side)
    return _repair(ctx, code, ours, broker, price, alarming=not explained)


def _believed(
    ctx: Context,
    code: str,
    ours: Position | None,
    broker: Holding | None,
    frames: Frames,
    trades: Sequence[Execution],
) -> bool:
    """Whether anything besides the list itself says that the shares are gone."""
    missing = _quantity(ours) - _quantity(broker)
    sold = sum(t.quantity if t.side is Side.SELL else -t.quantity for t in trades)
    if sold >= missing or _framed(code, broker, frames):
        return True
    return _lasting(ctx, code, ours, broker) or _paid(ctx, ours, missing)


def _framed(code: str, broker: Holding | None, frames: Frames) -> bool:
    """Whether the stream's newest balance frame says the same as the list."""
    return code in frames and frames[code].quantity == _quantity(broker)


def _lasting(ctx: Context, code: str, ours: Position | None, broker: Holding | None) -> bool:
    doubt = next((d for d in ctx.journal.doubts() if d.stock_code == code), None)
    if doubt is None or (doubt.ours, doubt.brokers) != _quantities(ours, broker):
        return False
    return (ctx.clock.now() - doubt.since).total_seconds() >= LASTS


def _paid(ctx: Context, ours: Position | None, missing: int) -> bool:
    """Whether about as much cash has come in as the missing shares were worth."""
    noted, flow = ctx.journal.cash_note(), ctx.journal.cash_flow()
    if noted is None or ours is None or not ours.price or noted.outside != flow.outside:
        return False
    try:
        told = ctx.broker.deposit()
    except KtError as failure:
        note_error(ctx, "reconcile.cash", failure)
        return False
    gap = told.d2_cash - (noted.cash + flow.won - noted.won)
    worth = missing * ours.price
    return told.d2_cash > 0 and abs(gap - worth) <= NEAR * worth


def _foreign(ctx: Context, code: str) -> tuple[Execution, ...]:
    """Today's fills of this stock that no order of kt's explains and no booking has taken in."""
    known = {int(number) for o in ctx.journal.orders(day=_today(ctx)) for number in o.ord_nos}
    try:
        rows = ctx.broker.executions(code)
    except KtError as failure:
        note_error(ctx, "reconcile.executions", failure)
        return ()
    foreign = sorted((row for row in rows if not _numbers(row) & known), key=lambda row: row.at)
    return tuple(row for side in Side for row in _beyond(foreign, side, _booked(ctx, code, side)))


def _numbers(row: Execution) -> set[int]:
    return {int(row.ord_no), int(row.original_ord_no or 0)}


def _booked(ctx: Context, code: str, side: Side) -> int:
    """Shares of this stock that bookings of today have taken in or out of the books. A sale that
    was believed without a trade may have one that was listed late, unless the shares came back."""
    fills = [f for f in ctx.journal.fills(day=_today(ctx), stock_code=code) if not f.ord_no]
    seen = sum(f.quantity for f in fills if f.side is side and f.source != position_book.LISTED)
    if side is Side.BUY:
        return seen
    unseen = (f for f in fills if f.source == position_book.LISTED)
    gone = sum(f.quantity if f.side is side else -f.quantity for f in unseen)
    return seen + max(0, gone)


def _today(ctx: Context) -> date:
    return ctx.clock.now().date()


def _beyond(rows: Iterable[Execution], side: Side, booked: int) -> Iterator[Execution]:
    """What a side's rows tell beyond the first `booked` shares: one trade explains one booking."""
    for row in rows:
        if row.side is not side:
            continue
        new = max(0, row.quantity - booked)
        booked -= row.quantity - new
        if new:
            yield replace(row, quantity=new)


def _average(trades: Iterable[Execution]) -> int:
    """The price in won a share of these; 0 of none."""
    found = tuple(trades)
    shares = sum(trade.quantity for trade in found)
    return round(sum(t.quantity * t.price for t in found) / shares) if shares else 0


def _doubt(ctx: Context, code: str, ours: Position | None, broker: Holding | None) -> Difference:
    """The books stay; the difference is kept with the time it was first seen."""
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
    )
    if not same:
        ctx.journal.notice(ctx.run, "warning", "holdings doubted", difference.text(), now)
    return difference


def heal(ctx: Context) -> None:
    """Book again what a crash may have kept from being booked."""
    touched = {
        *(position.stock_code for position in ctx.journal.positions()),
        *(fill.stock_code for fill in ctx.journal.fills(day=_today(ctx))),
    }
    for code in sorted(touched):
        position_book.book(ctx, code)


def in_flight(ctx: Context) -> set[str]:
    """Stocks with an order of ours that may change what is held, or have changed it unseen: a
    sell that was not found may have been taken all the same, and is listed later."""
    waiting = OPEN_STATES | UNRESOLVED_STATES
    since = ctx.clock.now() - timedelta(seconds=MAY_TURN_UP)
    lost = ctx.journal.orders(day=since.date(), states=[OrderState.NOT_PLACED])
    return {
        *(order.stock_code for order in ctx.journal.orders(states=waiting)),
        *(o.stock_code for o in lost if o.code == NOT_FOUND and o.created_at > since),
    }


def differing(ctx: Context) -> dict[str, tuple[Position | None, Holding | None]]:
    """Stocks of which kt and the broker say different quantities, by code."""
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
    """Book the difference at `price` (0 = not known), unless another process was faster."""
    hit("reconcile.repairing", ctx.profile)
    more = _quantity(broker) - _quantity(ours)
    with ctx.journal.together():
        if _quantity(_held(ctx, code)) != _quantity(ours):
            return None
        side = Side.BUY if more > 0 else Side.SELL
        at = (price if more < 0 else 0) or _price(ours, broker, more)
        _book(ctx, code, broker or ours, side, abs(more), at, seen=bool(price))
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
    )
    now = ctx.clock.now()
    ctx.journal.notice(ctx.run, "warning", "books repaired", difference.text(), now)
    return difference


def _held(ctx: Context, code: str) -> Position | None:
    return next((held for held in ctx.journal.positions() if held.stock_code == code), None)


def _price(ours: Position | None, broker: Holding | None, more: int) -> int:
    """What the difference must have cost a share, so that the costs agree afterwards; shares
    that went away are taken out at their average, because nobody knows what they brought."""
    if more > 0 and broker is not None:
        known = ours.cost if ours else 0
        return max(1, round((broker.cost - known) / more)) or broker.average_price
    return max(1, ours.cost // ours.quantity) if ours and ours.quantity else 1


def _book(
    ctx: Context,
    code: str,
    named: Position | Holding | None,
    side: Side,
    quantity: int,
    price: int,
    *,
    seen: bool,
) -> None:
    """The difference as an order of somebody else's that filled at once; `seen` when the day's
    trades show it too."""
    now = ctx.clock.now()
    order = Order(
        order_id=new_id(now),
        run=ctx.run,
        side=side,
        stock_code=code,
        stock_name=named.stock_name if named else "",
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
    ctx.journal.record(fill_event(_whole(order, "rest" if seen else position_book.LISTED)))


def _whole(order: Order, source: str) -> Fill:
    """One fill of all of it, under no number of the broker's."""
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

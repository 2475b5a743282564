"""kt's books beside the broker's holdings: the broker is right about what it holds.

A difference that lasts is booked as an EXTERNAL order with one fill, so that a position stays
the sum of its fills.
"""

from __future__ import annotations

from datetime import timedelta

from kt.ids import new_id
from kt.records import (
    OPEN_STATES,
    UNRESOLVED_STATES,
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
from kt.steps import follow, ledger
from kt.steps.context import Context
from kt.steps.events import event, fill_event
from kt.steps.lost import NOT_FOUND
from kt.steps.points import reach
from kt.steps.reports import Difference

LOOKS = 3
MAY_TURN_UP = 300.0
"""Seconds after which a sell that was given up as not found explains no difference any more."""
PAUSE = 1.5
"""A difference must be the same at so many looks, so many seconds apart: fills are listed late."""


def mend(ctx: Context) -> tuple[Difference, ...]:
    """Compare all positions and repair kt's books. Stocks with an order under way are compared
    and left alone: what differs there may still arrive. Raises the broker's errors."""
    heal(ctx)
    found = differing(ctx)
    for _ in range(LOOKS - 1):
        if not found:
            return ()
        ctx.clock.sleep(PAUSE)
        follow.catch_up(ctx)
        again = differing(ctx)
        found = {
            code: again[code]
            for code, pair in found.items()
            if code in again and _quantities(*again[code]) == _quantities(*pair)
        }
    repaired = (_repair(ctx, code, *pair) for code, pair in sorted(found.items()))
    return tuple(difference for difference in repaired if difference is not None)


def heal(ctx: Context) -> None:
    """Book again what a crash may have kept from being booked."""
    today = ctx.clock.now().date()
    touched = {
        *(position.stock_code for position in ctx.journal.positions()),
        *(fill.stock_code for fill in ctx.journal.fills(day=today)),
    }
    for code in sorted(touched):
        ledger.book(ctx, code)


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
    ctx: Context, code: str, ours: Position | None, broker: Holding | None
) -> Difference | None:
    """Book the difference, unless another process was faster."""
    reach("reconcile.repairing", ctx.profile)
    more = _quantity(broker) - _quantity(ours)
    with ctx.journal.together():
        if _quantity(_held(ctx, code)) != _quantity(ours):
            return None
        side, price = Side.BUY if more > 0 else Side.SELL, _price(ours, broker, more)
        _book(ctx, code, broker or ours, side, abs(more), price)
        ledger.book(ctx, code, broker.price if broker else 0)
    reach("reconcile.repaired", ctx.profile)
    difference = Difference(
        what="position",
        stock_code=code,
        ours=f"{_quantity(ours)} shares",
        brokers=f"{_quantity(broker)} shares",
        done="kt's books now say what the broker says",
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
) -> None:
    """The difference as an order of somebody else's that filled at once."""
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
    ctx.journal.record(fill_event(_whole(order)))


def _whole(order: Order) -> Fill:
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
        source="rest",
    )

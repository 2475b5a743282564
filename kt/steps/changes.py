"""Amends and cancels whose outcome nobody knows: found in the day's list, or found not to stand."""

from __future__ import annotations

from kt.records import Order, OrderEvent, OrderEventKind, OrderState
from kt.steps import follow
from kt.steps.context import Context
from kt.steps.events import event

PAUSE = 1.5

_PENDING = (OrderState.AMENDING, OrderState.CANCELLING)
_ASKED = {
    OrderState.AMENDING: OrderEventKind.AMENDING,
    OrderState.CANCELLING: OrderEventKind.CANCELLING,
}
_FAILED = {
    OrderState.AMENDING: OrderEventKind.AMEND_FAILED,
    OrderState.CANCELLING: OrderEventKind.CANCEL_FAILED,
}


def settle_changes(ctx: Context, patience: float) -> list[Order]:
    """Wait for what may be listed late; a change that is not found after `patience` seconds and
    whose order stands as it was did not happen. The orders that were settled."""
    settled = []
    until = ctx.clock.monotonic() + patience
    while True:
        waiting = []
        for order in ctx.journal.orders(day=ctx.clock.now().date(), states=_PENDING):
            asked = _asked(ctx, order)
            age = (ctx.clock.now() - asked.at).total_seconds() if asked else patience
            if age < patience and ctx.clock.monotonic() < until:
                waiting.append(order)
            else:
                settled.append(_give_up(ctx, order))
        if not waiting:
            return settled
        ctx.clock.sleep(PAUSE)
        changed = {order.order_id: order for order in follow.catch_up(ctx)}
        settled += [changed[o.order_id] for o in waiting if o.order_id in changed]


def _asked(ctx: Context, order: Order) -> OrderEvent | None:
    """The newest wish to change the order."""
    kind = _ASKED[order.state]
    asked = [e for e in ctx.journal.order_events(order.order_id) if e.kind is kind]
    return max(asked, key=lambda e: e.at, default=None)


def _give_up(ctx: Context, order: Order) -> Order:
    """Not in the lists: the order stands as it was. A later listing still counts."""
    asked = _asked(ctx, order)
    return ctx.journal.record(
        event(
            ctx,
            order.order_id,
            _FAILED[order.state],
            key=f"recovery:{asked.event_id if asked else ''}",
            evidence="not found in the broker's lists",
        )
    )

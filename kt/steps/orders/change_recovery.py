"""Amends and cancels whose outcome nobody knows: found in the day's list, or found not to stand."""

from __future__ import annotations

from kt.records import CHANGING_STATES, Order, OrderEvent, OrderEventKind, OrderState
from kt.steps.context import Context
from kt.steps.order_events import event
from kt.steps.reconcile import order_tracking
from kt.steps.reconcile.order_recovery import PATIENCE, PAUSE

_ASKED = {
    OrderState.AMENDING: OrderEventKind.AMENDING,
    OrderState.CANCELLING: OrderEventKind.CANCELLING,
}
_FAILED = {
    OrderState.AMENDING: OrderEventKind.AMEND_FAILED,
    OrderState.CANCELLING: OrderEventKind.CANCEL_FAILED,
}


def resolve_changes(ctx: Context, patience: float) -> list[Order]:
    """Wait up to `patience` seconds for what may be listed late. A change that is not found
    PATIENCE seconds after it was sent, and whose order stands as it was, did not happen; a
    younger one is left as it is. The orders that were settled."""
    settled = []
    began = ctx.clock.monotonic()
    while True:
        waiting = []
        for order in ctx.journal.orders(day=ctx.clock.now().date(), states=CHANGING_STATES):
            if _may_come(ctx, order, began):
                waiting.append(order)
            else:
                settled.append(_give_up(ctx, order))
        if not waiting or ctx.clock.monotonic() - began >= patience:
            return settled
        ctx.clock.sleep(PAUSE)
        changed = {order.order_id: order for order in order_tracking.catch_up(ctx)}
        settled += [changed[o.order_id] for o in waiting if o.order_id in changed]


def _may_come(ctx: Context, order: Order, began: float) -> bool:
    """Whether it was sent so lately that it may still be listed or answered; time is also
    counted without the calendar's clock, which may jump back."""
    asked = _asked(ctx, order)
    age = (ctx.clock.now() - asked.at).total_seconds() if asked else PATIENCE
    return age < PATIENCE and ctx.clock.monotonic() - began < PATIENCE


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

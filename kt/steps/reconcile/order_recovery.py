"""Recovery of orders, amends and cancels whose outcome is unknown (docs/orders.md#recovery).

An order is searched in the broker's lists. A buy that is not found stays UNKNOWN and its stock
locked until a person resolves it. A sell that is not found is given up and may be tried once more,
because the broker sells no share twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from kt.records import (
    CHANGING_STATES,
    UNRESOLVED_STATES,
    BrokerOrder,
    Execution,
    Order,
    OrderEvent,
    OrderEventKind,
    OrderState,
    Origin,
    Side,
    SymbolLock,
)
from kt.rules.order_identification import NOT_FOUND, Found, Matching, lost_sells, match_order
from kt.rules.risk.trading_state import MOST_LOST
from kt.steps.context import Context
from kt.steps.failpoints import hit
from kt.steps.notices import notify
from kt.steps.order_events import event
from kt.steps.reconcile import order_tracking

PATIENCE = 12.0
"""Seconds after its send within which an order or a change may still appear in the lists."""
PLANNED_FOR = 3.0
"""Seconds after which an order that is still PLANNED counts as abandoned by its process."""
PAUSE = 1.5
"""Seconds between two requests for the lists."""


@dataclass(frozen=True, slots=True)
class Lists:
    """The broker's orders and executions of today."""

    orders: tuple[BrokerOrder, ...]
    executions: tuple[Execution, ...]


def resolve_intents(ctx: Context, patience: float = PATIENCE) -> tuple[list[Order], list[Order]]:
    """Resolve the unresolved orders; (resolved, still unknown). Raises the broker's errors.

    Waits up to `patience` seconds for recently sent ones. One that is younger than PATIENCE even
    then is left as it is: another process may be waiting for its answer.
    """
    waiting = list(ctx.journal.orders(states=UNRESOLVED_STATES))
    resolved: list[Order] = []
    unknown = [order for order in waiting if not _of_today(ctx, order)]
    waiting = [order for order in waiting if _of_today(ctx, order)]
    started = ctx.clock.monotonic()
    while waiting:
        lists = find_lists(ctx, waiting)
        remaining = []
        for order in waiting:
            after, matching = _identify(ctx, order, lists)
            if matching.found is Found.NONE and _may_be_listed(ctx, after, started):
                remaining.append(after)
                continue
            if after.state in UNRESOLVED_STATES:
                after = _give_up(ctx, after, matching)
            (unknown if after.state in UNRESOLVED_STATES else resolved).append(after)
        waiting = remaining
        if waiting and ctx.clock.monotonic() - started >= patience:
            break
        if waiting:
            ctx.clock.sleep(PAUSE)
    resolved += _listed_late(ctx)
    unlock(ctx)
    return resolved, [*unknown, *waiting]


def _of_today(ctx: Context, order: Order) -> bool:
    """The broker's lists cover today only; an older order is left to a person."""
    return order.created_at.date() == ctx.clock.now().date()


def _may_be_listed(ctx: Context, order: Order, started: float) -> bool:
    """Whether it was sent so recently that it may still appear in the lists, or is about to be
    sent. The monotonic clock counts too, because the wall clock may jump back."""
    if order.state not in UNRESOLVED_STATES:
        return False
    events = ctx.journal.order_events(order.order_id)
    sends = [event.at for event in events if event.kind is OrderEventKind.SENDING]
    age = (ctx.clock.now() - max(sends, default=order.created_at)).total_seconds()
    longest = PLANNED_FOR if order.state is OrderState.PLANNED else PATIENCE
    return age < longest and ctx.clock.monotonic() - started < longest


def find_lists(ctx: Context, orders: list[Order]) -> Lists:
    """Fetch the day's orders from the lowest noted number on, the open orders and the fills."""
    noted = [int(order.noted_ord_no or 0) for order in orders]
    lowest = min(noted, default=0)
    first = f"{lowest:07d}" if lowest else ""
    return Lists(
        orders=(*ctx.broker.day_orders(first), *ctx.broker.open_orders()),
        executions=ctx.broker.executions(),
    )


def _identify(ctx: Context, order: Order, lists: Lists) -> tuple[Order, Matching]:
    if order.state is OrderState.PLANNED:  # nothing at the broker can be this one
        return ctx.journal.order(order.order_id) or order, Matching(Found.NONE, ())
    hit("reconcile.resolving", ctx.profile)
    matching = match_order(order, lists.orders, lists.executions, known_numbers(ctx))
    if matching.found is not Found.MATCH:
        return ctx.journal.order(order.order_id) or order, matching
    adopted = adopt(ctx, order, matching.ord_no, "found in the broker's lists")
    hit("reconcile.resolved", ctx.profile)
    return adopted, matching


def adopt(ctx: Context, order: Order, ord_no: str, evidence: str) -> Order:
    """Record that the order exists at the broker under this number."""
    return ctx.journal.record(
        event(
            ctx,
            order.order_id,
            OrderEventKind.ADOPTED,
            key=str(int(ord_no)),
            ord_no=ord_no,
            evidence=evidence,
        )
    )


def known_numbers(ctx: Context) -> set[str]:
    today = ctx.clock.now().date()
    return {number for order in ctx.journal.orders(day=today) for number in order.ord_nos}


def _give_up(ctx: Context, order: Order, matching: Matching) -> Order:
    """After the wait, or when several orders match: a PLANNED order was not sent, a sell is given
    up, anything else is UNKNOWN and its stock locked."""
    if order.state is OrderState.PLANNED:
        return ctx.journal.record(
            event(
                ctx,
                order.order_id,
                OrderEventKind.GIVEN_UP,
                code="NOT_SENT",
                evidence="planned, but never sent",
            )
        )
    if matching.found is Found.NONE and order.side is Side.SELL:
        return _give_up_sell(ctx, order)
    several = ", ".join(matching.ord_nos)
    evidence = (
        f"several orders at the broker fit: {several}" if several else "not found at the broker"
    )
    if order.state is OrderState.UNKNOWN and _locked(ctx, order):
        return order
    after = ctx.journal.record(
        event(ctx, order.order_id, OrderEventKind.UNKNOWN, key="recovery", evidence=evidence)
    )
    if after.state is OrderState.UNKNOWN:
        lock_unknown(ctx, after, evidence)
    return after


def lock_unknown(ctx: Context, order: Order, evidence: str) -> None:
    """Notify the owner, then lock the stock until the order is resolved. The notice is journaled
    before the lock, so that a crash in between never leaves a lock without a notice."""
    title = f"order outcome unknown: {order.side} {order.stock_code} x{order.quantity}"
    text = (
        f"{evidence.rstrip('.')}. {order.stock_code} is locked. kt looks for it at the broker; "
        "if it stays unknown, look there yourself and use "
        f"`kt order resolve {order.order_id}`."
    )
    notify(ctx, "critical", title, text, durable=True)
    ctx.journal.lock_symbol(
        SymbolLock(
            stock_code=order.stock_code,
            reason=f"the outcome of order {order.order_id} is unknown ({evidence})",
            order_id=order.order_id,
            at=ctx.clock.now(),
        )
    )


def _give_up_sell(ctx: Context, order: Order) -> Order:
    """Give up a sell that is not in the lists and notify the owner: it may be tried once more."""
    after = ctx.journal.record(
        event(
            ctx,
            order.order_id,
            OrderEventKind.GIVEN_UP,
            code=NOT_FOUND,
            message="not found at the broker",
            evidence="not in the day's orders, the open orders or the fills",
        )
    )
    if after.code == NOT_FOUND:
        today = ctx.journal.orders(day=ctx.clock.now().date(), stock_code=order.stock_code)
        again = lost_sells(today, order.stock_code) <= MOST_LOST
        notify(
            ctx,
            "warning" if again else "critical",
            f"a sell was lost: {order.stock_code} x{order.quantity}",
            f"order {order.order_id} is nowhere at the broker; "
            + ("it may be tried once more" if again else "kt tries no third time: look there"),
        )
    return after


def _locked(ctx: Context, order: Order) -> bool:
    return any(lock.order_id == order.order_id for lock in ctx.journal.locks())


def _listed_late(ctx: Context) -> list[Order]:
    """Adopt sells that were given up as not found and are listed now. While another sell of the
    stock is on its way, a listed one may be that one: its answer must say first."""
    today = ctx.clock.now().date()
    lost = [
        order
        for order in ctx.journal.orders(day=today, states=[OrderState.NOT_PLACED])
        if order.code == NOT_FOUND and order.origin is not Origin.EXTERNAL
    ]
    if not lost:
        return []
    lists = find_lists(ctx, lost)
    # Read after the lists and before the known numbers: whatever is sent later is not in the lists.
    on_its_way = {
        order.stock_code
        for order in ctx.journal.orders(states=UNRESOLVED_STATES)
        if order.side is Side.SELL
    }
    certain = (order for order in lost if order.stock_code not in on_its_way)
    orders = [_identify(ctx, order, lists)[0] for order in certain]
    return [order for order in orders if order.state is not OrderState.NOT_PLACED]


def unlock(ctx: Context) -> None:
    """Release the locks of stocks whose order is resolved."""
    for lock in ctx.journal.locks():
        order = ctx.journal.order(lock.order_id) if lock.order_id else None
        if order is not None and order.state not in UNRESOLVED_STATES:
            ctx.journal.unlock_symbol(lock.stock_code)


_CHANGE_SENT = {
    OrderState.AMENDING: OrderEventKind.AMENDING,
    OrderState.CANCELLING: OrderEventKind.CANCELLING,
}
_CHANGE_FAILED = {
    OrderState.AMENDING: OrderEventKind.AMEND_FAILED,
    OrderState.CANCELLING: OrderEventKind.CANCEL_FAILED,
}


def resolve_changes(ctx: Context, patience: float) -> list[Order]:
    """Resolve amends and cancels whose outcome is unknown; the orders that were resolved.

    Waits up to `patience` seconds for the lists. A change that is not listed PATIENCE seconds
    after it was sent did not happen; a younger one is left as it is. Raises the broker's errors."""
    resolved = []
    started = ctx.clock.monotonic()
    while True:
        waiting = []
        for order in ctx.journal.orders(day=ctx.clock.now().date(), states=CHANGING_STATES):
            if _change_may_be_listed(ctx, order, started):
                waiting.append(order)
            else:
                resolved.append(_give_up_change(ctx, order))
        if not waiting or ctx.clock.monotonic() - started >= patience:
            return resolved
        ctx.clock.sleep(PAUSE)
        changed = {order.order_id: order for order in order_tracking.catch_up(ctx)}
        resolved += [changed[o.order_id] for o in waiting if o.order_id in changed]


def _change_may_be_listed(ctx: Context, order: Order, started: float) -> bool:
    """Whether the change was sent so recently that it may still be listed or answered. The
    monotonic clock counts too, because the wall clock may jump back."""
    request = _request_event(ctx, order)
    age = (ctx.clock.now() - request.at).total_seconds() if request else PATIENCE
    return age < PATIENCE and ctx.clock.monotonic() - started < PATIENCE


def _request_event(ctx: Context, order: Order) -> OrderEvent | None:
    """The newest request to amend or cancel the order."""
    kind = _CHANGE_SENT[order.state]
    requests = [e for e in ctx.journal.order_events(order.order_id) if e.kind is kind]
    return max(requests, key=lambda e: e.at, default=None)


def _give_up_change(ctx: Context, order: Order) -> Order:
    """Record that the change failed: the order is as it was. A later listing still counts."""
    request = _request_event(ctx, order)
    return ctx.journal.record(
        event(
            ctx,
            order.order_id,
            _CHANGE_FAILED[order.state],
            key=f"recovery:{request.event_id if request else ''}",
            evidence="not found in the broker's lists",
        )
    )

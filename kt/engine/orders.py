"""Open orders: what the stream and the broker's lists report, and what to do with those that stay
open."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from kt.engine import emergency, work
from kt.engine.jobs import Job
from kt.engine.runtime import Runtime
from kt.engine.stream_subscriptions import watch
from kt.engine.timers import Timer
from kt.records import (
    CHANGING_STATES,
    EXITS,
    UNRESOLVED_STATES,
    Advice,
    Order,
    OrderNotice,
    OrderState,
    Side,
)
from kt.rules.order_identification import NOT_FOUND
from kt.steps.orders import exits
from kt.steps.orders import unfilled as overdue
from kt.steps.reconcile import order_tracking

QUEUED = 10.0
"""Seconds after which an open market sell of an exit is reported as waiting."""


# reports from the broker


def on_notice(runtime: Runtime, notice: OrderNotice) -> None:
    """Fold an order frame; an unknown number may belong to an intent whose answer was lost."""
    # Read both before looking up the number: the answer may be journaled right after.
    sending, unanswered = runtime.workers.sending, _may_be_unresolved(runtime, notice)
    order = order_tracking.on_notice(runtime.ctx, notice)
    runtime.orders_changed(() if order is None else (order,))
    if order is None:
        if unanswered:
            _on_unknown_number(runtime, notice, sending)
        return
    runtime.state.retry_exits(order.stock_code)
    if notice.status == "FILL":
        runtime.timers.fire_now(Timer.CYCLE, runtime.seconds)
        watch(runtime)


def _may_be_unresolved(runtime: Runtime, notice: OrderNotice) -> bool:
    return any(
        order.stock_code == notice.stock_code and order.side is notice.side
        for order in runtime.ctx.journal.orders(states=UNRESOLVED_STATES)
    )


def _on_unknown_number(runtime: Runtime, notice: OrderNotice, sending: bool) -> None:
    """A frame of an order whose number is not in the journal: its answer is still to come, or was
    lost."""
    if sending:
        runtime.state.early_notices.append(notice)
    elif not runtime.workers.busy(RECOVER.name):
        RECOVER.start(runtime)


def handle_early_notices(runtime: Runtime) -> None:
    """An order's answer is in the journal: handle again the frames that arrived before it."""
    early_notices, runtime.state.early_notices = runtime.state.early_notices, []
    for notice in early_notices:
        runtime.events.put(notice)


def _tracked(runtime: Runtime, changed: Iterable[Order]) -> None:
    """Orders changed by the broker's lists."""
    runtime.orders_changed(changed)
    watch(runtime)


LOOK = Job(
    "look",
    "the look at open orders",
    order_tracking.catch_up,
    _tracked,
    when=lambda runtime: bool(runtime.open_orders()),
)
RECOVER = Job("recover", "the search for lost answers", work.recover, _tracked)


def has_unresolved(runtime: Runtime) -> bool:
    """Whether the outcome of an order or change of today is unknown. Includes a sell given up as
    not found: the broker may still list it later."""
    journal, today = runtime.ctx.journal, runtime.ctx.clock.now().date()
    waiting = UNRESOLVED_STATES | CHANGING_STATES
    given_up = journal.orders(day=today, states=[OrderState.NOT_PLACED])
    return any(order.code == NOT_FOUND for order in given_up) or bool(
        journal.orders(day=today, states=waiting, limit=1)
    )


def announce_changes(runtime: Runtime) -> None:
    """Announce what another process booked of announced orders that are not final: neither a frame
    nor a list reports it here."""
    for order_id in runtime.announcer.not_final():
        order = runtime.ctx.journal.order(order_id)
        if order is not None:
            runtime.announce_order(order)


# orders sent


def placed(runtime: Runtime, order: Order) -> None:
    """An order was sent, or refused."""
    runtime.report.orders += bool(order.ord_no)
    runtime.announce_order(order)
    if order.state is OrderState.UNKNOWN:
        RECOVER.start(runtime)
    emergency.raise_if(runtime, runtime.watchdog.order(order, runtime.ctx.clock.now()))


def _chase_done(runtime: Runtime, changed: Order | None) -> None:
    if changed is not None:
        runtime.announce_order(changed)
        emergency.raise_if(runtime, runtime.watchdog.order(changed, runtime.ctx.clock.now()))


CHASE = Job(
    "chased", "the change of an order that stayed open", work.chase, _chase_done, orders=True
)


def unfilled(runtime: Runtime) -> None:
    """Amend or cancel orders that have been open for too long; the analyst is asked first where
    there is a choice."""
    runtime.queue_work(partial(_overdue, runtime, order) for order in overdue.overdue(runtime.ctx))


def _overdue(runtime: Runtime, order: Order) -> None:
    book = runtime.state.books.get(order.stock_code)
    if overdue.asks(runtime.ctx, order):
        UNFILLED.start(runtime, order, book)
    else:
        CHASE.line_up(runtime, order.order_id, book)


def _advised(runtime: Runtime, answer: tuple[Order, Advice]) -> None:
    order, advice = answer
    CHASE.line_up(runtime, order.order_id, runtime.state.books.get(order.stock_code), advice)


UNFILLED = Job(
    "unfilled",
    "the question about an open order",
    work.ask_unfilled,
    _advised,
    about=lambda order, book: order.stock_code,
)


def _cancelled(runtime: Runtime, order: Order | None) -> None:
    if order is not None:
        runtime.announce_order(order)


CANCEL = Job("taken back", "the cancel of an order", work.cancel_open, _cancelled, orders=True)


def cancel_buys(runtime: Runtime) -> None:
    """Cancel every open buy: before the close, and when kt is stopped, because nothing would sell
    what they buy. A cancel that is under way is not repeated."""
    buys = (order for order in runtime.open_orders() if order.side is Side.BUY)
    runtime.queue_work(partial(CANCEL.line_up, runtime, order.order_id) for order in buys)


def notify_waiting_exits(runtime: Runtime) -> None:
    """Notify the owner once about each market sell that does not fill at once. It waits for buyers
    (at the lower price limit there may be none, docs/market-rules.md#price-limits) and keeps its
    place in the queue."""
    now, told = runtime.ctx.clock.now(), runtime.state.queued
    for order in runtime.open_orders():
        waits = (now - order.created_at).total_seconds() >= QUEUED
        if order.origin in EXITS and waits and order.order_id not in told:
            told.add(order.order_id)
            exits.tell_queued(runtime.ctx, order)

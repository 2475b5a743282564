"""Orders under way: what the stream and the lists tell of them, and those that stay open."""

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
"""Seconds after which an exit at market that is still open is said to wait."""


# what the broker tells


def on_notice(runtime: Runtime, notice: OrderNotice) -> None:
    """Fold the frame; a number nobody knows may be an intent whose answer was lost."""
    # Both are asked before the number is looked for: its answer may be written down just after.
    on_its_way, unanswered = runtime.workers.sending, _may_be_ours(runtime, notice)
    order = order_tracking.on_notice(runtime.ctx, notice)
    runtime.booked(() if order is None else (order,))
    if order is None:
        if unanswered:
            _early(runtime, notice, on_its_way)
        return
    runtime.state.wake(order.stock_code)
    if notice.status == "FILL":
        runtime.timers.again(Timer.CYCLE, runtime.seconds)
        watch(runtime)


def _may_be_ours(runtime: Runtime, notice: OrderNotice) -> bool:
    return any(
        order.stock_code == notice.stock_code and order.side is notice.side
        for order in runtime.ctx.journal.orders(states=UNRESOLVED_STATES)
    )


def _early(runtime: Runtime, notice: OrderNotice, on_its_way: bool) -> None:
    """A frame of an order whose number is not known: an answer comes, or it was lost."""
    if on_its_way:
        runtime.state.early.append(notice)
    elif not runtime.workers.busy(RECOVER.name):
        RECOVER.start(runtime)


def numbers_known(runtime: Runtime) -> None:
    """An order's answer is here: the frames that came before it are read again."""
    early, runtime.state.early = runtime.state.early, []
    for notice in early:
        runtime.events.put(notice)


def _looked(runtime: Runtime, changed: Iterable[Order]) -> None:
    """What the broker's lists told of open orders."""
    runtime.booked(changed)
    watch(runtime)


LOOK = Job(
    "look",
    "the look at open orders",
    order_tracking.catch_up,
    _looked,
    when=lambda runtime: bool(runtime.open_orders()),
)
RECOVER = Job("recover", "the search for lost answers", work.recover, _looked)


def lost(runtime: Runtime) -> bool:
    """Whether there is an order of today, or a change of one, that nobody knows the end of. A
    sell that was given up as not found is one: the broker may list it late."""
    journal, today = runtime.ctx.journal, runtime.ctx.clock.now().date()
    waiting = UNRESOLVED_STATES | CHANGING_STATES
    given_up = journal.orders(day=today, states=[OrderState.NOT_PLACED])
    return any(order.code == NOT_FOUND for order in given_up) or bool(
        journal.orders(day=today, states=waiting, limit=1)
    )


def tell_open(runtime: Runtime) -> None:
    """What another process booked of orders whose end was not told yet: of that no frame and
    no list speaks here again."""
    for order_id in runtime.announcer.unfinished():
        order = runtime.ctx.journal.order(order_id)
        if order is not None:
            runtime.tell(order)


# what was sent


def placed(runtime: Runtime, order: Order) -> None:
    """An order's own answer."""
    runtime.report.orders += bool(order.ord_no)
    runtime.tell(order)
    if order.state is OrderState.UNKNOWN:
        RECOVER.start(runtime)
    emergency.raise_if(runtime, runtime.watchdog.order(order, runtime.ctx.clock.now()))


def _chased(runtime: Runtime, changed: Order | None) -> None:
    if changed is not None:
        runtime.tell(changed)
        emergency.raise_if(runtime, runtime.watchdog.order(changed, runtime.ctx.clock.now()))


CHASE = Job("chased", "the change of an order that stayed open", work.chase, _chased, orders=True)


def unfilled(runtime: Runtime) -> None:
    """Amend or cancel what has been open for too long."""
    books = runtime.state.books
    runtime.one_by_one(
        partial(CHASE.line_up, runtime, order.order_id, books.get(order.stock_code))
        for order in overdue.overdue(runtime.ctx)
    )


def _taken_back(runtime: Runtime, order: Order | None) -> None:
    if order is not None:
        runtime.tell(order)


TAKE_BACK = Job("taken back", "the cancel of an order", work.take_back, _taken_back, orders=True)


def cancel_buys(runtime: Runtime) -> None:
    """Take back every open buy: before the close, and when kt is stopped, because nothing
    would sell what they bring. A cancel under way is left to end."""
    buys = (order for order in runtime.open_orders() if order.side is Side.BUY)
    runtime.one_by_one(partial(TAKE_BACK.line_up, runtime, order.order_id) for order in buys)


def tell_queued(runtime: Runtime) -> None:
    """A sell at market that does not fill at once waits for buyers (at the lower price limit there
    may be none, docs/market-rules.md#price-limits): it keeps its place; the owner is told once."""
    now, told = runtime.ctx.clock.now(), runtime.state.queued
    for order in runtime.open_orders():
        waits = (now - order.created_at).total_seconds() >= QUEUED
        if order.origin in EXITS and waits and order.order_id not in told:
            told.add(order.order_id)
            exits.tell_queued(runtime.ctx, order)

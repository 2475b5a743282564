"""What each kind of event on the day's queue does."""

from __future__ import annotations

from kt.engine import emergency, exits, holdings, orders, stream_connection
from kt.engine.runtime import Event, Runtime, WorkBatch
from kt.engine.workers import Answered
from kt.records import (
    BalanceNotice,
    BookUpdate,
    OrderNotice,
    SessionNotice,
    StreamState,
    Tick,
    ViNotice,
)


def handle(runtime: Runtime, happened: Event) -> None:
    """One event from the stream or a worker."""
    match happened:
        case Tick():
            exits.on_tick(runtime, happened)
        case OrderNotice():
            orders.on_notice(runtime, happened)
        case BookUpdate():
            runtime.state.books[happened.stock_code] = happened.book
        case BalanceNotice():
            holdings.on_balance(runtime, happened)
        case SessionNotice():
            runtime.state.notice = happened
            runtime.state.retry_exits()
        case ViNotice():
            exits.on_interruption(runtime, happened)
        case StreamState():
            stream_connection.on_state(runtime, happened)
        case Answered():
            _answered(runtime, happened)
        case WorkBatch():
            _next(runtime, happened)


def _next(runtime: Runtime, queued: WorkBatch) -> None:
    """Run the first piece of work and queue the rest behind the events that arrived meanwhile."""
    first, *rest = queued.works
    try:
        first()
    finally:
        runtime.queue_work(rest)


def _answered(runtime: Runtime, answered: Answered) -> None:
    """Apply a job's result or failure."""
    task, outcome = answered.task, answered.outcome
    runtime.workers.release(task)
    if task.orders:
        orders.handle_early_notices(runtime)
    if isinstance(outcome, Exception):
        emergency.failed(runtime, f"worker.{task.name}", outcome, title=task.title)
        task.failed(outcome)
    else:
        runtime.announcer.works(task.title)
        outcome()

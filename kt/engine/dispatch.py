"""What each kind of event on the day's queue leads to."""

from __future__ import annotations

from kt.engine import emergency, exits, holdings, orders, stream_connection
from kt.engine.registry import job_of
from kt.engine.runtime import Event, Runtime
from kt.engine.state import Todo
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
            runtime.state.wake()
        case ViNotice():
            exits.on_interruption(runtime, happened)
        case StreamState():
            stream_connection.on_state(runtime, happened)
        case Answered():
            _answered(runtime, happened)
        case Todo():
            _next(runtime, happened)


def _next(runtime: Runtime, todo: Todo) -> None:
    """The first of the works; the others queue up behind what happened meanwhile."""
    first, *rest = todo.works
    try:
        first()
    finally:
        runtime.one_by_one(rest)


def _answered(runtime: Runtime, answered: Answered) -> None:
    """A worker's answer, by its job."""
    job = job_of(answered.job)
    if job.orders:
        orders.numbers_known(runtime)
    if answered.failure is None:
        runtime.announcer.works(answered.job)
        job.then(runtime, answered.value)
        return
    emergency.failed(runtime, f"worker.{answered.job}", answered.failure)
    if job.failed is not None:
        job.failed(runtime, answered.failure)

"""What each kind of event on the day's queue leads to."""

from __future__ import annotations

from kt.engine import emergency, exits, holdings, orders, stream_connection
from kt.engine.runtime import Event, Runtime, Todo
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
    """A job has ended on its worker."""
    task, outcome = answered.task, answered.outcome
    if task.orders:
        orders.numbers_known(runtime)
    if isinstance(outcome, Exception):
        emergency.failed(runtime, f"worker.{task.name}", outcome, title=task.title)
        task.failed(outcome)
    else:
        runtime.announcer.works(task.title)
        outcome()

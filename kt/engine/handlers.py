"""What each kind of event on the day's queue leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt.engine.state import Judged, Todo
from kt.engine.workers import Answered
from kt.errors import StreamReplaced, Unreachable
from kt.records import (
    BalanceNotice,
    BookUpdate,
    OrderNotice,
    SessionNotice,
    StreamState,
    Tick,
)
from kt.rules.emergency import Alarm
from kt.steps.gather import note_error

if TYPE_CHECKING:
    from kt.engine.day import Day


def handle(day: Day, happened: Any) -> None:
    """One event from the stream or a worker."""
    match happened:
        case Tick():
            day.desk.on_tick(happened)
        case OrderNotice():
            _order(day, happened)
        case BookUpdate():
            day.desk.on_book(happened)
        case BalanceNotice():
            if day.desk.differs(happened):
                day.timers.again("look", day.ctx.clock.monotonic())
        case SessionNotice():
            day.state.notice = happened
        case StreamState():
            _stream(day, happened)
        case Answered():
            _answer(day, happened)
        case Todo():
            _next(day, happened)


def _next(day: Day, todo: Todo) -> None:
    """The first of the works; the others queue up behind what happened meanwhile."""
    first, *rest = todo.works
    try:
        first()
    finally:
        if rest:
            day.queue.put(Todo(tuple(rest)))


def _order(day: Day, notice: OrderNotice) -> None:
    order = day.desk.on_order(notice)
    if order is None:
        if not day.workers.busy("recover") and day.desk.may_be_ours(notice):
            day.phases.work("recover")
        return
    if notice.status == "FILL":
        day.timers.again("cycle", day.ctx.clock.monotonic())
        day.phases.watch()


def _stream(day: Day, happened: StreamState) -> None:
    """The connection's own life: catch up after a gap, never fight another login."""
    now = day.ctx.clock.monotonic()
    day.announce(f"stream {happened.state} {happened.detail}".rstrip())
    match happened.state:
        case "reconnected":
            day.timers.again("look", now)
            day.timers.again("books", now)
            day.phases.work("quotes")
        case "lost":
            note_error(day.ctx, "stream", Unreachable(f"the stream was lost: {happened.detail}"))
            day.desk.raise_if(day.watchdog.error("network", day.ctx.clock.now()))
        case "closed":
            day.feed.drop()
            _gone(day, f"the stream is gone: {happened.detail}", replaced=False)
        case "replaced":
            day.feed.drop()
            _gone(day, f"another program logged in with this app key: {happened.detail}", True)


def _gone(day: Day, why: str, replaced: bool) -> None:
    day.state.feed_replaced = replaced
    note_error(day.ctx, "stream", StreamReplaced(why) if replaced else Unreachable(why))
    day.alarms.raise_(Alarm("CONNECTION", why))


def _answer(day: Day, answered: Answered) -> None:
    if answered.job == "feed":
        _feed(day, answered.failure)
        return
    if answered.failure is not None:
        day.failed(f"worker.{answered.job}", answered.failure)
        return
    day.voice.works(answered.job)
    state, value = day.state, answered.value
    match answered.job:
        case "reconcile":
            day.phases.reconciled(value)
        case "plan":
            state.fast = value.candidates
            day.announce(value.text())
        case "fast" | "deep" | "ai":
            _scanned(day, answered.job, value)
        case "books":
            day.desk.on_holdings(value)
        case "watch" if day.feed.behind:
            day.workers.start("watch", day.feed.point)
        case "quotes":
            day.desk.on_prices(value)
        case "settle":
            day.phases.settled(value)
        case "flatten":
            day.desk.looked((*value.cancelled, *value.sold))
            day.announce(value.text())
        case "look" | "recover":
            day.desk.looked(value)
            day.phases.watch()
        case job:
            _of_a_stock(day, job.partition(".")[0], value)


def _of_a_stock(day: Day, job: str, value: Any) -> None:
    if job == "profit":
        day.desk.on_confirmed(*value)
    elif job == "again" and day.phases.trading:
        day.desk.on_judged(value)


def _scanned(day: Day, stage: str, value: Any) -> None:
    """A stage's first result of the day is used by the next stage at once."""
    state = day.state
    if stage == "fast":
        first, state.fast = not state.deep, value
        day.phases.scanned("deep" if first else "")
    elif stage == "deep":
        first, state.deep = not state.shortlist, value
        day.phases.scanned("ai" if first else "")
    else:
        _judged(day, value)


def _judged(day: Day, judged: Judged) -> None:
    wanted = [f"{d.action} {d.stock_name}" for d in judged.decisions if d.price]
    day.announce(f"analyst: {', '.join(wanted) or 'hold'}")
    if day.phases.trading:
        day.desk.on_judged(judged)
    day.phases.watch()


def _feed(day: Day, failure: Exception | None) -> None:
    """The stream could be started, or one more time it could not."""
    state = day.state
    if failure is None:
        day.voice.works("feed")
        state.feed_failures = 0
        day.phases.watch()
        return
    day.failed("worker.feed", failure)
    if isinstance(failure, StreamReplaced):
        state.feed_replaced = True
    if isinstance(failure, Unreachable):
        state.feed_failures += 1
        alarm = day.watchdog.connection(state.feed_failures)
        if alarm is not None:
            state.feed_failures = 0
            day.alarms.raise_(alarm)

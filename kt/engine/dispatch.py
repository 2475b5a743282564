"""What each kind of event on the day's queue leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from kt.engine.jobs import Plan
from kt.engine.state import Judged, Todo
from kt.engine.workers import Answered
from kt.errors import StreamReplaced, Unreachable
from kt.records import (
    BalanceNotice,
    BookUpdate,
    Order,
    OrderNotice,
    SessionNotice,
    StreamState,
    Tick,
    ViNotice,
)
from kt.rules.emergency import Alarm
from kt.steps.gather import note_error
from kt.steps.reports import Flattened

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
            day.state.frames[happened.stock_code] = happened
            if day.desk.differs(happened):
                day.timers.again("look", day.ctx.clock.monotonic())
        case SessionNotice():
            day.state.notice = happened
            day.state.wake()
        case ViNotice():
            _interrupted(day, happened)
        case StreamState():
            _stream(day, happened)
        case Answered():
            _answer(day, happened)
        case Todo():
            _next(day, happened)


def _interrupted(day: Day, notice: ViNotice) -> None:
    """A held stock's volatility interruption: what it refused may be taken once it is over."""
    if notice.stock_code not in day.state.positions:
        return
    state = "is interrupted" if notice.active else "trades again"
    day.announce(f"{notice.stock_code} {state} (volatility) at {notice.price:,}")
    if not notice.active:
        day.state.wake(notice.stock_code)
        day.phases.work("quotes")


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
        if day.desk.may_be_ours(notice):
            _early(day, notice)
        return
    day.state.wake(order.stock_code)
    if notice.status == "FILL":
        day.timers.again("cycle", day.ctx.clock.monotonic())
        day.phases.watch()


def _early(day: Day, notice: OrderNotice) -> None:
    """A frame of an order whose number is not known: it is on its way, or its answer was lost."""
    if day.workers.sending:
        day.state.early.append(notice)
    elif not day.workers.busy("recover"):
        day.phases.work("recover")


def _number_known(day: Day) -> None:
    """An order's answer is here: the frames that came before it are read again."""
    early, day.state.early = day.state.early, []
    for notice in early:
        day.queue.put(notice)


def _stream(day: Day, happened: StreamState) -> None:
    """The connection's own life: catch up after a gap, never fight another login."""
    now = day.ctx.clock.monotonic()
    day.announce(f"stream {happened.state} {happened.detail}".rstrip())
    match happened.state:
        case "reconnected":
            day.state.feed_lost = False
            day.timers.again("look", now)
            day.timers.again("books", now)
            day.state.wake()
            day.alarms.over("CONNECTION")
            day.phases.work("quotes")
        case "lost":
            day.state.feed_lost = True
            day.phases.ask_prices()
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
    """What a worker's answer leads to, by the first word of its job's name."""
    kind = answered.job.partition(".")[0]
    if kind in ORDERS:
        _number_known(day)
    if kind == "feed":
        _feed(day, answered.failure)
    elif answered.failure is not None:
        day.failed(f"worker.{answered.job}", answered.failure)
    else:
        day.voice.works(answered.job)
        if kind in SCANS:
            _scanned(day, kind, answered.value)
        elif kind in ANSWERS:
            ANSWERS[kind](day, answered.value)


def _planned(day: Day, plan: Plan) -> None:
    day.state.fast = plan.candidates
    day.announce(plan.text())


def _watched(day: Day, _: object) -> None:
    if day.feed.behind:
        day.workers.start("watch", day.feed.point)


def _looked(day: Day, changed: Iterable[Order]) -> None:
    day.desk.looked(changed)
    day.phases.watch()


def _flattened(day: Day, done: Flattened) -> None:
    day.desk.looked((*done.cancelled, *done.sold))
    day.announce(done.text())
    day.alarms.flattened()


def _again(day: Day, judged: Judged) -> None:
    if day.phases.trading:
        day.desk.on_judged(judged)


ANSWERS: dict[str, Callable[[Day, Any], None]] = {
    "reconcile": lambda day, found: day.phases.reconciled(found),
    "plan": _planned,
    "books": lambda day, differences: day.desk.on_differences(differences),
    "quotes": lambda day, prices: day.desk.on_prices(prices),
    "settle": lambda day, settled: day.phases.settled(settled),
    "flatten": _flattened,
    "look": _looked,
    "recover": _looked,
    "watch": _watched,
    "exit": lambda day, left: day.desk.on_left(left),
    "profit": lambda day, answer: day.desk.on_confirmed(*answer),
    "trail": lambda day, _: day.state.refresh(day.ctx),
    "checked": lambda day, checks: day.desk.on_checked(checks),
    "placed": lambda day, placed: day.desk.on_placed(placed),
    "chased": lambda day, order: day.desk.on_chased(order),
    "taken back": lambda day, order: day.desk.on_taken_back(order),
    "again": _again,
}
SCANS = ("fast", "deep", "ai")
ORDERS = frozenset({"exit", "placed", "chased", "taken back"})
"""Jobs after which the numbers of the orders that they sent are known."""


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
        state.feed_lost = False
        day.state.wake()
        day.alarms.over("CONNECTION")
        day.phases.work("quotes")
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

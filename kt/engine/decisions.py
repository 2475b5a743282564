"""From the scans to orders: what the market shows, what the analyst says, what is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from kt.engine import orders, work
from kt.engine.jobs import Job
from kt.engine.runtime import Runtime
from kt.engine.state import Judged
from kt.engine.subscriptions import watch
from kt.engine.timers import Timer
from kt.engine.work import Placed
from kt.records import Candidate, Check, Decision
from kt.steps import scan

# scans: a stage's first result of the day is used by the next stage at once


def _scan_fast(runtime: Runtime) -> Callable[[], tuple[Candidate, ...]]:
    return partial(scan.fast, runtime.ctx)


def _scanned_fast(runtime: Runtime, found: tuple[Candidate, ...]) -> None:
    runtime.state.fast = found
    watch(runtime)
    if not runtime.state.deep:
        runtime.timers.again(Timer.DEEP, runtime.seconds)


FAST = Job("fast", "the fast scan", _scan_fast, _scanned_fast)


def _scan_deep(runtime: Runtime) -> Callable[[], tuple[Candidate, ...]] | None:
    fast = runtime.state.fast
    return partial(scan.deep, runtime.ctx, fast) if fast else None


def _scanned_deep(runtime: Runtime, found: tuple[Candidate, ...]) -> None:
    runtime.state.deep = found
    watch(runtime)
    if not runtime.state.shortlist:
        runtime.timers.again(Timer.AI, runtime.seconds)


DEEP = Job("deep", "the deep scan", _scan_deep, _scanned_deep)


# decisions


def _judge(runtime: Runtime) -> Callable[[], Judged] | None:
    state = runtime.state
    if not (state.deep or state.positions):
        return None
    return partial(work.judge, runtime.ctx, state.deep, state.notice)


def _judged(runtime: Runtime, judged: Judged) -> None:
    wanted = [f"{d.action} {d.stock_name}" for d in judged.decisions if d.price]
    runtime.say(f"analyst: {', '.join(wanted) or 'hold'}")
    _take(runtime, judged)
    watch(runtime)


AI = Job("ai", "the analysis", _judge, _judged)


def _take(runtime: Runtime, judged: Judged) -> None:
    """The analyst's decisions through the safety check and, if they pass, out."""
    if not runtime.state.trading:
        return
    runtime.state.shortlist = judged.shortlist
    if runtime.state.reconciled:
        CHECK.line_up(runtime, judged)


def _check(runtime: Runtime, judged: Judged) -> Callable[[], tuple[Check, ...]]:
    return partial(work.check_all, runtime.ctx, judged, runtime.state.notice)


def _checked(runtime: Runtime, checks: Iterable[Check]) -> None:
    runtime.one_by_one(partial(PLACE.line_up, runtime, checked) for checked in checks)


CHECK = Job("checked", "the check of decisions", _check, _checked)


def _place(runtime: Runtime, checked: Check) -> Callable[[], Placed]:
    return partial(work.place_one, runtime.ctx, checked)


def _placed(runtime: Runtime, placed: Placed) -> None:
    if placed.order is not None:
        orders.placed(runtime, placed.order)
    if placed.again is not None:
        AGAIN.start(runtime, placed.again)


PLACE = Job("placed", "an order", _place, _placed, orders=True)


def _weigh(runtime: Runtime, decision: Decision) -> Callable[[], Judged]:
    state = runtime.state
    return partial(work.weigh, runtime.ctx, state.shortlist, (decision,), state.notice)


AGAIN = Job(
    "again",
    "the second look at a decision",
    _weigh,
    _take,
    about=lambda decision: decision.stock_code,
)

"""From the scans to orders: candidates, the analyst's decisions, their check, their orders."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from kt.engine import orders, work
from kt.engine.jobs import Job
from kt.engine.runtime import Runtime
from kt.engine.stream_subscriptions import watch
from kt.engine.timers import Timer
from kt.engine.work import Judged, Placed
from kt.records import Check
from kt.steps.decide import scan
from kt.steps.decide.scan import Scanned

# scans: a stage that is due while the one before it runs waits for that result, so that it never
# ranks an old list; a stage's first result of the day is used by the next stage at once


def fast_due(runtime: Runtime) -> None:
    if FAST.start(runtime):
        runtime.state.scanning.add(Timer.FAST)


def deep_due(runtime: Runtime) -> None:
    if Timer.FAST in runtime.state.scanning:
        runtime.state.scans_due.add(Timer.DEEP)
    elif DEEP.start(runtime, runtime.state.fast):
        runtime.state.scanning.add(Timer.DEEP)
    elif Timer.DEEP not in runtime.state.scanning:  # nothing to rank
        _ended(runtime, Timer.DEEP, Timer.AI)


def ai_due(runtime: Runtime) -> None:
    state = runtime.state
    if Timer.DEEP in state.scanning | state.scans_due:
        state.scans_due.add(Timer.AI)
    else:
        AI.start(runtime, state.deep, state.notice)


def _ended(runtime: Runtime, stage: Timer, following: Timer) -> None:
    """A stage has its result, or failed: the next one starts if it waits for that."""
    runtime.state.scanning.discard(stage)
    if following in runtime.state.scans_due:
        runtime.state.scans_due.discard(following)
        if runtime.timers.running(following):
            (deep_due if following is Timer.DEEP else ai_due)(runtime)


def _scanned_fast(runtime: Runtime, found: Scanned) -> None:
    runtime.state.fast = found.candidates
    watch(runtime)
    if not runtime.state.deep:
        runtime.state.scans_due.add(Timer.DEEP)
    _ended(runtime, Timer.FAST, Timer.DEEP)


FAST = Job(
    "fast",
    "the fast scan",
    scan.fast,
    _scanned_fast,
    failed=lambda runtime, _: _ended(runtime, Timer.FAST, Timer.DEEP),
)


def _scanned_deep(runtime: Runtime, found: Scanned) -> None:
    runtime.state.deep = found.candidates
    watch(runtime)
    if not runtime.state.shortlist:
        runtime.state.scans_due.add(Timer.AI)
    _ended(runtime, Timer.DEEP, Timer.AI)


DEEP = Job(
    "deep",
    "the deep scan",
    scan.deep,
    _scanned_deep,
    when=lambda runtime: bool(runtime.state.fast),
    failed=lambda runtime, _: _ended(runtime, Timer.DEEP, Timer.AI),
)


# decisions


def _judged(runtime: Runtime, judged: Judged) -> None:
    wanted = [f"{d.action} {d.stock_name}" for d in judged.decisions if d.action.trades]
    runtime.say("; ".join([*wanted, judged.said]))
    _take(runtime, judged)
    watch(runtime)


AI = Job(
    "ai",
    "the analysis",
    work.judge,
    _judged,
    when=lambda runtime: bool(runtime.state.deep or runtime.state.positions),
)


def _take(runtime: Runtime, judged: Judged) -> None:
    """Check the analyst's decisions; those that pass are placed."""
    if not runtime.state.trading:
        return
    runtime.state.shortlist = judged.shortlist
    if runtime.state.reconciled:
        CHECK.line_up(runtime, judged, runtime.state.notice)


def _checked(runtime: Runtime, checks: Iterable[Check]) -> None:
    runtime.queue_work(partial(PLACE.line_up, runtime, checked) for checked in checks)


CHECK = Job("checked", "the check of decisions", work.check_all, _checked, orders=True)


def _placed(runtime: Runtime, placed: Placed) -> None:
    if placed.order is not None:
        orders.placed(runtime, placed.order)
    if placed.again is not None:
        state = runtime.state
        AGAIN.start(runtime, state.shortlist, (placed.again,), state.notice)


PLACE = Job("placed", "an order", work.place_one, _placed, orders=True)


AGAIN = Job(
    "again",
    "the second look at a decision",
    work.weigh,
    _take,
    about=lambda chosen, decisions, notice: decisions[0].stock_code,
)

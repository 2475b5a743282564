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

# scans: a stage's first result of the day is used by the next stage at once


def _scanned_fast(runtime: Runtime, found: Scanned) -> None:
    runtime.state.fast = found.candidates
    watch(runtime)
    if not runtime.state.deep:
        runtime.timers.fire_now(Timer.DEEP, runtime.seconds)


FAST = Job("fast", "the fast scan", scan.fast, _scanned_fast)


def _scanned_deep(runtime: Runtime, found: Scanned) -> None:
    runtime.state.deep = found.candidates
    watch(runtime)
    if not runtime.state.shortlist:
        runtime.timers.fire_now(Timer.AI, runtime.seconds)


DEEP = Job(
    "deep",
    "the deep scan",
    scan.deep,
    _scanned_deep,
    when=lambda runtime: bool(runtime.state.fast),
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

"""The day's schedule: what each phase starts, what each timer does, and how the run ends."""

from __future__ import annotations

from collections.abc import Callable

from kt.engine import decisions, emergency, work
from kt.engine.exits import CLOSING, check_exits, close_positions, query_prices
from kt.engine.holdings import BOOKS
from kt.engine.jobs import Job
from kt.engine.metrics import publish_now
from kt.engine.orders import (
    LOOK,
    RECOVER,
    announce_changes,
    cancel_buys,
    has_unresolved,
    notify_waiting_exits,
    unfilled,
)
from kt.engine.runtime import Runtime
from kt.engine.stream_connection import FEED
from kt.engine.stream_subscriptions import watch
from kt.engine.timers import Timer
from kt.engine.work import Plan, Settled
from kt.errors import ExitCode
from kt.records import StopMode
from kt.rules import trading_phases
from kt.rules.risk.stop_rules import takes_buys_back
from kt.rules.trading_phases import Phase
from kt.steps import retention
from kt.steps.decide import decision_scoring
from kt.steps.notices import notify
from kt.steps.portfolio import daily_pnl
from kt.steps.results import Reconciliation
from kt.steps.risk import stops

SCANS = (Timer.FAST, Timer.DEEP, Timer.AI)
LOOK_EVERY = 5.0
BOOKS_EVERY = 60.0
BEAT = 30.0
METRICS_EVERY = 60.0
LEARN_EVERY = 300.0
RETRY = 10.0
SETTLE_AFTER = 60.0
"""Seconds from the close to the settlement: the closing auction's fills arrive first."""
GIVE_UP = 300.0
"""How long settling is retried in the idle phase before a run with `until_close` ends without
it."""


# phases


def follow(runtime: Runtime) -> None:
    """Enter the phase given by the clock and the market's session messages, if it changed."""
    ctx, state, timers = runtime.ctx, runtime.state, runtime.timers
    now = ctx.clock.now()
    phase = trading_phases.phase(now, ctx.config.session, state.notice)
    if phase is state.phase:
        return
    today = "" if state.phase_on == now.date() else f" {now:%Y-%m-%d}"
    state.phase, state.phase_on = phase, now.date()
    state.retry_exits()
    if not timers.running(Timer.HEARTBEAT):
        timers.every(Timer.HEARTBEAT, BEAT, runtime.seconds)
        timers.every(Timer.METRICS, METRICS_EVERY, runtime.seconds)
    runtime.say(f"{phase}{today}")
    ctx.journal.heartbeat(ctx.run, f"phase {phase}", now)
    if phase not in (Phase.BEFORE, Phase.IDLE) and state.begun != now.date():
        _begin(runtime)
    if phase in BEGINS:
        BEGINS[phase](runtime)


def _begin(runtime: Runtime) -> None:
    """08:00: reset the state, start reconciliation and stream, announce a stop in force."""
    runtime.state.new_day(runtime.ctx.clock.now().date())
    runtime.announcer.new_day()
    stop = stops.current(runtime.ctx)
    if stop.mode is not StopMode.RUNNING:
        runtime.say(f"kt is stopped ({stop.mode}): {stop.reason}")
    runtime.timers.every(Timer.RECONCILE, RETRY, runtime.seconds)
    runtime.timers.every(Timer.FEED, RETRY, runtime.seconds)


def _prepare(runtime: Runtime) -> None:
    """08:30: expected prices and the watch list, as far as the market has them."""
    PLAN.start(runtime)


def _open(runtime: Runtime) -> None:
    scans = runtime.ctx.config.scan
    every = (scans.fast_every, scans.deep_every, scans.ai_every)
    for timer, seconds in zip(SCANS, every, strict=True):
        runtime.timers.every(timer, seconds, runtime.seconds)
    _watching(runtime)


def _watching(runtime: Runtime) -> None:
    timers, now = runtime.timers, runtime.seconds
    timers.every(Timer.CYCLE, runtime.ctx.config.cycle.every, now)
    timers.every(Timer.LOOK, LOOK_EVERY, now)
    timers.every(Timer.BOOKS, BOOKS_EVERY, now, first=BOOKS_EVERY)
    timers.every(Timer.LEARN, LEARN_EVERY, now, first=LEARN_EVERY)


def _closing(runtime: Runtime) -> None:
    """15:20: no new buys; what is not bought is cancelled. What is held is sold where that is
    configured; else the analyst is asked about each position and each order that is left."""
    runtime.timers.stop(*SCANS)
    if not runtime.timers.running(Timer.CYCLE):
        _watching(runtime)
    cancel_buys(runtime)
    if runtime.ctx.config.session.close_positions:
        close_positions(runtime)
    elif runtime.ctx.config.questions.closing.ask:
        CLOSING.start(runtime)


def _after_close(runtime: Runtime) -> None:
    timers, now = runtime.timers, runtime.seconds
    timers.stop(*SCANS, Timer.CYCLE, Timer.BOOKS, Timer.LEARN)
    timers.every(Timer.LOOK, LOOK_EVERY, now)
    timers.every(Timer.SETTLE, RETRY, now, first=SETTLE_AFTER)


def _idle(runtime: Runtime) -> None:
    """16:00: nothing runs until the next trading day."""
    timers = runtime.timers
    timers.stop(*SCANS, Timer.CYCLE, Timer.BOOKS, Timer.LEARN)
    timers.stop(Timer.LOOK, Timer.FEED, Timer.RECONCILE)
    runtime.feed.drop()
    PRUNE.start(runtime)
    if not runtime.until_close:
        return
    if timers.running(Timer.SETTLE):
        timers.every(Timer.GIVE_UP, GIVE_UP, runtime.seconds, first=GIVE_UP)
    else:
        runtime.end("the trading day is over")


BEGINS: dict[Phase, Callable[[Runtime], None]] = {
    Phase.PREPARE: _prepare,
    Phase.OPEN: _open,
    Phase.CLOSING: _closing,
    Phase.SETTLE: _after_close,
    Phase.IDLE: _idle,
}
"""What happens when a phase begins."""


# jobs


def _reconciled(runtime: Runtime, found: Reconciliation) -> None:
    runtime.state.reconciled = True
    runtime.timers.stop(Timer.RECONCILE)
    runtime.state.refresh(runtime.ctx)
    for ours in runtime.open_orders():
        runtime.announcer.remember(ours)
    for line in found.lines(notified=False):
        runtime.say(line)
    for order in found.external:
        runtime.say(f"not kt's: {order.side} {order.stock_name} x{order.open_quantity}")
    watch(runtime)
    query_prices(runtime)


RECONCILE = Job("reconcile", "the reconciliation", work.begin, _reconciled)


def _planned(runtime: Runtime, plan: Plan) -> None:
    runtime.state.fast = plan.candidates


PLAN = Job("plan", "the plan", work.plan, _planned)


PRUNE = Job("prune", "the pruning of the journal", retention.prune)


LEARN = Job("learn", "learning", decision_scoring.learn)


def _settled(runtime: Runtime, found: Settled) -> None:
    """Record the day's result once: the timer may start the job again before the first answer is
    read."""
    state, day = runtime.state, found.result.day
    runtime.timers.stop(Timer.SETTLE)
    if state.settled == day:
        return
    state.settled = day
    runtime.report.days.append(found.result)
    notify(runtime.ctx, "info", f"kt: {day} settled", found.text())
    if state.phase is Phase.IDLE and runtime.until_close:
        runtime.end("the trading day is over")


SETTLE = Job("settle", "the settlement", work.settle_day, _settled)


# timers


def _heartbeat(runtime: Runtime) -> None:
    ctx, state = runtime.ctx, runtime.state
    what = f"{state.phase}; {len(state.positions)} held; {len(runtime.open_orders())} open"
    ctx.journal.heartbeat(ctx.run, what, ctx.clock.now())


def _cycle(runtime: Runtime) -> None:
    """Between scans: unfilled orders, exits before the close, the books at the newest prices, the
    loss limit."""
    ctx, state = runtime.ctx, runtime.state
    if not state.reconciled:
        return
    stop = stops.current(ctx)
    if takes_buys_back(stop.mode):
        cancel_buys(runtime)
    emergency.take_over(runtime, stop)
    unfilled(runtime)
    notify_waiting_exits(runtime)
    if state.phase is Phase.CLOSING:
        close_positions(runtime)
    daily_pnl.close_day(ctx, state.new_prices())
    state.refresh(ctx)
    watch(runtime)


def _track_orders(runtime: Runtime) -> None:
    check_exits(runtime)
    announce_changes(runtime)
    if runtime.state.feed_lost or not runtime.feed.running:
        query_prices(runtime)
    LOOK.start(runtime)


def _books(runtime: Runtime) -> None:
    if has_unresolved(runtime):
        RECOVER.start(runtime)
    BOOKS.start(runtime, dict(runtime.state.balances))


def _give_up(runtime: Runtime) -> None:
    runtime.end("the day is over, but it could not be settled", ExitCode.ERROR)


DUE: dict[Timer, Callable[[Runtime], object]] = {
    Timer.HEARTBEAT: _heartbeat,
    Timer.METRICS: publish_now,
    Timer.RECONCILE: RECONCILE.start,
    Timer.FEED: lambda runtime: FEED.start(runtime, runtime.feed),
    Timer.FAST: decisions.fast_due,
    Timer.DEEP: decisions.deep_due,
    Timer.AI: decisions.ai_due,
    Timer.CYCLE: _cycle,
    Timer.LOOK: _track_orders,
    Timer.BOOKS: _books,
    Timer.LEARN: LEARN.start,
    Timer.SETTLE: lambda runtime: SETTLE.start(runtime, runtime.state.notice),
    Timer.GIVE_UP: _give_up,
    Timer.END: emergency.end_now,
}
"""What each timer does: quick things directly, slow ones on a worker."""


def finish(runtime: Runtime) -> None:
    """The run ends: the books at their last prices, and what the day has brought so far."""
    if runtime.state.reconciled and runtime.state.settled != runtime.ctx.clock.now().date():
        runtime.report.days.append(daily_pnl.close_day(runtime.ctx, runtime.state.new_prices()))
    runtime.ctx.journal.flush()

"""The stream's own life: started, lost, found again, and never fought over with another login."""

from __future__ import annotations

from kt.engine import emergency
from kt.engine.exits import QUOTES, ask_prices
from kt.engine.feed import Feed
from kt.engine.jobs import Job
from kt.engine.runtime import Runtime
from kt.engine.stream_subscriptions import watch
from kt.engine.timers import Timer
from kt.errors import StreamReplaced, Unreachable
from kt.records import StreamState
from kt.rules.emergency_triggers import Alarm
from kt.steps.context import Context
from kt.steps.fan_out import note_error

ALARM = "CONNECTION"


def _start(ctx: Context, feed: Feed) -> None:
    feed.start()


def _started(runtime: Runtime, _: None) -> None:
    runtime.state.feed_failures = 0
    _back(runtime)
    watch(runtime)


def _not_started(runtime: Runtime, failure: Exception) -> None:
    """One more time it could not."""
    state = runtime.state
    if isinstance(failure, StreamReplaced):
        state.feed_replaced = True
    if isinstance(failure, Unreachable):
        state.feed_failures += 1
        alarm = runtime.watchdog.connection(state.feed_failures)
        if alarm is not None:
            state.feed_failures = 0
            emergency.raise_alarm(runtime, alarm)


FEED = Job(
    "feed",
    "the stream",
    _start,
    _started,
    when=lambda runtime: not (runtime.feed.running or runtime.state.feed_replaced),
    failed=_not_started,
)


def on_state(runtime: Runtime, happened: StreamState) -> None:
    """Catch up after a gap."""
    ctx, detail = runtime.ctx, happened.detail
    runtime.say(f"stream {happened.state} {detail}".rstrip())
    match happened.state:
        case "reconnected":
            runtime.timers.again(Timer.LOOK, runtime.seconds)
            runtime.timers.again(Timer.BOOKS, runtime.seconds)
            _back(runtime)
        case "lost":
            runtime.state.feed_lost = True
            ask_prices(runtime)
            note_error(ctx, "stream", Unreachable(f"the stream was lost: {detail}"))
            emergency.raise_if(runtime, runtime.watchdog.error("network", ctx.clock.now()))
        case "closed":
            _gone(runtime, Unreachable(f"the stream is gone: {detail}"))
        case "replaced":
            why = f"another program logged in with this app key: {detail}"
            runtime.state.feed_replaced = True
            _gone(runtime, StreamReplaced(why))


def _back(runtime: Runtime) -> None:
    """Events come again: exits that waited may be tried, and prices may have passed a stop."""
    runtime.state.feed_lost = False
    runtime.state.wake()
    emergency.over(runtime, ALARM)
    QUOTES.start(runtime)


def _gone(runtime: Runtime, why: Unreachable | StreamReplaced) -> None:
    runtime.feed.drop()
    note_error(runtime.ctx, "stream", why)
    emergency.raise_alarm(runtime, Alarm(ALARM, why.message))

"""The stream's connection: started, lost, reconnected; after another login it is left alone."""

from __future__ import annotations

from kt.engine import emergency
from kt.engine.exits import QUOTES, query_prices
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
    _available(runtime)
    watch(runtime)


def _not_started(runtime: Runtime, failure: Exception) -> None:
    """Count a failed start; enough of them in a row are an emergency."""
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
    """A change of the stream's state: catch up after a gap."""
    ctx, detail = runtime.ctx, happened.detail
    runtime.say(f"stream {happened.state} {detail}".rstrip())
    match happened.state:
        case "reconnected":
            runtime.timers.fire_now(Timer.LOOK, runtime.seconds)
            runtime.timers.fire_now(Timer.BOOKS, runtime.seconds)
            _available(runtime)
        case "lost":
            runtime.state.feed_lost = True
            query_prices(runtime)
            note_error(ctx, "stream", Unreachable(f"the stream was lost: {detail}"))
            emergency.raise_if(runtime, runtime.watchdog.error("network", ctx.clock.now()))
        case "closed":
            _unavailable(runtime, Unreachable(f"the stream is gone: {detail}"))
        case "replaced":
            why = f"another program logged in with this app key: {detail}"
            runtime.state.feed_replaced = True
            _unavailable(runtime, StreamReplaced(why))


def _available(runtime: Runtime) -> None:
    """Events arrive again: try waiting exits, and query prices, which may have passed a stop."""
    runtime.state.feed_lost = False
    runtime.state.retry_exits()
    emergency.clear(runtime, ALARM)
    QUOTES.start(runtime)


def _unavailable(runtime: Runtime, why: Unreachable | StreamReplaced) -> None:
    runtime.feed.drop()
    note_error(runtime.ctx, "stream", why)
    emergency.raise_alarm(runtime, Alarm(ALARM, why.message))

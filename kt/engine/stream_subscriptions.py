"""The stream's subscriptions: positions, orders and the shortlist first, then candidates."""

from __future__ import annotations

from kt.engine.feed import Feed
from kt.engine.jobs import Job
from kt.engine.runtime import Runtime
from kt.steps.context import Context


def _subscribe(ctx: Context, feed: Feed) -> None:
    feed.subscribe_wanted()


def _subscribed(runtime: Runtime, _: None) -> None:
    if runtime.feed.outdated:
        WATCH.start(runtime, runtime.feed)


WATCH = Job("watch", "the stream's subscriptions", _subscribe, _subscribed)


def watch(runtime: Runtime) -> None:
    """Subscribe to what matters: positions, orders and the shortlist with their order books,
    candidates with their trades."""
    state = runtime.state
    other = runtime.feed.want(
        [
            *state.positions,
            *(order.stock_code for order in runtime.open_orders()),
            *(found.stock_code for found in state.shortlist),
        ],
        [found.stock_code for found in state.deep],
    )
    if other:
        WATCH.start(runtime, runtime.feed)

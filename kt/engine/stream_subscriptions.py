"""Which stocks the stream follows: what is held, ordered and chosen, then the candidates."""

from __future__ import annotations

from kt.engine.feed import Feed
from kt.engine.jobs import Job
from kt.engine.runtime import Runtime
from kt.steps.context import Context


def _point(ctx: Context, feed: Feed) -> None:
    feed.point()


def _pointed(runtime: Runtime, _: None) -> None:
    if runtime.feed.behind:
        WATCH.start(runtime, runtime.feed)


WATCH = Job("watch", "the stream's subscriptions", _point, _pointed)


def watch(runtime: Runtime) -> None:
    """Point the stream at what matters: what is held, ordered and chosen with its book, the
    candidates with their trades."""
    state = runtime.state
    other = runtime.feed.aim(
        [
            *state.positions,
            *(order.stock_code for order in runtime.open_orders()),
            *(found.stock_code for found in state.shortlist),
        ],
        [found.stock_code for found in state.deep],
    )
    if other:
        WATCH.start(runtime, runtime.feed)

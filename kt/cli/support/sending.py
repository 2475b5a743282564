"""Sending checked orders: interruption handling, live notices, waiting for fills."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kt.cli.support.messages import sentence
from kt.cli.support.termination import Terminated
from kt.errors import AuthError, KtError, OutcomeUnknown, Unreachable
from kt.records import (
    CHANGING_STATES,
    OPEN_STATES,
    UNRESOLVED_STATES,
    Order,
    StreamEvent,
    StreamKind,
)

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.steps.context import Context


@contextmanager
def sending(ctx: Context, changes: Order | None = None) -> Iterator[None]:
    """Turn an interruption (Ctrl-C, SIGTERM, SIGHUP, out of memory) in the middle of a send into
    OutcomeUnknown, when it leaves an order, or a change of the order `changes`, with an unknown
    outcome. Other interruptions pass through."""
    try:
        yield
    except (KeyboardInterrupt, Terminated, MemoryError):
        lost = [
            order for order in ctx.journal.orders(states=UNRESOLVED_STATES) if order.run == ctx.run
        ]
        if lost:
            raise OutcomeUnknown(
                f"interrupted while order {lost[0].order_id} was being sent",
                hint="Do not send it again; see `kt order list --unknown`.",
            ) from None
        after = ctx.journal.order(changes.order_id) if changes else None
        if after is not None and after.state in CHANGING_STATES:
            raise OutcomeUnknown(
                f"interrupted while a change of order {after.ord_no} was being sent",
                hint="Do not send it again; `kt order list` asks the broker for its state.",
            ) from None
        raise


@contextmanager
def watching(
    cli: CliContext, wanted: bool, *, waits: bool = True
) -> Iterator[queue.Queue[StreamEvent]]:
    """The account's order notices as a queue, subscribed before the first order is sent. The queue
    stays empty unless `wanted`, or when there is no stream (the broker is polled then). With
    `waits` False the block starts while the stream is still connecting."""
    events: queue.Queue[StreamEvent] = queue.Queue()
    if not wanted:
        yield events
        return
    stream = cli.app.stream()
    expected = (Unreachable, AuthError) if waits else (KtError,)

    def begin() -> None:
        try:
            stream.start(events.put)
            stream.subscribe([StreamKind.ORDERS])
        except expected as error:
            cli.say(f"no live notices ({error}); polling the broker instead")

    try:
        if waits:
            begin()
        else:
            threading.Thread(target=begin, name="kt-watching", daemon=True).start()
        yield events
    finally:
        stream.close()


def wait_for(
    cli: CliContext,
    ctx: Context,
    orders: Sequence[Order],
    events: queue.Queue[StreamEvent],
    seconds: float,
) -> list[Order]:
    """The orders after `seconds` of the clock, or as soon as all are done. When tracking fails or
    is interrupted, says that the orders were placed; after a failure returns them unchanged."""
    from kt.steps.reconcile.order_tracking import follow

    still = [order for order in orders if order.state in OPEN_STATES]
    if not still:
        return list(orders)
    cli.say(f"waiting up to {seconds:.0f} s for fills")
    try:
        with cli.console.waiting(f"fills, up to {seconds:.0f} s"):
            after = {order.order_id: order for order in follow(ctx, still, events, seconds)}
    except KtError as error:
        message = f"the order was placed, but its fills cannot be tracked: {error}"
        cli.console.warn(sentence(message, error.hint))
        return list(orders)
    except (KeyboardInterrupt, Terminated):
        names = ", ".join(f"{order.ord_no} ({order.order_id})" for order in still)
        message = f"interrupted while waiting; already sent: {names}"
        cli.console.warn(sentence(message, "See `kt order list`."))
        raise
    return [after.get(order.order_id, order) for order in orders]

"""Sending checked orders: watched from before the first one leaves, told when it is cut short."""

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
    """Ctrl-C, SIGTERM, SIGHUP or memory that runs out in the middle of a send leaves an order, or
    a change of the order `changes`, that nobody knows about: say so, with the exit code that says
    it, instead of a plain interruption."""
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
                hint="Do not send it again; `kt order list` asks the broker what stands.",
            ) from None
        raise


@contextmanager
def watching(
    cli: CliContext, wanted: bool, *, waits: bool = True
) -> Iterator[queue.Queue[StreamEvent]]:
    """The account's notices as a queue, from before an order is sent; an empty one when nobody
    wants to wait, or when there is no stream (the broker's lists are asked then). Who cannot wait
    for the stream (`waits` False) goes on while it is being connected."""
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
            cli.say(f"no live notices ({error}); asking the broker's lists instead")

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
    """The orders after `seconds` of the clock, or as soon as all of them are done; as they were
    when they cannot be followed: they stand all the same. Who interrupts it is told so."""
    from kt.steps.reconcile.order_tracking import follow

    still = [order for order in orders if order.state in OPEN_STATES]
    if not still:
        return list(orders)
    cli.say(f"waiting up to {seconds:.0f} s for fills")
    try:
        after = {order.order_id: order for order in follow(ctx, still, events, seconds)}
    except KtError as error:
        said = sentence(f"the order stands, but it cannot be followed: {error}", error.hint)
        cli.console.warn(said)
        return list(orders)
    except (KeyboardInterrupt, Terminated):
        names = ", ".join(f"{order.ord_no} ({order.order_id})" for order in still)
        cli.console.warn(
            f"kt: interrupted while waiting; sent all the same: {names}. See `kt order list`."
        )
        raise
    return [after.get(order.order_id, order) for order in orders]

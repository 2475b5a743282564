"""A journal that fails between a send and its outcome."""

from __future__ import annotations

from typing import Any

import pytest

from kt.errors import ExitCode, JournalError, NotKept
from kt.records import (
    Order,
    OrderEvent,
    OrderEventKind,
    OrderState,
    Outcome,
)
from kt.steps.orders import place
from kt.steps.risk import check
from tests import fakes
from tests.fakes import World


class Failing:
    """The journal, but for one kind of event it cannot write any more."""

    def __init__(self, journal: Any, kind: OrderEventKind) -> None:
        self.journal, self.kind = journal, kind

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journal, name)

    def record(self, happened: OrderEvent) -> Order:
        if happened.kind is self.kind:
            raise JournalError("the disk is full", hint="free some space", code="SQLITE_FULL")
        order: Order = self.journal.record(happened)
        return order


@pytest.mark.parametrize(
    ("kind", "outcomes"),
    [(OrderEventKind.ACKED, []), (OrderEventKind.UNKNOWN, [fakes.unknown()])],
    ids=["acked", "unknown"],
)
def test_an_outcome_that_cannot_be_journaled_raises_not_kept(
    world: World, kind: OrderEventKind, outcomes: list[Outcome]
) -> None:
    checked = check.check_order(world.ctx, fakes.intent())
    world.broker.outcomes = outcomes
    broken = world.context(journal=Failing(world.journal, kind))
    with pytest.raises(NotKept, match="was sent") as raised:
        place.place(broken, checked)
    assert raised.value.exit_code is ExitCode.UNKNOWN
    assert isinstance(raised.value, JournalError), "the day ends"
    (order,) = world.journal.orders()
    assert order.state is OrderState.SENDING
    assert order.order_id in (raised.value.hint or "")


def test_a_journal_error_after_a_not_placed_order_is_raised_as_it_is(world: World) -> None:
    checked = check.check_order(world.ctx, fakes.intent())
    world.broker.outcomes = [fakes.rejected()]
    broken = world.context(journal=Failing(world.journal, OrderEventKind.REJECTED))
    with pytest.raises(JournalError) as raised:
        place.place(broken, checked)
    assert raised.value.exit_code is ExitCode.ERROR


@pytest.mark.parametrize("verb", ["amend", "cancel"])
def test_a_change_whose_outcome_cannot_be_journaled_raises_not_kept(
    world: World, verb: str
) -> None:
    checked = check.check_order(world.ctx, fakes.intent())
    order = place.place(world.ctx, checked)
    kind = OrderEventKind.AMENDED if verb == "amend" else OrderEventKind.CANCELLED
    broken = world.context(journal=Failing(world.journal, kind))
    with pytest.raises(NotKept, match=f"the {verb} of {order.ord_no} was sent under"):
        if verb == "amend":
            place.amend(broken, order, price=69_900)
        else:
            place.cancel(broken, order)

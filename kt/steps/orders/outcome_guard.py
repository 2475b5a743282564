"""After a send: when what became of it cannot be written down, nobody may take it for unsent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kt.errors import JournalError, NotKept
from kt.records import Order, Outcome, OutcomeStatus

_SURELY_NOT_THERE = (OutcomeStatus.NOT_PLACED, OutcomeStatus.REJECTED)


@contextmanager
def guarded(order: Order, what: str, outcome: Outcome) -> Iterator[None]:
    """Turns a JournalError into NotKept, unless the broker surely has nothing of it. The intent
    is in the journal, so the next start finds at the broker what became of it."""
    try:
        yield
    except NotKept:
        raise
    except JournalError as error:
        if outcome.status in _SURELY_NOT_THERE:
            raise
        number = f" under {outcome.ord_no}" if outcome.ord_no else ""
        raise NotKept(
            f"{what} was sent{number} ({outcome.evidence}), but what became of it could not be "
            f"written down: {error.message}",
            hint=f"Do not send it again. {error.hint or 'See `kt doctor`'}; then `kt order list` "
            f"asks the broker about order {order.order_id}.",
            code=error.code,
        ) from error

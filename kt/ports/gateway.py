"""The way orders leave, and the seal that keeps it shut to all but one file."""

from __future__ import annotations

from typing import Protocol, final

from kt.records import AmendTicket, CancelTicket, OrderTicket, Outcome


class OrderGateway(Protocol):
    """One send for each call. It returns an Outcome and never raises, whatever the wire or the
    code around it did."""

    def place(self, ticket: OrderTicket) -> Outcome: ...  # kt10000, kt10001
    def amend(self, ticket: AmendTicket) -> Outcome: ...  # kt10002
    def cancel(self, ticket: CancelTicket) -> Outcome: ...  # kt10003


@final
class SealedGateway:
    """An order gateway that is handed through the house shut: it has no method to call.

    `steps/orders/place.py` alone opens it (`unseal`), after the intent is in the journal.
    """

    __slots__ = ("_gateway",)

    def __init__(self, gateway: OrderGateway) -> None:
        self._gateway = gateway


def unseal(sealed: SealedGateway) -> OrderGateway:
    """For `steps/orders/place.py`; a test over the imports holds that nobody else uses it."""
    return sealed._gateway

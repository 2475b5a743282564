"""The order gateway, and the seal that only `steps/orders/place.py` opens."""

from __future__ import annotations

from typing import Protocol, final

from kt.records import AmendTicket, CancelTicket, OrderTicket, Outcome


class OrderGateway(Protocol):
    """One send for each call. Returns an Outcome and never raises."""

    def place(self, ticket: OrderTicket) -> Outcome: ...  # kt10000, kt10001
    def amend(self, ticket: AmendTicket) -> Outcome: ...  # kt10002
    def cancel(self, ticket: CancelTicket) -> Outcome: ...  # kt10003


@final
class SealedGateway:
    """An order gateway without methods: what everybody but `steps/orders/place.py` gets.

    That file opens it (`unseal`), after the intent is in the journal.
    """

    __slots__ = ("_gateway",)

    def __init__(self, gateway: OrderGateway) -> None:
        self._gateway = gateway


def unseal(sealed: SealedGateway) -> OrderGateway:
    """Only for `steps/orders/place.py`; a test over the imports checks that nobody else uses it."""
    return sealed._gateway

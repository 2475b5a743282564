"""A client id that comes again: answered for the same wish, refused for another."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from kt.errors import Denied
from kt.records import OrderTicket
from kt.rules.client_ids import refuse_other
from tests.store.make import order

FIRST = order(client_id="mine", decision_id="")
DECIDED = order(client_id="mine", decision_id="D1")


def test_a_repeated_client_id_with_the_same_contents_is_accepted() -> None:
    refuse_other(FIRST, "", OrderTicket.of(FIRST))


@pytest.mark.parametrize(
    "change", [{"quantity": 11}, {"price": 70_100}, {"side": "SELL"}, {"stock_code": "000660"}]
)
def test_a_repeated_client_id_with_other_contents_is_denied(change: dict[str, Any]) -> None:
    with pytest.raises(Denied, match="'mine' belongs to BUY 10 005930") as denied:
        refuse_other(FIRST, "", replace(OrderTicket.of(FIRST), **change))
    assert denied.value.code == "CLIENT_ID"


def test_a_repeated_client_id_with_the_same_decision_is_accepted_at_any_size() -> None:
    refuse_other(DECIDED, "D1", replace(OrderTicket.of(DECIDED), quantity=3))
    refuse_other(DECIDED, "D1", None)


@pytest.mark.parametrize(("first", "decision"), [(DECIDED, "D2"), (DECIDED, ""), (FIRST, "D1")])
def test_a_repeated_client_id_with_another_decision_is_denied(first: Any, decision: str) -> None:
    with pytest.raises(Denied, match="of another decision"):
        refuse_other(first, decision, OrderTicket.of(first))


def test_without_a_ticket_a_repeated_client_id_is_accepted() -> None:
    refuse_other(FIRST, "", None)

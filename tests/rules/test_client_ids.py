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


def test_the_same_contents_are_the_same_wish() -> None:
    refuse_other(FIRST, "", OrderTicket.of(FIRST))


@pytest.mark.parametrize(
    "change", [{"quantity": 11}, {"price": 70_100}, {"side": "SELL"}, {"stock_code": "000660"}]
)
def test_other_contents_are_another_wish(change: dict[str, Any]) -> None:
    with pytest.raises(Denied, match="'mine' belongs to BUY 10 005930") as denied:
        refuse_other(FIRST, "", replace(OrderTicket.of(FIRST), **change))
    assert denied.value.code == "CLIENT_ID"


def test_the_same_decision_is_the_same_wish_however_it_is_sized() -> None:
    refuse_other(DECIDED, "D1", replace(OrderTicket.of(DECIDED), quantity=3))
    refuse_other(DECIDED, "D1", None)


@pytest.mark.parametrize(("first", "decision"), [(DECIDED, "D2"), (DECIDED, ""), (FIRST, "D1")])
def test_another_decision_is_another_wish(first: Any, decision: str) -> None:
    with pytest.raises(Denied, match="of another decision"):
        refuse_other(first, decision, OrderTicket.of(first))


def test_a_decision_without_a_name_is_not_compared_before_it_is_sized() -> None:
    refuse_other(FIRST, "", None)

"""Which differences a replay forgives, and which is the first one that it does not."""

from __future__ import annotations

from typing import Any

from kt.recording.differences import first_difference
from kt.recording.entries import RecordedResult


def decision(at: int, code: str, **changes: Any) -> RecordedResult:
    values = {
        "action": "BUY",
        "stock_code": code,
        "quantity": 1,
        "price": 100,
        "decision_id": f"{at}",
    }
    return RecordedResult(at=at, what="decision", values=values | changes)


def order(at: int, order_id: str, code: str) -> RecordedResult:
    values = {"order_id": order_id, "stock_code": code, "side": "BUY", "price": 100}
    return RecordedResult(at=at, what="order", values=values)


def event(at: int, order_id: str, kind: str, quantity: int = 1, price: int = 100) -> RecordedResult:
    values = {"order_id": order_id, "kind": kind, "quantity": quantity, "price": price}
    return RecordedResult(at=at, what="event", values=values)


def test_times_identifiers_and_turns_of_different_stocks_may_change() -> None:
    was = [decision(1, "A"), decision(2, "B"), order(3, "O1", "A"), event(4, "O1", "ACKED")]
    now = [decision(5, "B"), decision(6, "A"), order(7, "X9", "A"), event(8, "X9", "ACKED")]
    assert first_difference(was, now, exact=False) is None
    found = first_difference(was, now, exact=True)
    assert found is not None and found.at == 1


def test_the_turns_of_one_stock_may_not() -> None:
    was = [order(1, "O", "A"), event(2, "O", "ACKED"), event(3, "O", "AMENDING")]
    now = [order(1, "O", "A"), event(2, "O", "AMENDING"), event(3, "O", "ACKED")]
    found = first_difference(was, now, exact=False)
    assert found is not None
    assert (found.at, found.what, found.stock_code) == (2, "event", "A")
    assert found.was is not None and found.now is not None
    assert (found.was["kind"], found.now["kind"]) == ("ACKED", "AMENDING")


def test_a_fill_may_come_before_the_answer_or_after_it() -> None:
    was = [order(1, "O", "A"), event(2, "O", "ACKED"), event(3, "O", "FILL")]
    now = [order(1, "O", "A"), event(2, "O", "FILL"), event(3, "O", "ACKED")]
    assert first_difference(was, now, exact=False) is None
    assert first_difference(was, now, exact=True) is not None
    missing = first_difference(was, was[:2], exact=False)
    assert missing is not None and missing.was is not None and missing.was["kind"] == "FILL"


def test_an_orders_fills_may_come_in_other_pieces() -> None:
    begun = [order(1, "O", "A"), event(2, "O", "ACKED")]
    was = [*begun, event(3, "O", "FILL", 1, 100), event(4, "O", "FILL", 2, 103)]
    assert first_difference(was, [*begun, event(3, "O", "FILL", 3, 102)], exact=False) is None
    for other in ((2, 102), (3, 103)):
        found = first_difference(was, [*begun, event(5, "O", "FILL", *other)], exact=False)
        assert found is not None and found.was is not None and found.now is not None
        assert (found.was["quantity"], found.was["price"]) == (3, 102)
        assert (found.now["quantity"], found.now["price"]) == other


def test_the_first_in_time_is_said() -> None:
    was = [decision(1, "A"), decision(5, "B"), decision(9, "C")]
    now = [decision(1, "A"), decision(5, "B", price=99), decision(9, "C", action="SELL")]
    found = first_difference(was, now, exact=False)
    assert found is not None and found.stock_code == "B"


def test_what_is_missing_or_more_is_a_difference() -> None:
    both = [decision(1, "A"), decision(2, "A")]
    missing = first_difference(both, both[:1], exact=False)
    more = first_difference(both[:1], both, exact=False)
    assert missing is not None and missing.now is None and missing.was is not None
    assert more is not None and more.was is None and more.at == 2
    assert first_difference([], [], exact=True) is None


def test_a_field_that_a_newer_version_adds_is_none() -> None:
    now = [decision(1, "A", mood="calm")]
    assert first_difference([decision(1, "A")], now, exact=True) is None
    assert first_difference(now, [decision(1, "A")], exact=True) is not None

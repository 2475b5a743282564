"""Which of the broker's orders an unresolved one of ours is: one, none, or a person must say."""

from __future__ import annotations

from typing import Any

from kt.records import BrokerOrder, Execution, OrderType, Side
from kt.rules.order_identification import Found, Matching, match_order
from tests.rules.make import T0, order

INTENT = order(noted_ord_no="0000100")


def row(ord_no: str = "0000101", **changes: Any) -> BrokerOrder:
    values: dict[str, Any] = {
        "ord_no": ord_no,
        "original_ord_no": "0000000",
        "stock_code": "005930",
        "stock_name": "삼성전자",
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": 10,
        "price": 70_000,
        "open_quantity": 10,
        "filled_quantity": 0,
        "fill_price": 0,
        "status": "접수",
        "at": T0,
    }
    return BrokerOrder(**(values | changes))


def execution(ord_no: str = "0000101", **changes: Any) -> Execution:
    values: dict[str, Any] = {
        "ord_no": ord_no,
        "original_ord_no": "",
        "stock_code": "005930",
        "stock_name": "삼성전자",
        "side": Side.BUY,
        "order_quantity": 10,
        "order_price": 70_000,
        "quantity": 4,
        "price": 69_900,
        "open_quantity": 6,
        "fee": 0,
        "tax": 0,
        "at": T0,
    }
    return Execution(**(values | changes))


def test_the_one_order_that_fits_is_found() -> None:
    others = [
        row("0000100"),  # not above the noted number
        row("0000102", stock_code="000660"),
        row("0000103", side=Side.SELL),
        row("0000104", quantity=11),
        row("0000105", price=70_100),
        row("0000106", order_type=OrderType.MARKET, price=0),
        row("0000107", kind="AMEND", original_ord_no="0000090"),
        row("0000108"),  # ours already
    ]

    found = match_order(INTENT, [*others, row(), row()], [], ["0000108"])

    assert found == Matching(Found.MATCH, ("0000101",))
    assert found.ord_no == "0000101"


def test_no_match_and_several_matches_are_told_apart() -> None:
    none = match_order(INTENT, [], [], [])
    several = match_order(INTENT, [row("0000102"), row("0000101")], [], [])

    assert none == Matching(Found.NONE, ())
    assert several == Matching(Found.AMBIGUOUS, ("0000101", "0000102"))
    assert several.ord_no == ""


def test_numbers_compare_as_numbers() -> None:
    assert match_order(INTENT, [row("99"), row("101")], [], ["0000101"]).found is Found.NONE
    assert match_order(order(noted_ord_no=""), [row("1")], [], []).ord_no == "1"


def test_a_fill_identifies_an_order_that_is_not_listed_yet() -> None:
    rows = [execution(), execution(quantity=6, open_quantity=0)]

    assert match_order(INTENT, [], rows, []).ord_no == "0000101"
    assert match_order(INTENT, [], [execution(original_ord_no="0000000")], []).ord_no
    assert match_order(INTENT, [], [execution(order_price=69_900)], []).found is Found.NONE
    assert match_order(INTENT, [], [execution(order_quantity=9)], []).found is Found.NONE
    assert match_order(INTENT, [], [execution(original_ord_no="0000099")], []).found is Found.NONE
    assert match_order(INTENT, [row(order_type=OrderType.MARKET)], rows, []).found is Found.NONE


def test_a_market_order_matches_at_any_price() -> None:
    intent = order(noted_ord_no="0000100", order_type=OrderType.MARKET, price=0)

    assert match_order(intent, [row(order_type=OrderType.MARKET, price=0)], [], []).ord_no
    assert match_order(intent, [], [execution(order_price=0)], []).ord_no
    assert match_order(intent, [], [execution(order_price=70_100)], []).ord_no
    assert match_order(intent, [row()], [], []).found is Found.NONE

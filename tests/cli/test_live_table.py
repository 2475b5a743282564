"""One event of the stream as a line under the live table."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from kt.cli.show.live_table import line
from kt.records import OrderNotice, Side
from tests.fakes import OPEN

NOTICE = OrderNotice(
    ord_no="0000007",
    original_ord_no="",
    stock_code="005930",
    stock_name="삼성전자",
    status="RECEIVED",
    side=Side.BUY,
    quantity=10,
    price=70_000,
    open_quantity=10,
    at=OPEN,
)
FILL = {"status": "FILL", "fill_quantity": 4, "fill_price": 69_900, "open_quantity": 6}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "RECEIVED 005930 삼성전자 BUY 10 at 70,000"),
        ({"price": 0}, "RECEIVED 005930 삼성전자 BUY 10 at market"),
        (FILL, "FILL 005930 삼성전자 BUY 4 at 69,900"),
    ],
)
def test_an_order_notice_is_one_line(changes: dict[str, Any], words: str) -> None:
    assert line(replace(NOTICE, **changes)).rstrip() == f"{OPEN:%H:%M:%S} order 0000007 {words}"

"""Small builders for records that tests of the rules need."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from kt.records import (
    KST,
    Candidate,
    Fill,
    Order,
    OrderEvent,
    OrderEventKind,
    OrderState,
    OrderType,
    Origin,
    Position,
    Side,
)

T0 = datetime(2026, 11, 23, 10, 0, tzinfo=KST)


def order(quantity: int = 10, **changes: Any) -> Order:
    values: dict[str, Any] = {
        "order_id": "O1",
        "run": "R1",
        "side": Side.BUY,
        "stock_code": "005930",
        "stock_name": "삼성전자",
        "order_type": OrderType.LIMIT,
        "quantity": quantity,
        "price": 70_000,
        "state": OrderState.PLANNED,
        "origin": Origin.CYCLE,
        "created_at": T0,
        "updated_at": T0,
    }
    return Order(**(values | changes))


def fill(start: int, end: int, **changes: Any) -> Fill:
    values: dict[str, Any] = {
        "fill_id": f"F{start}-{end}",
        "order_id": "O1",
        "ord_no": "0000101",
        "stock_code": "005930",
        "stock_name": "삼성전자",
        "side": Side.BUY,
        "quantity": end - start,
        "price": 70_000,
        "at": T0 + timedelta(seconds=start),
        "from_quantity": start,
        "to_quantity": end,
    }
    return Fill(**(values | changes))


def event(kind: str, number: int = 0, **changes: Any) -> OrderEvent:
    """An event; `number` makes its id distinct and its time later."""
    values: dict[str, Any] = {
        "event_id": f"{kind}-{number}",
        "order_id": "O1",
        "kind": OrderEventKind(kind),
        "at": T0 + timedelta(seconds=number),
    }
    return OrderEvent(**(values | changes))


def filled(start: int, end: int, number: int = 50, **changes: Any) -> OrderEvent:
    """A FILL event over a stretch of one order number's shares."""
    told = fill(start, end, **changes)
    return event(
        "FILL", number, event_id=f"FILL-{told.ord_no}-{start}-{end}-{told.source}", fill=told
    )


def candidate(**changes: Any) -> Candidate:
    values: dict[str, Any] = {
        "stock_code": "005930",
        "stock_name": "삼성전자",
        "price": 70_000,
        "change_pct": 5.0,
        "volume": 1_000_000,
        "value": 70_000_000_000,
        "score": 80.0,
        "stage": "fast",
    }
    return Candidate(**(values | changes))


def position(**changes: Any) -> Position:
    values: dict[str, Any] = {
        "stock_code": "005930",
        "stock_name": "삼성전자",
        "quantity": 10,
        "average_price": 70_000,
        "cost": 700_100,
        "opened_at": T0,
        "updated_at": T0,
        "stop_price": 66_500,
        "target_price": 77_000,
        "sellable": 7,
    }
    return Position(**(values | changes))

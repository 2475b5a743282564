"""Orders and fills as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kt.cli.show.cells import BLUE, GREEN, RED, YELLOW, clock, money
from kt.cli.show.table import Column, render
from kt.records import FINAL_STATES, OPEN_STATES, Fill, Order, OrderState, OrderType, Side

if TYPE_CHECKING:
    from kt.cli.console import Console


def side_color(side: Side) -> str:
    return RED if side is Side.BUY else BLUE


def state_color(state: OrderState) -> str | None:
    if state is OrderState.FILLED:
        return GREEN
    if state in OPEN_STATES:
        return None
    return None if state is OrderState.CANCELLED else RED if state in FINAL_STATES else YELLOW


def wanted_price(order: Order) -> str:
    return "market" if order.order_type is OrderType.MARKET else money(order.price)


ORDERS = (
    Column("order", lambda row: row.order_id, rank=4),
    Column("number", lambda row: row.ord_no or "-", rank=1),
    Column("time", lambda row: clock(row.created_at), rank=3),
    Column("side", lambda row: row.side, color=lambda row: side_color(row.side)),
    Column("code", lambda row: row.stock_code),
    Column("name", lambda row: row.stock_name, rank=7, shorten=True),
    Column("quantity", lambda row: money(row.quantity), right=True),
    Column("price", wanted_price, right=True),
    Column("filled", lambda row: money(row.filled_quantity), right=True),
    Column(
        "at",
        lambda row: money(round(row.average_fill)) if row.filled_quantity else "",
        right=True,
        rank=5,
    ),
    Column("state", lambda row: row.state, color=lambda row: state_color(row.state)),
    Column("origin", lambda row: row.origin, rank=8),
    Column(
        "message",
        lambda row: f"{row.code} {row.message}".strip(),
        rank=6,
        shorten=True,
    ),
)


def orders(rows: Sequence[Order], console: Console) -> str:
    return render(ORDERS, rows, console)


FILLS = (
    Column("time", lambda row: clock(row.at)),
    Column("number", lambda row: row.ord_no, rank=1),
    Column("side", lambda row: row.side, color=lambda row: side_color(row.side)),
    Column("code", lambda row: row.stock_code),
    Column("name", lambda row: row.stock_name, shorten=True),
    Column("quantity", lambda row: money(row.quantity), right=True),
    Column("price", lambda row: money(row.price), right=True),
    Column("value", lambda row: money(row.quantity * row.price), right=True, rank=2),
    Column("fee", lambda row: money(row.fee), right=True, rank=3),
    Column("tax", lambda row: money(row.tax), right=True, rank=4),
)


def fills(rows: Sequence[Fill], console: Console) -> str:
    return render(FILLS, rows, console)

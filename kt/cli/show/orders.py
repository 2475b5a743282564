"""Orders and fills as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kt.cli.show.cells import FALL, GREEN, RED, RISE, YELLOW, clock, money
from kt.cli.show.table import Column, render
from kt.cli.show.width import paragraph
from kt.records import (
    FINAL_STATES,
    OPEN_STATES,
    UNRESOLVED_STATES,
    Fill,
    Order,
    OrderState,
    OrderType,
    Side,
)
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.console import Console


def side_color(side: Side) -> str:
    return RISE if side is Side.BUY else FALL


def state_color(state: OrderState) -> str | None:
    if state is OrderState.FILLED:
        return GREEN
    if state in OPEN_STATES:
        return None
    return None if state is OrderState.CANCELLED else RED if state in FINAL_STATES else YELLOW


def wanted_price(order: Order) -> str:
    return "market" if order.order_type is OrderType.MARKET else money(order.price)


SHORT_ID = 6
"""Length of the end of kt's id that tables show."""
EXPLAINED_STATES = FINAL_STATES - {OrderState.FILLED, OrderState.CANCELLED} | UNRESOLVED_STATES
"""States whose reason is shown below the table."""

ORDERS = (
    Column("id", lambda row: row.order_id[-SHORT_ID:]),
    Column("number", lambda row: row.ord_no or "-", rank=2),
    Column("time", lambda row: clock(row.created_at), rank=3),
    Column("side", lambda row: row.side, color=lambda row: side_color(row.side)),
    Column("code", lambda row: row.stock_code),
    Column("name", lambda row: row.stock_name, rank=1, shorten=8),
    Column("quantity", lambda row: money(row.quantity), right=True),
    Column("price", wanted_price, right=True),
    Column("filled", lambda row: money(row.filled_quantity), right=True),
    Column(
        "at",
        lambda row: money(round(row.average_fill)) if row.filled_quantity else "",
        right=True,
        rank=4,
    ),
    Column("state", lambda row: row.state, color=lambda row: state_color(row.state)),
    Column("origin", lambda row: row.origin, rank=5),
)


def orders(rows: Sequence[Order], console: Console) -> str:
    return render(ORDERS, rows, console)


def notes(rows: Sequence[Order], console: Console) -> str:
    """Why orders failed, one line each; for `kt order list`, which raises no error for them."""
    lines = [
        paragraph(f"{row.order_id[-SHORT_ID:]}  {tr(reason(row))}", console.width, indent=8)
        for row in rows
        if row.state in EXPLAINED_STATES
    ]
    return "\n" + "\n".join(lines) + "\n" if lines else ""


def reason(order: Order) -> str:
    return f"{order.state} {order.code} {order.message}".replace("  ", " ").strip()


FILLS = (
    Column("time", lambda row: clock(row.at)),
    Column("number", lambda row: row.ord_no, rank=1),
    Column("side", lambda row: row.side, color=lambda row: side_color(row.side)),
    Column("code", lambda row: row.stock_code),
    Column("name", lambda row: row.stock_name, shorten=8),
    Column("quantity", lambda row: money(row.quantity), right=True),
    Column("price", lambda row: money(row.price), right=True),
    Column("amount", lambda row: money(row.quantity * row.price), right=True, rank=2),
    Column("fee", lambda row: money(row.fee), right=True, rank=3),
    Column("tax", lambda row: money(row.tax), right=True, rank=4),
)


def fills(rows: Sequence[Fill], console: Console) -> str:
    return render(FILLS, rows, console)

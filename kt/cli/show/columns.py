"""Columns that several tables share."""

from __future__ import annotations

from kt.cli.show.cells import money, percent, signed, updown
from kt.cli.show.table import Column

STOCK = (
    Column("code", lambda row: row.stock_code),
    Column("name", lambda row: row.stock_name, shorten=14),
)
HELD = (*STOCK, Column("quantity", lambda row: money(row.quantity), right=True))


def profit(rank: int) -> tuple[Column, Column]:
    """Won and percent after costs, red or blue; the percent leaves with this rank."""
    return (
        Column(
            "profit",
            lambda row: signed(row.profit),
            right=True,
            color=lambda row: updown(row.profit),
        ),
        Column(
            "return",
            lambda row: percent(row.profit_pct),
            right=True,
            rank=rank,
            color=lambda row: updown(row.profit),
        ),
    )

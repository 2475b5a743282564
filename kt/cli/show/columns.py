"""Columns that several tables share."""

from __future__ import annotations

from operator import attrgetter

from kt.cli.show.cells import money, percent, signed, updown
from kt.cli.show.table import Column

STOCK = (
    Column("code", lambda row: row.stock_code),
    Column("name", lambda row: row.stock_name, shorten=14),
)
CHANGE = Column(
    "change",
    lambda row: percent(row.change_pct),
    right=True,
    color=lambda row: updown(row.change_pct),
)
HELD = (*STOCK, Column("quantity", lambda row: money(row.quantity), right=True))


def gain(name: str) -> Column:
    """A gain or loss in won: the field's name is the heading, its sign sets the colour."""
    value = attrgetter(name)
    return Column(
        name, lambda row: signed(value(row)), right=True, color=lambda row: updown(value(row))
    )


def profit(rank: int) -> tuple[Column, Column]:
    """The profit after costs in won and in percent; `rank` is that of the percent column."""
    rate = Column(
        "return",
        lambda row: percent(row.profit_pct),
        right=True,
        rank=rank,
        color=lambda row: updown(row.profit),
    )
    return gain("profit"), rate

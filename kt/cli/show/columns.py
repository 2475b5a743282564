"""Columns that several tables share."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

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
    """The profit after costs in won and in percent; the percent leaves with this rank."""
    return gain("profit"), rate("return", "profit_pct", rank)


def rate(heading: str, name: str, rank: int) -> Column:
    """A percentage that was gained or lost, empty where it is not known: it leaves with this
    rank, its sign is the colour."""

    def value(row: Any) -> float | None:
        found: float | None = getattr(row, name, None)
        return found

    return Column(
        heading,
        lambda row: percent(value(row)),
        right=True,
        rank=rank,
        color=lambda row: updown(value(row)),
    )

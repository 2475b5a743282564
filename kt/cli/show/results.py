"""Profit and loss, and whatever has no record of its own, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kt.cli.show.cells import moment, money, percent, signed, updown
from kt.cli.show.table import Column, render
from kt.records import DayResult, Trade

if TYPE_CHECKING:
    from kt.cli.console import Console

TRADES = (
    Column("closed", lambda row: moment(row.closed_at), rank=3),
    Column("code", lambda row: row.stock_code),
    Column("name", lambda row: row.stock_name, shorten=True),
    Column("quantity", lambda row: money(row.quantity), right=True),
    Column("bought", lambda row: money(round(row.buy_price)), right=True),
    Column("sold", lambda row: money(round(row.sell_price)), right=True),
    Column("costs", lambda row: money(row.fee + row.tax), right=True, rank=4),
    Column(
        "profit", lambda row: signed(row.profit), right=True, color=lambda row: updown(row.profit)
    ),
    Column(
        "return",
        lambda row: percent(row.profit_pct),
        right=True,
        rank=1,
        color=lambda row: updown(row.profit),
    ),
    Column("why sold", lambda row: row.origin, rank=2),
)

DAYS = (
    Column("day", lambda row: row.day.isoformat()),
    Column(
        "realised",
        lambda row: signed(row.realised),
        right=True,
        color=lambda row: updown(row.realised),
    ),
    Column(
        "unrealised",
        lambda row: signed(row.unrealised),
        right=True,
        color=lambda row: updown(row.unrealised),
    ),
    Column("total", lambda row: signed(row.total), right=True, color=lambda row: updown(row.total)),
    Column("trades", lambda row: money(row.trades), right=True),
    Column("wins", lambda row: money(row.wins), right=True, rank=1),
    Column("bought", lambda row: money(row.bought), right=True, rank=3),
    Column("sold", lambda row: money(row.sold), right=True, rank=3),
    Column("costs", lambda row: money(row.fees + row.taxes), right=True, rank=2),
)


def pnl(rows: Sequence[Trade | DayResult], console: Console) -> str:
    """Days, trades, or both, one table each."""
    days = [row for row in rows if isinstance(row, DayResult)]
    trades = [row for row in rows if isinstance(row, Trade)]
    if days and trades:
        return render(DAYS, days, console) + "\n" + render(TRADES, trades, console)
    return render(DAYS, days, console) if days else render(TRADES, trades, console)


def events(rows: Sequence[Mapping[str, Any]], console: Console) -> str:
    """Rows of named values: every name that occurs is a column."""
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
    columns = [
        Column(
            name.replace("_", " "),
            lambda row, name=name: _text(row.get(name)),  # type: ignore[misc]
            right=all(isinstance(row.get(name), int | float | None) for row in rows),
            rank=position,
            shorten=position == len(names) - 1,
        )
        for position, name in enumerate(names)
    ]
    return render(columns, rows, console)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return money(value)
    return str(value)

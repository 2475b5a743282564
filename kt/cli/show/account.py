"""Tables of the account balance and the positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kt.cli.show import columns
from kt.cli.show.cells import clock, money, paint, percent, signed, updown
from kt.cli.show.orders import side_color
from kt.cli.show.table import Column, heading, pairs, render
from kt.records import Balance, Doubt, OrderType, Position
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.console import Console


def exit_price(row: Position, price: int) -> str:
    """An exit's price; shares that kt did not buy may have none (`exits.external`)."""
    return "none" if row.source == "external" and not price else money(price or None)


POSITIONS = (
    *columns.HELD,
    Column("average", lambda row: money(row.average_price), right=True),
    Column("price", lambda row: money(row.price), right=True),
    Column("value", lambda row: money(row.value), right=True, rank=4),
    *columns.profit(rank=3),
    Column("stop", lambda row: exit_price(row, row.stop_price), right=True, rank=1),
    Column("target", lambda row: money(row.target_price or None), right=True, rank=2),
)

OPEN_ORDERS = (
    Column("number", lambda row: row.ord_no),
    Column("time", lambda row: clock(row.at), rank=1),
    Column("side", lambda row: row.side, color=lambda row: side_color(row.side)),
    *columns.HELD,
    Column("open", lambda row: money(row.open_quantity), right=True),
    Column(
        "price",
        lambda row: "market" if row.order_type is OrderType.MARKET else money(row.price),
        right=True,
    ),
)


def positions(rows: Sequence[Position], console: Console) -> str:
    return render(POSITIONS, rows, console)


def doubt(item: Doubt) -> str:
    return tr(
        f"{item.stock_code} {item.stock_name}: kt's position is {money(item.ours)} shares, the "
        f"broker lists {money(item.brokers)} (since {clock(item.since)}). This is not confirmed "
        "yet: kt keeps the position and its exits."
    )


def balance(rows: Sequence[Balance], console: Console) -> str:
    """Cash and totals, then positions, then open orders."""
    text = ""
    for row in rows:
        profit = f"{signed(row.total_profit)}  {percent(row.total_profit_pct)}"
        text += pairs(
            [
                ("account", row.account),
                ("cash", money(row.deposit.cash)),
                ("orderable", money(row.deposit.orderable)),
                ("withdrawable", money(row.deposit.withdrawable)),
                ("holdings", money(row.total_value)),
                ("profit", paint(profit, updown(row.total_profit), console.color)),
                ("realised today", signed(row.realised_today)),
                ("assets", money(row.estimated_assets)),
            ],
            console,
        )
        text += f"\n{heading('Holdings', console)}{positions(row.positions, console)}"
        text += f"\n{heading('Open orders', console)}"
        text += render(OPEN_ORDERS, row.open_orders, console)
        text += "".join(f"\n{doubt(item)}\n" for item in row.doubts)
    return text

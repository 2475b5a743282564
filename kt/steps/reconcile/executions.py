"""Fills from the executions of the stream and of the lists.

A fill is identified by the range of an order number's shares that it covers, so that the same
execution counts once, whichever source reports it first.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby

from kt.records import Execution, Fill, Order, OrderNotice, Side
from kt.rules import fees
from kt.steps.context import Context
from kt.steps.instruments import instrument


def from_notice(ctx: Context, order: Order, notice: OrderNotice) -> Fill:
    """The fill of one execution frame: its shares end at the ordered less the open quantity."""
    to_quantity = max(notice.fill_quantity, notice.quantity - notice.open_quantity)
    return _fill(
        order,
        ord_no=notice.ord_no,
        quantity=notice.fill_quantity,
        price=notice.fill_price,
        to_quantity=to_quantity,
        costs=_reported_costs(ctx, order, notice, to_quantity)
        or _estimated_costs(ctx, order, notice, to_quantity),
        seen=(notice.at, notice.exec_no, "stream"),
    )


def _reported_costs(
    ctx: Context, order: Order, notice: OrderNotice, to_quantity: int
) -> tuple[int, int] | None:
    """(fee, tax) in won of this execution: the cumulative costs in the frame less those of earlier
    fills; None when the frame has none, or an earlier fill is missing."""
    if not notice.fee and not notice.tax:
        return None
    before = [
        fill
        for fill in ctx.journal.fills(order_id=order.order_id)
        if int(fill.ord_no or 0) == int(notice.ord_no) and fill.to_quantity < to_quantity
    ]
    if sum(fill.quantity for fill in before) != to_quantity - notice.fill_quantity:
        return None
    fee = notice.fee - sum(fill.fee for fill in before)
    tax = notice.tax - sum(fill.tax for fill in before)
    return (fee, tax) if fee >= 0 and tax >= 0 else None


def _estimated_costs(
    ctx: Context, order: Order, notice: OrderNotice, to_quantity: int
) -> tuple[int, int]:
    """(fee, tax) in won that this execution adds if all of the order number traded at this price:
    independent of the order of frames, and off by rounding at most."""
    price, code = notice.fill_price, order.stock_code
    after = estimate(ctx, code, order.side, to_quantity * price)
    before = estimate(ctx, code, order.side, (to_quantity - notice.fill_quantity) * price)
    return after[0] - before[0], after[1] - before[1]


def from_executions(ctx: Context, order: Order, rows: Iterable[Execution]) -> tuple[Fill, ...]:
    """The fills of an order's rows in the execution list (ka10076), by order number and time.

    A row has no execution id. If the open quantities of a number's rows all differ, they determine
    the range of shares; otherwise the rows are counted in the order of their times.
    """
    fills: list[Fill] = []
    ordered = sorted(rows, key=lambda row: (int(row.ord_no), row.at, -row.open_quantity))
    for _, group in groupby(ordered, key=lambda row: int(row.ord_no)):
        fills.extend(_of_one_number(ctx, order, list(group)))
    return tuple(fills)


def _of_one_number(ctx: Context, order: Order, rows: list[Execution]) -> list[Fill]:
    """The fills of one order number. Costs are rounded on the number's total value, so each row
    gets what it adds to them."""
    distinguishable = len({row.open_quantity for row in rows}) == len(rows)
    cumulative = value = 0
    paid = (0, 0)
    made = []
    for row in rows:
        cumulative += row.quantity
        value += row.quantity * row.price
        total = estimate(ctx, order.stock_code, order.side, value)
        if len(rows) == 1 and row.fee:
            total = (row.fee, row.tax)
        to_quantity = (
            max(row.quantity, row.order_quantity - row.open_quantity)
            if distinguishable
            else cumulative
        )
        made.append(
            _fill(
                order,
                ord_no=row.ord_no,
                quantity=row.quantity,
                price=row.price,
                to_quantity=to_quantity,
                costs=(total[0] - paid[0], total[1] - paid[1]),
                seen=(row.at, "", "rest"),
            )
        )
        paid = total
    return made


def _fill(
    order: Order,
    *,
    ord_no: str,
    quantity: int,
    price: int,
    to_quantity: int,
    costs: tuple[int, int],
    seen: tuple[datetime, str, str],
) -> Fill:
    at, exec_no, source = seen
    return Fill(
        fill_id=f"{order.order_id}:{int(ord_no)}:{to_quantity - quantity}-{to_quantity}",
        order_id=order.order_id,
        ord_no=ord_no,
        stock_code=order.stock_code,
        stock_name=order.stock_name,
        side=order.side,
        quantity=quantity,
        price=price,
        at=at,
        from_quantity=to_quantity - quantity,
        to_quantity=to_quantity,
        fee=costs[0],
        tax=costs[1],
        exec_no=exec_no,
        source=source,
    )


def estimate(ctx: Context, stock_code: str, side: Side, value: int) -> tuple[int, int]:
    """Commission and tax in won for a traded value in won, by `rules/fees.py`."""
    stock = instrument(ctx, stock_code) if side is Side.SELL else None
    costs = fees.costs(
        side,
        value,
        market=stock.market if stock else "KOSPI",
        kind=stock.kind if stock else "STOCK",
        trade_date=ctx.clock.now().date(),
        commission_pct=ctx.config.server.commission_pct,
    )
    return costs.fee, costs.tax

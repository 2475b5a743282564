"""Executions as the stream and the lists tell them, made into one kind of fill.

Both name the same stretch of an order number's shares, so that the same execution counts once
whoever brings it first.
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
    """One execution from the stream: shares up to ordered − open, as many as it says."""
    upto = max(notice.fill_quantity, notice.quantity - notice.open_quantity)
    return _fill(
        order,
        ord_no=notice.ord_no,
        quantity=notice.fill_quantity,
        price=notice.fill_price,
        upto=upto,
        costs=_told(ctx, order, notice, upto) or _supposed(ctx, order, notice, upto),
        seen=(notice.at, notice.exec_no, "stream"),
    )


def _told(ctx: Context, order: Order, notice: OrderNotice, upto: int) -> tuple[int, int] | None:
    """This execution's part of the costs that the frame gives for the number so far; None when
    the frame gives none, or an earlier frame is missing."""
    if not notice.fee and not notice.tax:
        return None
    before = [
        fill
        for fill in ctx.journal.fills(order_id=order.order_id)
        if int(fill.ord_no or 0) == int(notice.ord_no) and fill.to_quantity < upto
    ]
    if sum(fill.quantity for fill in before) != upto - notice.fill_quantity:
        return None
    fee = notice.fee - sum(fill.fee for fill in before)
    tax = notice.tax - sum(fill.tax for fill in before)
    return (fee, tax) if fee >= 0 and tax >= 0 else None


def _supposed(ctx: Context, order: Order, notice: OrderNotice, upto: int) -> tuple[int, int]:
    """What this execution adds to the number's costs when all of it traded at this price: the
    same whenever the frame comes, and off by a rounding at most."""
    price, code = notice.fill_price, order.stock_code
    after = estimate(ctx, code, order.side, upto * price)
    before = estimate(ctx, code, order.side, (upto - notice.fill_quantity) * price)
    return after[0] - before[0], after[1] - before[1]


def from_executions(ctx: Context, order: Order, rows: Iterable[Execution]) -> tuple[Fill, ...]:
    """Executions from the list, oldest first.

    A row has no execution id. Where the rows of one number tell apart how much was left open,
    that places them; otherwise they follow one another in the order of their times.
    """
    fills: list[Fill] = []
    ordered = sorted(rows, key=lambda row: (int(row.ord_no), row.at, -row.open_quantity))
    for _, group in groupby(ordered, key=lambda row: int(row.ord_no)):
        fills.extend(_of_one_number(ctx, order, list(group)))
    return tuple(fills)


def _of_one_number(ctx: Context, order: Order, rows: list[Execution]) -> list[Fill]:
    """The costs of a number are cut on its whole value, so each row has what it adds to them."""
    told_apart = len({row.open_quantity for row in rows}) == len(rows)
    reached = value = 0
    paid = (0, 0)
    made = []
    for row in rows:
        reached += row.quantity
        value += row.quantity * row.price
        total = estimate(ctx, order.stock_code, order.side, value)
        if len(rows) == 1 and row.fee:
            total = (row.fee, row.tax)
        upto = max(row.quantity, row.order_quantity - row.open_quantity) if told_apart else reached
        made.append(
            _fill(
                order,
                ord_no=row.ord_no,
                quantity=row.quantity,
                price=row.price,
                upto=upto,
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
    upto: int,
    costs: tuple[int, int],
    seen: tuple[datetime, str, str],
) -> Fill:
    at, exec_no, source = seen
    return Fill(
        fill_id=f"{order.order_id}:{int(ord_no)}:{upto - quantity}-{upto}",
        order_id=order.order_id,
        ord_no=ord_no,
        stock_code=order.stock_code,
        stock_name=order.stock_name,
        side=order.side,
        quantity=quantity,
        price=price,
        at=at,
        from_quantity=upto - quantity,
        to_quantity=upto,
        fee=costs[0],
        tax=costs[1],
        exec_no=exec_no,
        source=source,
    )


def estimate(ctx: Context, stock_code: str, side: Side, value: int) -> tuple[int, int]:
    """Commission and tax of one execution by the rules, in won."""
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

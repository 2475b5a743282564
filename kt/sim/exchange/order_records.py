"""The exchange's record of an order: its quantities, its chain, and the time of each change."""

from __future__ import annotations

from datetime import datetime

import msgspec

from kt.records import BrokerOrder, Execution, OrderType, Side


class Mark(msgspec.Struct, frozen=True):
    """An order's state since a time."""

    at: datetime
    open: int
    filled: int
    value: int


class SimFill(msgspec.Struct, frozen=True, kw_only=True):
    """One execution. `fee` and `tax` are for this execution only, in won."""

    exec_no: int
    ord_no: int
    account: str
    code: str
    side: Side
    quantity: int
    price: int
    open_after: int
    order_quantity: int
    fee: int
    tax: int
    at: datetime
    session: int


class SimOrder(msgspec.Struct, kw_only=True):
    """One order number. NEW and AMEND numbers have an open quantity; CANCEL ones are only records.

    `quantity` is the original quantity; `gone` is the quantity removed by cancels and amends.
    `price` 0 is a market order. `root` is the first number of the chain, and `parent` the number
    that this one amended or cancelled. `ahead` is the quantity before it in the queue.
    """

    ord_no: int
    root: int
    parent: int
    account: str
    code: str
    side: Side
    order_type: OrderType
    quantity: int
    price: int
    at: datetime
    session: int
    kind: str = "NEW"
    open: int = 0
    filled: int = 0
    value: int = 0
    gone: int = 0
    fee: int = 0
    tax: int = 0
    ahead: int = 0
    confirmed: int = 0
    since: int = 0
    """The second of the session since which it has been in the book."""
    expired: bool = False
    marks: list[Mark] = msgspec.field(default_factory=list)

    @property
    def number(self) -> str:
        return f"{self.ord_no:07d}"

    @property
    def parent_number(self) -> str:
        return f"{self.parent:07d}" if self.parent else ""

    @property
    def effective(self) -> int:
        """Filled plus open quantity of this number."""
        return self.quantity - self.gone

    def mark(self, at: datetime) -> None:
        self.marks.append(Mark(at, self.open, self.filled, self.value))

    def seen_at(self, at: datetime) -> Mark | None:
        """The order's state as the lists show it at a time; None if it is not listed yet."""
        return next((mark for mark in reversed(self.marks) if mark.at <= at), None)


def listed(order: SimOrder, mark: Mark, name: str) -> BrokerOrder:
    """The order as the broker's lists show it. `status` is RECEIVED, FILL or CONFIRMED."""
    status = "FILL" if mark.filled else "RECEIVED"
    return BrokerOrder(
        ord_no=order.number,
        original_ord_no=order.parent_number,
        stock_code=order.code,
        stock_name=name,
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        price=order.price,
        open_quantity=mark.open,
        filled_quantity=mark.filled,
        fill_price=round(mark.value / mark.filled) if mark.filled else 0,
        status=status if order.kind == "NEW" or mark.filled else "CONFIRMED",
        at=order.at,
        kind=order.kind,
        confirmed_quantity=order.confirmed,
    )


def execution(fill: SimFill, order: SimOrder, name: str) -> Execution:
    """The fill as ka10076 shows it."""
    return Execution(
        ord_no=order.number,
        original_ord_no=order.parent_number,
        stock_code=fill.code,
        stock_name=name,
        side=fill.side,
        order_quantity=fill.order_quantity,
        order_price=order.price,
        quantity=fill.quantity,
        price=fill.price,
        open_quantity=fill.open_after,
        fee=fill.fee,
        tax=fill.tax,
        at=fill.at,
    )

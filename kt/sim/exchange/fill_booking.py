"""Books matches as fills: updates shares, cash and the order, and notifies the account."""

from __future__ import annotations

from datetime import datetime

from kt.records import BalanceNotice, OrderNotice, Side
from kt.sim.exchange.ledger import Ledger
from kt.sim.exchange.matching import Match
from kt.sim.exchange.order_records import SimFill, SimOrder


def book_matches(ledger: Ledger, matches: list[Match], at: datetime) -> None:
    """Book every match, on both sides if another account is involved."""
    for match in matches:
        _book(ledger, match.order, match.price, match.quantity, at)
        if match.against is not None:
            _book(ledger, match.against, match.price, match.quantity, at)


def _book(ledger: Ledger, order: SimOrder, price: int, quantity: int, at: datetime) -> None:
    account, listing = ledger.account(order.account), ledger.board.listing(order.code)
    costing = ledger.costing
    order.value += price * quantity
    order.filled += quantity
    order.open -= quantity
    # The commission is rounded down on the order's total value so far, not per fill.
    fee = costing.fee(order.value) - order.fee
    tax = costing.tax(order.side, order.value, listing) - order.tax
    order.fee += fee
    order.tax += tax
    if order.side is Side.BUY:
        account.buy(order.code, quantity, price, fee, ledger.session)
    else:
        account.sell(order.code, quantity, price, fee, tax, ledger.session)
    fill = SimFill(
        exec_no=ledger.exec_number(),
        ord_no=order.ord_no,
        account=order.account,
        code=order.code,
        side=order.side,
        quantity=quantity,
        price=price,
        open_after=order.open,
        order_quantity=order.effective,
        fee=fee,
        tax=tax,
        at=at,
        session=ledger.session,
    )
    ledger.fills.append(fill)
    ledger.touch(order, at)
    ledger.say(order.account, notice(ledger, order, "FILL", at, fill=fill))
    ledger.say(order.account, balance(ledger, order.account, order.code, at))


def notice(
    ledger: Ledger,
    order: SimOrder,
    status: str,
    at: datetime,
    *,
    fill: SimFill | None = None,
    open_quantity: int | None = None,
) -> OrderNotice:
    """The stream event about an order. `quantity` is filled plus open, so quantity minus open
    quantity is always the filled quantity."""
    return OrderNotice(
        ord_no=order.number,
        original_ord_no=order.parent_number,
        stock_code=order.code,
        stock_name=ledger.board.listing(order.code).name,
        status=status,
        side=order.side,
        quantity=order.effective,
        price=order.price,
        open_quantity=order.open if open_quantity is None else open_quantity,
        at=at,
        exec_no=str(fill.exec_no) if fill else "",
        fill_quantity=fill.quantity if fill else 0,
        fill_price=fill.price if fill else 0,
        fee=order.fee,
        tax=order.tax,
        intent=order.kind,
    )


def balance(ledger: Ledger, key: str, code: str, at: datetime) -> BalanceNotice:
    account = ledger.account(key)
    held = account.held.get(code)
    moment = ledger.board.moment(at)
    return BalanceNotice(
        stock_code=code,
        stock_name=ledger.board.listing(code).name,
        quantity=held.quantity if held else 0,
        sellable=ledger.sellable(key, code),
        average_price=held.cost // held.quantity if held else 0,
        price=ledger.board.path(code, moment.session).price_at(moment.second),
        realised_today=account.realised(code),
        at=at,
    )

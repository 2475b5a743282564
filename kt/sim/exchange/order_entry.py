"""Order entry: checks orders, amends and cancels as the broker does, and matches them."""

from __future__ import annotations

from datetime import datetime

from kt.records import (
    AmendTicket,
    CancelTicket,
    OrderTicket,
    OrderType,
    Outcome,
    OutcomeStatus,
    Side,
)
from kt.rules import calendar, ticks
from kt.rules.trading_phases import MarketPhase
from kt.sim.exchange import refusals
from kt.sim.exchange.fill_booking import book_matches, notice
from kt.sim.exchange.ledger import Ledger
from kt.sim.exchange.matching import Liquidity, match_arriving
from kt.sim.exchange.order_records import SimOrder
from kt.sim.exchange.refusals import Refused


class OrderEntry:
    """The three order calls at one moment; matching must already have been run up to it."""

    def __init__(self, ledger: Ledger, at: datetime) -> None:
        self._ledger = ledger
        self._at = at
        self._moment = ledger.board.moment(at)

    def place(self, key: str, ticket: OrderTicket) -> Outcome:
        self._check_hours()
        self._check_stock(ticket.stock_code)
        self._check_halt(ticket.stock_code)
        if ticket.quantity <= 0:
            raise Refused(refusals.NO_QUANTITY)
        price = 0 if ticket.order_type is OrderType.MARKET else ticket.price
        if ticket.order_type is OrderType.LIMIT:
            self._check_price(ticket.stock_code, price)
        order = self._new(key, ticket.stock_code, ticket.side, ticket.order_type)
        order.quantity = order.open = ticket.quantity
        order.price = price
        self._check_funds(order)
        self._number(order)
        self._enter(order)
        return self._acked(order, ticket.quantity)

    def amend(self, key: str, ticket: AmendTicket) -> Outcome:
        """The amended quantity gets a new order number; the rest of the old order stays open."""
        old = self._open_order(key, ticket.ord_no, ticket.stock_code)
        self._check_halt(old.code)
        quantity = self._open_part(old, ticket.quantity)
        self._check_price(old.code, ticket.price)
        order = self._new(key, old.code, old.side, OrderType.LIMIT)
        order.quantity = order.open = order.confirmed = quantity
        order.price, order.kind, order.parent, order.root = (
            ticket.price,
            "AMEND",
            old.ord_no,
            old.root,
        )
        old.open -= quantity
        old.gone += quantity
        try:
            self._check_funds(order)
        except Refused:
            old.open += quantity
            old.gone -= quantity
            raise
        self._number(order)
        self._ledger.touch(old, self._at)
        self._enter(order)
        return self._acked(order, quantity)

    def cancel(self, key: str, ticket: CancelTicket) -> Outcome:
        old = self._open_order(key, ticket.ord_no, ticket.stock_code)
        quantity = self._open_part(old, ticket.quantity)
        order = self._new(key, old.code, old.side, old.order_type)
        order.quantity = order.confirmed = quantity
        order.price, order.kind, order.parent, order.root = (
            old.price,
            "CANCEL",
            old.ord_no,
            old.root,
        )
        self._number(order)
        old.open -= quantity
        old.gone += quantity
        for each in (old, order):
            self._ledger.touch(each, self._at)
        for status in ("RECEIVED", "CONFIRMED", "CANCELLED"):
            event = notice(self._ledger, order, status, self._at, open_quantity=old.open)
            self._ledger.say(key, event)
        return self._acked(order, quantity)

    # --- checks ---------------------------------------------------------------------------

    def _check_hours(self) -> None:
        hours = calendar.hours(self._at.date())
        if hours is None:
            raise Refused(refusals.NOT_A_BUSINESS_DAY)
        if self._at < hours.orders_from:
            raise Refused(refusals.BEFORE_OPEN)
        if self._at >= hours.close:
            raise Refused(refusals.AFTER_CLOSE)

    def _check_stock(self, code: str) -> None:
        if not self._ledger.board.knows(code):
            raise Refused(refusals.UNTRADABLE)

    def _check_halt(self, code: str) -> None:
        """While trading in a stock is halted, only cancels are allowed."""
        if self._ledger.board.path(code, self._moment.session).halted(self._moment.second):
            raise Refused(refusals.HALTED)

    def _check_price(self, code: str, price: int) -> None:
        path = self._ledger.board.path(code, self._moment.session)
        if not ticks.is_on_tick(price, path.kind):
            raise Refused(refusals.OFF_TICK)
        if not path.lower <= price <= path.upper:
            raise Refused(refusals.OUTSIDE_LIMITS)

    def _check_funds(self, order: SimOrder) -> None:
        ledger = self._ledger
        if order.side is Side.SELL:
            if order.open > ledger.sellable(order.account, order.code):
                raise Refused(refusals.SHORT_OF_SHARES)
        elif ledger.reserve(order) > ledger.orderable(order.account):
            raise Refused(refusals.SHORT_OF_CASH)

    def _open_order(self, key: str, number: str, code: str) -> SimOrder:
        self._check_hours()
        order = self._ledger.orders.get(int(number)) if number.isdecimal() else None
        if order is None or order.account != key or order.code != code:
            raise Refused(refusals.BAD_NUMBER)
        return order

    def _open_part(self, order: SimOrder, quantity: int) -> int:
        """The quantity to change; 0 means the whole open quantity."""
        wanted = quantity or order.open
        if not 0 < wanted <= order.open:
            raise Refused(refusals.NOTHING_LEFT)
        return wanted

    # --- acceptance -------------------------------------------------------------------------

    def _new(self, key: str, code: str, side: Side, order_type: OrderType) -> SimOrder:
        return SimOrder(
            ord_no=0,
            root=0,
            parent=0,
            account=key,
            code=code,
            side=side,
            order_type=order_type,
            quantity=0,
            price=0,
            at=self._at,
            session=self._ledger.session,
            since=self._moment.second,
        )

    def _number(self, order: SimOrder) -> None:
        order.ord_no = self._ledger.number()
        order.root = order.root or order.ord_no
        self._ledger.add(order)

    def _enter(self, order: SimOrder) -> None:
        """Notify the account, then match the order; the rest is queued."""
        ledger, board = self._ledger, self._ledger.board
        ledger.touch(order, self._at)
        ledger.say(order.account, notice(ledger, order, "RECEIVED", self._at))
        if order.kind == "AMEND":
            ledger.say(order.account, notice(ledger, order, "CONFIRMED", self._at))
        if board.fill_model or board.phase(self._at) is not MarketPhase.CONTINUOUS:
            return
        path = board.path(order.code, self._moment.session)
        if path.suspended(self._moment.second):
            return
        liquidity = Liquidity(
            order.code, path, ledger.depth, board.unit(order.code), self._moment.second
        )
        resting = [item for item in ledger.open_orders(code=order.code) if item is not order]
        book_matches(ledger, match_arriving(order, resting, liquidity), self._at)
        queue_up(order, liquidity)

    def _acked(self, order: SimOrder, quantity: int) -> Outcome:
        root = order.root if order.kind != "NEW" else 0
        return Outcome(
            status=OutcomeStatus.ACKED,
            evidence="return_code 0",
            ord_no=order.number,
            original_ord_no=f"{root:07d}" if root else "",
            quantity=quantity if order.kind != "NEW" else 0,
            http_status=200,
        )


def queue_up(order: SimOrder, liquidity: Liquidity) -> None:
    """Queue the order behind the displayed quantity at its price on its own side."""
    if not order.open or not order.price:
        return
    ask, bid = liquidity.depth.best(liquidity.path, liquidity.second)
    best = bid if order.side is Side.BUY else ask
    behind = best and (order.price <= best if order.side is Side.BUY else order.price >= best)
    order.ahead = liquidity.displayed(order.side, order.price) if behind else 0

"""An account at a broker that fills orders when it is told to, and the outcomes of its calls."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from kt.clock import ManualClock
from kt.records import (
    AccountReturn,
    AmendTicket,
    BrokerOrder,
    CancelTicket,
    Deposit,
    Execution,
    Holding,
    Holdings,
    Orderable,
    OrderNotice,
    OrderTicket,
    Outcome,
    OutcomeStatus,
    Realised,
    Side,
)
from kt.rules import ticks
from tests.fakes.market import NAMES


class FakeBroker:
    """An account that keeps orders as a broker does, and fills them when it is told to.

    `outcomes` are the answers to the next order calls, in order; when the list is empty the
    answer is what really happened (ACKED, or REJECTED for what cannot be). An outcome of UNKNOWN
    has `taken` say whether the order stands all the same. `listed_after` hides an order and its
    fills from the lists for so many seconds of the clock; `missing` are shares, by stock, that the
    list of holdings lacks though they are there. `sent` is every order call. `d2_cash` is the cash
    after settlement that it tells; 0 until a test says more: nothing is told. It is held to what
    the exchange does (tests/contract/test_fakes.py), but knows no price limits.
    """

    def __init__(self, clock: ManualClock, cash: int = 10_000_000) -> None:
        self.clock = clock
        self.cash = cash
        self.d2_cash = 0
        self.sent: list[OrderTicket | AmendTicket | CancelTicket] = []
        self.outcomes: list[Outcome] = []
        self.taken = True
        self.listed_after = 0.0
        self.failing: dict[str, Exception] = {}
        self.asked: list[str] = []
        self.rows: dict[int, BrokerOrder] = {}
        self.fills: list[Execution] = []
        self.held: dict[str, Holding] = {}
        self.missing: dict[str, int] = {}
        self.fill_at_once = False
        self.on_sent: Callable[[], None] | None = None
        self.clock_off = 0.0
        self._next = 100
        self._lock = threading.RLock()

    # queries

    def _ask(self, name: str) -> None:
        self.asked.append(name)
        if name in self.failing:
            raise self.failing[name]

    def account(self) -> str:
        self._ask("account")
        return "1234567890"

    def skew(self) -> float:
        return self.clock_off

    def deposit(self) -> Deposit:
        self._ask("deposit")
        orderable = self._orderable()
        return Deposit(
            cash=self.cash, orderable=orderable, withdrawable=orderable, d2_cash=self.d2_cash
        )

    def _orderable(self) -> int:
        buys = (row for row in self.rows.values() if row.side is Side.BUY)
        return self.cash - sum(row.open_quantity * row.price for row in buys)

    def orderable(self, stock_code: str, price: int) -> Orderable | None:
        self._ask("orderable")
        return None

    def holdings(self) -> Holdings:
        self._ask("holdings")
        listed = (self._listed(held) for held in self.held.values())
        items = tuple(held for held in listed if held.quantity)
        return Holdings(
            items=items,
            total_cost=sum(held.cost for held in items),
            total_value=sum(held.value for held in items),
            total_profit=sum(held.profit for held in items),
            total_profit_pct=0.0,
            estimated_assets=self.cash,
        )

    def _listed(self, held: Holding) -> Holding:
        quantity = held.quantity - self.missing.get(held.stock_code, 0)
        if quantity == held.quantity:
            return replace(held, sellable=self._sellable(held))
        return replace(
            held,
            quantity=quantity,
            sellable=min(quantity, self._sellable(held)),
            cost=held.cost * quantity // held.quantity,
            value=held.value * quantity // held.quantity,
            profit=held.profit * quantity // held.quantity,
        )

    def _sellable(self, held: Holding) -> int:
        selling = sum(
            row.open_quantity
            for row in self.rows.values()
            if row.side is Side.SELL and row.stock_code == held.stock_code
        )
        return held.quantity - selling

    def _shown(self, at: datetime) -> bool:
        """The lists are the day's."""
        now = self.clock.now()
        late = (now - at).total_seconds() < self.listed_after
        return at.date() == now.date() and not late

    def open_orders(self, stock_code: str | None = None) -> tuple[BrokerOrder, ...]:
        self._ask("open_orders")
        return tuple(
            row
            for row in self.rows.values()
            if row.open_quantity and self._shown(row.at) and stock_code in (None, row.stock_code)
        )

    def executions(self, stock_code: str | None = None) -> tuple[Execution, ...]:
        self._ask("executions")
        return tuple(
            fill
            for fill in self.fills
            if self._shown(fill.at) and stock_code in (None, fill.stock_code)
        )

    def day_orders(self, from_ord_no: str = "") -> tuple[BrokerOrder, ...]:
        self._ask("day_orders")
        first = int(from_ord_no or 0)
        return tuple(
            row
            for number, row in sorted(self.rows.items())
            if number >= first and self._shown(row.at)
        )

    def realised(self, stock_code: str) -> tuple[Realised, ...]:
        self._ask("realised")
        return ()

    def returns(self) -> tuple[AccountReturn, ...]:
        self._ask("returns")
        return ()

    # orders

    def place(self, ticket: OrderTicket) -> Outcome:
        with self._lock:
            self.sent.append(ticket)
            if self.on_sent is not None:
                self.on_sent()
            outcome = self.outcomes.pop(0) if self.outcomes else None
            if outcome is not None and not self._stands(outcome):
                return outcome
            refused = self._refused(ticket) if outcome is None else None
            if refused is not None:
                return refused
            number = self.stand(ticket)
            if self.fill_at_once:
                self.fill(number, ticket.quantity, ticket.price or 70_000)
            if outcome is not None and outcome.status is OutcomeStatus.UNKNOWN:
                return outcome
            return acked(f"{number:07d}")

    def _refused(self, ticket: OrderTicket) -> Outcome | None:
        """Why the broker would not take it; None when it would."""
        if ticket.quantity <= 0:
            return rejected("308002", "주문수량을 입력하십시요")
        if ticket.price and not ticks.is_on_tick(ticket.price):
            return rejected("RC4003", "호가단위 오류")
        held = self.held.get(ticket.stock_code)
        if ticket.side is Side.SELL and ticket.quantity > (self._sellable(held) if held else 0):
            return rejected("800033", "매도가능수량 부족", not_enough=True)
        if ticket.side is Side.BUY and ticket.quantity * ticket.price > self._orderable():
            return rejected("RC4025", "증거금 부족")
        return None

    def _stands(self, outcome: Outcome) -> bool:
        if outcome.status is OutcomeStatus.UNKNOWN:
            return self.taken
        return outcome.status is OutcomeStatus.ACKED

    def stand(self, ticket: OrderTicket) -> int:
        """Put an order at the broker as if placed by another client; returns its number."""
        number = self._number()
        self.rows[number] = BrokerOrder(
            ord_no=f"{number:07d}",
            original_ord_no="",
            stock_code=ticket.stock_code,
            stock_name=NAMES.get(ticket.stock_code, ticket.stock_code),
            side=ticket.side,
            order_type=ticket.order_type,
            quantity=ticket.quantity,
            price=ticket.price,
            open_quantity=ticket.quantity,
            filled_quantity=0,
            fill_price=0,
            status="RECEIVED",
            at=self.clock.now(),
        )
        return number

    def _number(self) -> int:
        self._next += 1
        return self._next

    def amend(self, ticket: AmendTicket) -> Outcome:
        return self._change(ticket, "AMEND")

    def cancel(self, ticket: CancelTicket) -> Outcome:
        return self._change(ticket, "CANCEL")

    def _change(self, ticket: AmendTicket | CancelTicket, kind: str) -> Outcome:
        self.sent.append(ticket)
        if self.on_sent is not None:
            self.on_sent()
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is not None and not self._stands(outcome):
            return outcome
        row = self.rows.get(int(ticket.ord_no))
        if row is None:
            return rejected("RC4061", "주문번호 오류")
        if not row.open_quantity:
            return rejected("RC4033", "정정/취소할 수량이 없습니다")
        price = ticket.price if isinstance(ticket, AmendTicket) else row.price
        number = self._child(row, kind, ticket.quantity or row.open_quantity, price)
        root = row
        while root.original_ord_no:
            root = self.rows[int(root.original_ord_no)]
        done = acked(f"{number:07d}", self.rows[number].quantity)
        return outcome or replace(done, original_ord_no=root.ord_no)

    def _child(self, row: BrokerOrder, kind: str, quantity: int, price: int) -> int:
        number = self._number()
        self.rows[int(row.ord_no)] = replace(row, open_quantity=row.open_quantity - quantity)
        self.rows[number] = replace(
            row,
            ord_no=f"{number:07d}",
            original_ord_no=row.ord_no,
            quantity=quantity,
            price=price,
            open_quantity=quantity if kind == "AMEND" else 0,
            filled_quantity=0,
            status="CONFIRMED",
            kind=kind,
            confirmed_quantity=quantity,
            at=self.clock.now(),
        )
        return number

    # what happens

    def fill(self, number: int | str, quantity: int, price: int) -> OrderNotice:
        """Shares of an order trade: the account changes; the frame that the stream would show."""
        row = self.rows[int(number)]
        left = row.open_quantity - quantity
        assert left >= 0
        self.rows[int(number)] = replace(
            row, open_quantity=left, filled_quantity=row.filled_quantity + quantity
        )
        now = self.clock.now()
        self.fills.append(
            Execution(
                ord_no=row.ord_no,
                original_ord_no=row.original_ord_no,
                stock_code=row.stock_code,
                stock_name=row.stock_name,
                side=row.side,
                order_quantity=row.quantity,
                order_price=row.price,
                quantity=quantity,
                price=price,
                open_quantity=left,
                fee=0,
                tax=0,
                at=now,
            )
        )
        self.hold(row.stock_code, quantity if row.side is Side.BUY else -quantity, price)
        self.cash -= quantity * price * (1 if row.side is Side.BUY else -1)
        return OrderNotice(
            ord_no=row.ord_no,
            original_ord_no=row.original_ord_no,
            stock_code=row.stock_code,
            stock_name=row.stock_name,
            status="FILL",
            side=row.side,
            quantity=row.quantity,
            price=row.price,
            open_quantity=left,
            at=now,
            exec_no=str(len(self.fills)),
            fill_quantity=quantity,
            fill_price=price,
            intent=row.kind,
        )

    def hold(self, code: str, quantity: int, price: int) -> None:
        """Shares arrive or leave."""
        had = self.held.get(code)
        cost = (had.cost if had else 0) + quantity * price
        now = (had.quantity if had else 0) + quantity
        self.held[code] = Holding(
            stock_code=code,
            stock_name=NAMES.get(code, code),
            quantity=now,
            sellable=now,
            average_price=cost // now if now else 0,
            price=price,
            cost=cost if now else 0,
            value=now * price,
            profit=0,
            profit_pct=0.0,
        )


def acked(ord_no: str, quantity: int = 0) -> Outcome:
    return Outcome(
        status=OutcomeStatus.ACKED, evidence="return_code 0", ord_no=ord_no, quantity=quantity
    )


def rejected(code: str = "RC4025", message: str = "증거금 부족", **more: Any) -> Outcome:
    return Outcome(
        status=OutcomeStatus.REJECTED, evidence="return_code 20", code=code, message=message, **more
    )


def unknown(evidence: str = "read timeout") -> Outcome:
    return Outcome(status=OutcomeStatus.UNKNOWN, evidence=evidence)


def not_placed(*, retryable: bool = False) -> Outcome:
    return Outcome(
        status=OutcomeStatus.NOT_PLACED,
        evidence="HTTP 429" if retryable else "connect timeout",
        code="1700" if retryable else "",
        retryable=retryable,
    )

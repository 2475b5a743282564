"""Whatever accounts do, the exchange's books balance to the won."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kt.errors import UsageError
from kt.records import (
    AmendTicket,
    CancelTicket,
    Holdings,
    OrderNotice,
    OrderTicket,
    OrderType,
    Outcome,
    OutcomeStatus,
    Side,
)
from kt.rules import ticks
from kt.sim.exchange import ExchangeBroker, Steer
from tests.sim.scene import CODE, at, opened

CODES = (CODE, "005930", "00680K")
CASH = 5_000_000


@dataclass
class Seen:
    """What one account was told."""

    money: int = CASH
    shares: dict[str, int] = field(default_factory=dict)
    fees: dict[str, tuple[int, int]] = field(default_factory=dict)
    filled: dict[str, int] = field(default_factory=dict)
    ordered: dict[str, int] = field(default_factory=dict)
    executions: set[str] = field(default_factory=set)


class Trading(RuleBasedStateMachine):
    """Two accounts order, amend, cancel and wait, one stock is steered; their books are rebuilt
    from the frames."""

    @initialize()
    def start(self) -> None:
        self.exchange, self.clock = opened(at(9, 59), cash=CASH, delay=0)
        self.seen = {"a": Seen(), "b": Seen()}
        self.numbers: list[tuple[str, str, str]] = []
        self.day = 0

    @rule(
        key=st.sampled_from("ab"),
        side=st.sampled_from(Side),
        code=st.sampled_from(CODES),
        quantity=st.integers(1, 400),
        steps=st.integers(-12, 12),
        market=st.booleans(),
    )
    def order(
        self, key: str, side: Side, code: str, quantity: int, steps: int, market: bool
    ) -> None:
        price = ticks.step(self.exchange.market.quote(code).price, steps)
        broker = ExchangeBroker(self.exchange, key)
        able = broker.deposit().orderable
        outcome = broker.place(
            OrderTicket(
                side=side,
                stock_code=code,
                quantity=quantity,
                order_type=OrderType.MARKET if market else OrderType.LIMIT,
                price=0 if market else price,
            )
        )
        if outcome.status is OutcomeStatus.ACKED:
            self.numbers.append((key, outcome.ord_no, code))
            if side is Side.BUY and not market:
                assert quantity * price <= able
        else:
            assert outcome.code in {"RC4025", "800033", "RC4058", "RC4027", "571476"}

    @rule(data=st.data(), quantity=st.integers(0, 50), steps=st.integers(-8, 8))
    def amend(self, data: st.DataObject, quantity: int, steps: int) -> None:
        if self.numbers:
            key, number, code = data.draw(st.sampled_from(self.numbers))
            price = ticks.step(self.exchange.market.quote(code).price, steps)
            outcome = ExchangeBroker(self.exchange, key).amend(
                AmendTicket(ord_no=number, stock_code=code, quantity=quantity, price=price)
            )
            self.note(key, code, outcome)

    @rule(data=st.data(), quantity=st.integers(0, 50))
    def cancel(self, data: st.DataObject, quantity: int) -> None:
        if self.numbers:
            key, number, code = data.draw(st.sampled_from(self.numbers))
            outcome = ExchangeBroker(self.exchange, key).cancel(
                CancelTicket(ord_no=number, stock_code=code, quantity=quantity)
            )
            self.note(key, code, outcome)

    def note(self, key: str, code: str, outcome: Outcome) -> None:
        if outcome.status is OutcomeStatus.ACKED:
            self.numbers.append((key, outcome.ord_no, code))

    @rule(
        wish=st.sampled_from(
            [{"halt": True}, {"halt": False}, {"vi": True}, {"free": True}, {"lock": "lower"},
             {"lock": "upper"}, {"lock": ""}]
        )
    )  # fmt: skip
    def steer(self, wish: dict[str, Any]) -> None:
        with contextlib.suppress(UsageError):
            self.exchange.steer(Steer(stock_code=CODES[0], **wish))

    @rule(steps=st.integers(-60, 60))
    def move(self, steps: int) -> None:
        price = ticks.step(self.exchange.steered(CODES[0]).price, steps)
        with contextlib.suppress(UsageError):
            self.exchange.steer(Steer(stock_code=CODES[0], price=price))

    @rule(seconds=st.sampled_from([0.2, 1, 7, 61, 900, 7_200]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def sleep(self) -> None:
        self.day += 1
        while at(9, 10, day=self.day).weekday() > 4:
            self.day += 1
        self.clock.set(max(self.clock.now(), at(9, 10, day=self.day)))
        self.numbers.clear()

    @invariant()
    def books_balance(self) -> None:
        for key, event in self.exchange.advance():
            if isinstance(event, OrderNotice) and key is not None:
                self.hear(self.seen[key], event)
        for key, seen in self.seen.items():
            broker = ExchangeBroker(self.exchange, key)
            deposit, holdings = broker.deposit(), broker.holdings()
            assert deposit.d2_cash == seen.money
            assert deposit.orderable >= 0
            assert deposit.withdrawable >= 0
            held = {item.stock_code: item.quantity for item in holdings.items}
            assert held == {code: count for code, count in seen.shares.items() if count}
            self.adds_up(key, holdings)
            for row in broker.day_orders():
                assert 0 <= row.open_quantity <= row.quantity
                assert row.filled_quantity + row.open_quantity <= row.quantity

    def adds_up(self, key: str, holdings: Holdings) -> None:
        """The totals are those of the rows, and what waits to be sold cannot be sold."""
        items = holdings.items
        waiting: dict[str, int] = {}
        for row in ExchangeBroker(self.exchange, key).open_orders():
            if row.side is Side.SELL:
                waiting[row.stock_code] = waiting.get(row.stock_code, 0) + row.open_quantity
        for item in items:
            assert item.sellable == item.quantity - waiting.get(item.stock_code, 0) >= 0
            assert item.value == item.quantity * item.price
            assert item.average_price == item.cost // item.quantity
        assert holdings.total_cost == sum(item.cost for item in items)
        assert holdings.total_value == sum(item.value for item in items)
        assert holdings.total_profit == sum(item.profit for item in items)
        money = ExchangeBroker(self.exchange, key).deposit().d2_cash
        assert holdings.estimated_assets == money + holdings.total_value

    def hear(self, seen: Seen, notice: OrderNotice) -> None:
        if notice.status != "FILL":
            return
        assert notice.exec_no not in seen.executions
        seen.executions.add(notice.exec_no)
        value = notice.fill_quantity * notice.fill_price
        sign = 1 if notice.side is Side.BUY else -1
        had_fee, had_tax = seen.fees.get(notice.ord_no, (0, 0))
        seen.fees[notice.ord_no] = (notice.fee, notice.tax)
        seen.money -= sign * value + (notice.fee - had_fee) + (notice.tax - had_tax)
        count = seen.shares.get(notice.stock_code, 0) + sign * notice.fill_quantity
        assert count >= 0
        seen.shares[notice.stock_code] = count
        seen.filled[notice.ord_no] = seen.filled.get(notice.ord_no, 0) + notice.fill_quantity
        assert notice.quantity - notice.open_quantity == seen.filled[notice.ord_no]
        if notice.price:
            better = notice.fill_price - notice.price
            assert better <= 0 if notice.side is Side.BUY else better >= 0


TestTrading = Trading.TestCase
TestTrading.settings = settings(
    max_examples=settings().max_examples // 2, stateful_step_count=40, deadline=None
)

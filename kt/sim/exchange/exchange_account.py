"""One account's cash and shares, in double entry: every debit has an equal credit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import msgspec

from kt.records import Side
from kt.rules import fees
from kt.sim.market.listing import Listing

SETTLES_AFTER = 2
"""Sessions between a trade and its settlement (docs/market-rules.md#settlement)."""
COMMISSION_PCT = {"real": fees.REAL_COMMISSION_PCT, "mock": fees.MOCK_COMMISSION_PCT}


@dataclass(frozen=True, slots=True)
class Costing:
    """Commission and tax of trades on one day, in won."""

    commission_pct: float
    day: date

    def fee(self, value: int) -> int:
        return fees.commission(value, self.commission_pct)

    def tax(self, side: Side, value: int, listing: Listing) -> int:
        if side is Side.BUY:
            return 0
        return fees.sell_tax(value, listing.market, listing.kind, self.day)


class PendingCash(msgspec.Struct, frozen=True):
    """Unsettled cash, paid in or out at the beginning of a session."""

    session: int
    amount: int


class Held(msgspec.Struct):
    """A holding. `cost` is the shares' purchase value, `fee` the commission paid for it, in won."""

    quantity: int = 0
    cost: int = 0
    fee: int = 0


class Sale(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of a sale. `cost` and `buy_fee` are those of the sold shares, in won."""

    code: str
    session: int
    quantity: int
    price: int
    cost: int
    buy_fee: int
    fee: int
    tax: int

    @property
    def profit(self) -> int:
        return self.price * self.quantity - self.cost - self.buy_fee - self.fee - self.tax


class Account(msgspec.Struct, kw_only=True):
    """Cash, unsettled cash, holdings and the current session's sales.

    `cash` is settled. Settled and unsettled cash together are available for trading: sale
    proceeds can be used the same day, but withdrawn only after settlement.
    """

    key: str
    number: str
    start: int
    cash: int
    due: list[PendingCash] = msgspec.field(default_factory=list)
    held: dict[str, Held] = msgspec.field(default_factory=dict)
    sales: list[Sale] = msgspec.field(default_factory=list)
    bought_fees: dict[str, int] = msgspec.field(default_factory=dict)
    """Today's buy commission by stock code, in won."""

    @property
    def money(self) -> int:
        """Settled and unsettled cash together."""
        return self.cash + sum(item.amount for item in self.due)

    def money_at(self, session: int) -> int:
        """Cash that will have settled when a session begins."""
        return self.cash + sum(item.amount for item in self.due if item.session <= session)

    def begin(self, session: int) -> None:
        """Settle the cash that is due, and drop the last session's sales."""
        self.cash = self.money_at(session)
        self.due = [item for item in self.due if item.session > session]
        self.sales = []
        self.bought_fees = {}

    def buy(self, code: str, quantity: int, price: int, fee: int, session: int) -> None:
        value = quantity * price
        self._owe(session, -(value + fee))
        held = self.held.setdefault(code, Held())
        held.quantity += quantity
        held.cost += value
        held.fee += fee
        self.bought_fees[code] = self.bought_fees.get(code, 0) + fee

    def sell(self, code: str, quantity: int, price: int, fee: int, tax: int, session: int) -> Sale:
        """Book a sale. Raises ValueError if the quantity exceeds the holding."""
        held = self.held.get(code)
        if held is None or quantity > held.quantity:
            raise ValueError(f"{self.key}: {quantity} {code} sold, {held and held.quantity} held")
        cost = held.cost * quantity // held.quantity
        buy_fee = held.fee * quantity // held.quantity
        held.quantity -= quantity
        held.cost -= cost
        held.fee -= buy_fee
        if not held.quantity:
            del self.held[code]
        self._owe(session, quantity * price - fee - tax)
        sale = Sale(
            code=code,
            session=session,
            quantity=quantity,
            price=price,
            cost=cost,
            buy_fee=buy_fee,
            fee=fee,
            tax=tax,
        )
        self.sales.append(sale)
        return sale

    def quantity(self, code: str) -> int:
        held = self.held.get(code)
        return held.quantity if held else 0

    def realised(self, code: str) -> int:
        return sum(sale.profit for sale in self.sales if sale.code == code)

    def _owe(self, session: int, amount: int) -> None:
        """Add unsettled cash; there is one entry per settlement day."""
        at = session + SETTLES_AFTER
        amount += sum(item.amount for item in self.due if item.session == at)
        self.due = [item for item in self.due if item.session != at]
        self.due.append(PendingCash(at, amount))


def affordable(amount: int, price: int, costing: Costing) -> int:
    """The most shares that `amount` won buys at a price, commission included."""
    if price <= 0 or amount < price:
        return 0
    quantity = amount // price
    while quantity and quantity * price + costing.fee(quantity * price) > amount:
        # The commission is a small part of the value, so a few iterations are enough.
        excess = quantity * price + costing.fee(quantity * price) - amount
        quantity -= max(1, excess // (price + price // 100 + 1))
    return max(0, quantity)

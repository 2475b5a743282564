"""One app key's account behind the Broker port."""

from __future__ import annotations

from datetime import timedelta

import msgspec

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
    OrderTicket,
    Outcome,
    Realised,
    Side,
)
from kt.sim.exchange.core import Exchange
from kt.sim.exchange.exchange_account import Held
from kt.sim.exchange.ledger import Ledger
from kt.sim.exchange.order_records import execution, listed


class ExchangeBroker:
    """Implements `kt.ports.Broker` for one app key; a new key gets a new account."""

    def __init__(self, exchange: Exchange, key: str) -> None:
        exchange.open_account(key)
        self._exchange = exchange
        self._key = key

    def account(self) -> str:
        return self._ledger().account(self._key).number

    def skew(self) -> float:
        """0: both sides use the same clock."""
        return 0.0

    def deposit(self) -> Deposit:
        ledger = self._ledger()
        account, reserved = ledger.account(self._key), ledger.reserved(self._key)
        orderable = account.money - reserved
        tomorrow = account.money_at(ledger.session + 1)
        return Deposit(
            cash=account.cash,
            orderable=orderable,
            withdrawable=max(0, min(account.cash, tomorrow, account.money) - reserved),
            margin=max(0, account.cash - orderable),
            d1_cash=tomorrow,
            d2_cash=account.money,
        )

    def orderable(self, stock_code: str, price: int) -> Orderable | None:
        """`price` 0 means a market order, for which cash is reserved at the upper limit."""
        ledger = self._ledger()
        ledger.board.listing(stock_code)
        price = price or ledger.board.path(stock_code, ledger.session).upper
        amount = ledger.orderable(self._key)
        return Orderable(amount=amount, quantity=ledger.affordable(self._key, price))

    def holdings(self) -> Holdings:
        ledger = self._ledger()
        account = ledger.account(self._key)
        items = tuple(
            self._holding(ledger, code, held) for code, held in sorted(account.held.items())
        )
        cost, value = sum(item.cost for item in items), sum(item.value for item in items)
        profit = sum(item.profit for item in items)
        weighed = [_with_weight(item, value) for item in items]
        return Holdings(
            items=tuple(weighed),
            total_cost=cost,
            total_value=value,
            total_profit=profit,
            total_profit_pct=round(100 * profit / cost, 2) if cost else 0.0,
            estimated_assets=account.money + value,
        )

    def _holding(self, ledger: Ledger, code: str, held: Held) -> Holding:
        """One holding; `profit` is net of the buy commission and the estimated costs of a sale
        (kt00018)."""
        listing, price = ledger.board.listing(code), self._exchange.price(code)
        value = price * held.quantity
        costing = ledger.costing
        leaving = costing.fee(value) + costing.tax(Side.SELL, value, listing)
        profit = value - held.cost - held.fee - leaving
        return Holding(
            stock_code=code,
            stock_name=listing.name,
            quantity=held.quantity,
            sellable=ledger.sellable(self._key, code),
            average_price=held.cost // held.quantity,
            price=price,
            cost=held.cost,
            value=value,
            profit=profit,
            profit_pct=round(100 * profit / held.cost, 2),
            previous_close=ledger.board.path(code, ledger.session).base,
        )

    def open_orders(self, stock_code: str | None = None) -> tuple[BrokerOrder, ...]:
        return tuple(
            order
            for order in self._listed()
            if order.open_quantity and stock_code in (None, "", order.stock_code)
        )

    def day_orders(self, from_ord_no: str = "") -> tuple[BrokerOrder, ...]:
        first = int(from_ord_no or 0)
        return tuple(order for order in self._listed() if int(order.ord_no) >= first)

    def _listed(self) -> list[BrokerOrder]:
        ledger = self._ledger()
        shown = self._exchange.now() - timedelta(seconds=self._exchange.listing_delay)
        found = []
        for number in sorted(ledger.orders):
            order = ledger.orders[number]
            mark = order.seen_at(shown) if order.account == self._key else None
            if mark is not None:
                found.append(listed(order, mark, ledger.board.listing(order.code).name))
        return found

    def executions(self, stock_code: str | None = None) -> tuple[Execution, ...]:
        ledger = self._ledger()
        shown = self._exchange.now() - timedelta(seconds=self._exchange.listing_delay)
        return tuple(
            execution(fill, ledger.orders[fill.ord_no], ledger.board.listing(fill.code).name)
            for fill in ledger.fills
            if fill.account == self._key
            and fill.at <= shown
            and stock_code in (None, "", fill.code)
        )

    def realised(self, stock_code: str) -> tuple[Realised, ...]:
        """Today's sales (ka10077); fees include both sides, so that profits add up to the account's
        gain."""
        ledger = self._ledger()
        name = ledger.board.listing(stock_code).name if ledger.board.knows(stock_code) else ""
        return tuple(
            Realised(
                stock_code=sale.code,
                stock_name=name,
                quantity=sale.quantity,
                buy_price=sale.cost / sale.quantity,
                sell_price=sale.price,
                profit=sale.profit,
                profit_pct=round(100 * sale.profit / sale.cost, 2),
                fee=sale.buy_fee + sale.fee,
                tax=sale.tax,
            )
            for sale in ledger.account(self._key).sales
            if sale.code == stock_code
        )

    def returns(self) -> tuple[AccountReturn, ...]:
        """Held stocks, and those that were sold completely today (ka10085)."""
        ledger = self._ledger()
        account = ledger.account(self._key)
        codes = {*account.held, *(sale.code for sale in account.sales)}
        found = []
        for code in sorted(codes):
            held = account.held.get(code) or Held()
            sales = [sale for sale in account.sales if sale.code == code]
            price = self._exchange.price(code)
            value = price * held.quantity
            found.append(
                AccountReturn(
                    stock_code=code,
                    stock_name=ledger.board.listing(code).name,
                    price=price,
                    average_price=held.cost // held.quantity if held.quantity else 0,
                    cost=held.cost,
                    quantity=held.quantity,
                    realised_today=sum(sale.profit for sale in sales),
                    fee=account.bought_fees.get(code, 0) + sum(sale.fee for sale in sales),
                    tax=sum(sale.tax for sale in sales),
                    profit_pct=round(100 * (value - held.cost) / held.cost, 2)
                    if held.cost
                    else 0.0,
                )
            )
        return tuple(found)

    def place(self, ticket: OrderTicket) -> Outcome:
        return self._exchange.submit(lambda intake: intake.place(self._key, ticket))

    def amend(self, ticket: AmendTicket) -> Outcome:
        return self._exchange.submit(lambda intake: intake.amend(self._key, ticket))

    def cancel(self, ticket: CancelTicket) -> Outcome:
        return self._exchange.submit(lambda intake: intake.cancel(self._key, ticket))

    def _ledger(self) -> Ledger:
        return self._exchange.caught_up()


def _with_weight(item: Holding, total: int) -> Holding:
    return msgspec.structs.replace(
        item, weight_pct=round(100 * item.value / total, 2) if total else 0.0
    )

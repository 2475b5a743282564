"""The account as the safety rules count it: holdings, open orders, buys, profit, by the broker's
lists and the journal together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kt.records import (
    EXITS,
    FINAL_STATES,
    OPEN_STATES,
    UNRESOLVED_STATES,
    BrokerOrder,
    Fill,
    Holdings,
    Order,
    OrderEventKind,
    OrderState,
    Origin,
    Position,
    Side,
    Stop,
    Trade,
)
from kt.rules import ticks, trading_phases
from kt.steps.context import Context
from kt.steps.instruments import known_list
from kt.steps.portfolio import daily_pnl
from kt.steps.risk import stops
from kt.steps.risk.account_snapshot import AccountSnapshot

LISTING_DELAY = 3.0
"""Seconds after which the broker's holdings show an order, with a margin."""
_TAKEN = frozenset({OrderEventKind.ACKED, OrderEventKind.ADOPTED, OrderEventKind.FILL})
_NEVER_SENT = frozenset({OrderState.DENIED, OrderState.PLANNED})


@dataclass(frozen=True, slots=True)
class BuyingRoom:
    """What a buy of one stock may still cost, in won, by each of its bounds."""

    cash: int
    per_stock: int
    total: int

    @property
    def least(self) -> int:
        return max(0, min(self.cash, self.per_stock, self.total))


@dataclass(slots=True)
class Exposure:
    """The account as the rules count it, including what earlier checks of this batch need."""

    ctx: Context
    account: AccountSnapshot
    stop: Stop
    orders: tuple[Order, ...]
    locks: dict[str, str]
    trades: tuple[Trade, ...]
    """Of today."""
    positions: Mapping[str, Position]
    """kt's positions by stock code."""
    unrealised: int
    fills: tuple[Fill, ...] = ()
    """Of today."""
    reserved: dict[str, int] = field(default_factory=dict)
    """Won by stock code, of the buys that passed earlier in this batch."""
    passed: int = 0

    @property
    def buys_seen(self) -> int:
        return buys_of_others(self.ctx, self.orders)

    @property
    def realised(self) -> int:
        return sum(trade.profit for trade in self.trades)

    def holding(self, stock_code: str) -> tuple[int, int] | None:
        """Shares held and sellable. By kt's position where the broker lists fewer shares or does
        not answer: if the shares do not exist, the broker rejects the sell. None when neither is
        known."""
        held, ours = self.account.held(stock_code), self.positions.get(stock_code)
        if held is not None and (ours is None or held.quantity >= ours.quantity):
            return held.quantity, max(0, held.sellable - self._sold_since(stock_code))
        if ours is not None:
            return ours.quantity, max(0, ours.quantity - self._selling(stock_code))
        return None if self.account.holdings is None else (0, 0)

    def _sold_since(self, stock_code: str) -> int:
        """The shares in exits that the holdings may not show yet."""
        asked_at = self.account.asked_at
        if asked_at is None:
            return 0
        return shares_offered(unlisted(self.ctx, self._exits(stock_code), asked_at))

    def exits_offered(self, stock_code: str) -> int:
        """The shares that today's exits of the stock have offered, by the journal."""
        return shares_offered(self._exits(stock_code))

    def _exits(self, stock_code: str) -> Iterable[Order]:
        return exits_of(self.orders, stock_code)

    def _selling(self, stock_code: str) -> int:
        return sum(
            order.open_quantity
            for order in self.orders
            if order.stock_code == stock_code
            and order.side is Side.SELL
            and (order.state in OPEN_STATES or order.state in UNRESOLVED_STATES)
        )

    def bought(self, without: Order | None = None) -> int:
        """Won of today's buys: fills, what open and unresolved ones may still cost, and what passed
        earlier in this batch; without the order `without`."""
        filled = sum(
            fill.quantity * fill.price
            for fill in self.fills
            if fill.side is Side.BUY and fill.ord_no
        )
        open_buys = sum(
            self._cost(order)
            for order in self.orders
            if order.side is Side.BUY
            and (order.state in OPEN_STATES or order.state in UNRESOLVED_STATES)
            and (without is None or order.order_id != without.order_id)
        )
        return filled + open_buys + sum(self.reserved.values())

    def invested(self, without: Order | None = None) -> dict[str, int] | None:
        """Won by stock code: the cost of positions and what open and unresolved buys may still
        cost, without the order `without`. None when holdings or open orders are not known."""
        if self.account.holdings is None or self.account.open_orders is None:
            return None
        sums = dict(self.reserved)
        for code, cost in self._costs(self.account.holdings).items():
            sums[code] = sums.get(code, 0) + cost
        for code, value in self._buying(without):
            sums[code] = sums.get(code, 0) + value
        return sums

    def room(self, stock_code: str) -> BuyingRoom | None:
        """What cash and limits leave for a buy; None when the account is not known."""
        invested, deposit = self.invested(), self.account.deposit
        if invested is None or deposit is None:
            return None
        limits = self.ctx.config.limits
        return BuyingRoom(
            cash=deposit.orderable - sum(self.reserved.values()),
            per_stock=limits.per_stock - invested.get(stock_code, 0),
            total=limits.total - sum(invested.values()),
        )

    def _costs(self, holdings: Holdings) -> dict[str, int]:
        """Cost in won by stock code, the larger of kt's and the broker's: shares that the broker
        does not list may still be held."""
        costs = {code: position.cost for code, position in self.positions.items()}
        for held in holdings.items:
            costs[held.stock_code] = max(held.cost, costs.get(held.stock_code, 0))
        return costs

    def _buying(self, without: Order | None) -> Iterable[tuple[str, int]]:
        listed = {int(order.ord_no) for order in self.account.open_orders or ()}
        left_out = {int(number) for number in without.ord_nos} if without else set()
        for order in self.account.open_orders or ():
            if order.side is Side.BUY and int(order.ord_no) not in left_out:
                yield order.stock_code, self._cost(order)
        for ours in self.orders:
            unlisted = not listed & {int(number) for number in ours.ord_nos}
            pending = ours.state in OPEN_STATES or ours.state in UNRESOLVED_STATES
            excluded = without is not None and ours.order_id == without.order_id
            if ours.side is Side.BUY and pending and unlisted and not excluded:
                yield ours.stock_code, self._cost(ours)

    def _cost(self, order: Order | BrokerOrder) -> int:
        """What the open quantity may still cost in won: at its limit price; for a market order at
        the day's upper price limit, or the per-stock limit when that is not known."""
        if order.price:
            return order.open_quantity * order.price
        stock = (known_list(self.ctx) or {}).get(order.stock_code)
        if stock is None or stock.kind != "STOCK" or not stock.base_price:
            return self.ctx.config.limits.per_stock
        _, upper = ticks.price_limits(stock.base_price, stock.market, stock.kind)
        return order.open_quantity * upper

    def under_way(
        self, stock_code: str, side: Side, states: frozenset[OrderState], without: Order | None
    ) -> int:
        return sum(
            order.state in states
            for order in self.orders
            if order.stock_code == stock_code
            and order.side is side
            and (without is None or order.order_id != without.order_id)
        )

    def open_orders(self, stock_code: str, side: Side, without: Order | None) -> int | None:
        """The number of open orders of kt's and of external ones; None when the broker's are not
        known."""
        if self.account.open_orders is None:
            return None
        ours = {int(number) for order in self.orders for number in order.ord_nos}
        external = sum(
            order.stock_code == stock_code and order.side is side and int(order.ord_no) not in ours
            for order in self.account.open_orders
        )
        return external + self.under_way(stock_code, side, OPEN_STATES, without)

    def sent(self, within: timedelta | None = None) -> int:
        """The number of orders sent today (or within this time), and of those that passed earlier
        in this batch."""
        since = self.ctx.clock.now() - within if within else None
        return self.passed + sum(
            order.state not in _NEVER_SENT
            and order.origin is not Origin.EXTERNAL
            and (since is None or order.created_at > since)
            for order in self.orders
        )

    def phase(self) -> tuple[bool, bool, str]:
        """Whether orders and whether buys are allowed now, and the name of the market phase."""
        now, config, notice = self.ctx.clock.now(), self.ctx.config.session, self.account.notice
        return (
            trading_phases.may_order(now, config, notice),
            trading_phases.may_buy(now, config, notice),
            trading_phases.phase(now, config, notice),
        )


def exits_of(orders: Iterable[Order], stock_code: str) -> Iterable[Order]:
    return (o for o in orders if o.stock_code == stock_code and o.origin in EXITS)


def unlisted(ctx: Context, orders: Iterable[Order], asked_at: datetime) -> Iterable[Order]:
    """Those of these orders that holdings requested at this time may not show: the broker took
    them after it, or just before it. An order may wait long for the journal before it is sent, so
    the time of its answer counts, not that of its making."""
    since = asked_at - timedelta(seconds=LISTING_DELAY)
    for order in orders:
        events = ctx.journal.order_events(order.order_id)
        answered = [event.at for event in events if event.kind in _TAKEN]
        if not answered or min(answered) >= since:
            yield order


def shares_offered(orders: Iterable[Order]) -> int:
    """The shares that these orders have filled or may still fill."""
    return sum(
        order.filled_quantity
        if order.state in FINAL_STATES
        else order.filled_quantity + order.open_quantity
        for order in orders
    )


def buys_of_others(ctx: Context, orders: Iterable[Order]) -> int:
    """How many buys other runs have planned today; it never falls within a day."""
    return sum(
        order.side is Side.BUY and order.run != ctx.run and order.state is not OrderState.DENIED
        for order in orders
    )


def exposure_of(ctx: Context, account: AccountSnapshot) -> Exposure:
    """The exposure from a snapshot of the broker's data and the journal."""
    today = ctx.clock.now().date()
    positions = {position.stock_code: position for position in ctx.journal.positions()}
    return Exposure(
        ctx=ctx,
        account=account,
        stop=stops.current(ctx),
        orders=ctx.journal.orders(day=today),
        locks={lock.stock_code: lock.reason for lock in ctx.journal.locks()},
        trades=ctx.journal.trades(since=today, until=today),
        fills=ctx.journal.fills(day=today),
        positions=positions,
        unrealised=_unrealised(account, positions) - daily_pnl.carried(ctx, today),
    )


def _unrealised(account: AccountSnapshot, positions: Mapping[str, Position]) -> int:
    """Unrealised profit in won: the broker's figure, unless its holdings lack shares of a position;
    then kt's."""
    if account.holdings is not None:
        listed = {held.stock_code: held.quantity for held in account.holdings.items}
        if all(p.quantity <= listed.get(code, 0) for code, p in positions.items()):
            return account.holdings.total_profit
    return sum(position.profit for position in positions.values())

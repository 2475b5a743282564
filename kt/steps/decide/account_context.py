"""What an analyst is told of the account: positions at the newest prices, orders under way, what
is left of the limits, costs, and how long the market is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from kt.records import (
    KST,
    OPEN_STATES,
    UNRESOLVED_STATES,
    AccountReturn,
    BrokerOrder,
    CostRates,
    Order,
    OrderState,
    Origin,
    Position,
    SessionNotice,
    SessionTime,
    Side,
    TradingRoom,
)
from kt.rules import fees, trading_phases
from kt.steps.context import Context
from kt.steps.portfolio import daily_pnl, position_book

_NEVER_SENT = frozenset({OrderState.DENIED, OrderState.PLANNED})


def marked(
    ctx: Context, prices: Mapping[str, int], orders: Iterable[BrokerOrder] | None
) -> tuple[Position, ...]:
    """The journal's positions at these prices (won by stock code; nothing is written), with the
    shares that no open sell has taken as sellable. `orders` None: not known."""
    return tuple(
        _marked(ctx, position, prices.get(position.stock_code, 0), orders)
        for position in ctx.journal.positions()
    )


def _marked(
    ctx: Context, position: Position, price: int, orders: Iterable[BrokerOrder] | None
) -> Position:
    if orders is not None:
        selling = sum(
            order.open_quantity
            for order in orders
            if order.side is Side.SELL and order.stock_code == position.stock_code
        )
        position = replace(position, sellable=max(0, position.quantity - selling))
    return position_book.marked_at(ctx, position, price) if price else position


def under_way(ctx: Context, listed: Sequence[BrokerOrder] | None) -> tuple[BrokerOrder, ...]:
    """The broker's open orders, and those of kt's own that it does not list: just sent, or with an
    unknown outcome. `listed` None: the broker did not answer."""
    numbers = {int(order.ord_no) for order in listed or ()}
    states = OPEN_STATES if listed is None else frozenset[OrderState]()
    ours = ctx.journal.orders(states=states | UNRESOLVED_STATES)
    unlisted = (o for o in ours if not numbers & {int(number) for number in o.ord_nos})
    return (*(listed or ()), *(_as_listed(order) for order in unlisted))


def _as_listed(order: Order) -> BrokerOrder:
    return BrokerOrder(
        ord_no=order.ord_no,
        original_ord_no="",
        stock_code=order.stock_code,
        stock_name=order.stock_name,
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        price=order.price,
        open_quantity=order.open_quantity,
        filled_quantity=order.filled_quantity,
        fill_price=round(order.average_fill),
        status=order.state.value,
        at=order.created_at,
    )


def room(
    ctx: Context,
    positions: tuple[Position, ...],
    orders: Sequence[BrokerOrder] | None,
    prices: Mapping[str, int],
    returns: Sequence[AccountReturn] | None,
) -> TradingRoom:
    """What the limits allow and what is used of them. `positions` are marked; what is None is not
    known."""
    limits, today = ctx.config.limits, ctx.clock.now().astimezone(KST).date()
    sent = [o for o in ctx.journal.orders(day=today) if o.origin is not Origin.EXTERNAL]
    held = [row for row in returns or () if row.quantity]
    cost = sum(row.cost for row in held)
    value = sum(row.price * row.quantity for row in held)
    return TradingRoom(
        total_limit=limits.total,
        invested=None if orders is None else invested(positions, orders, prices),
        stocks_limit=limits.positions,
        loss_limit=limits.daily_loss,
        loss_used=daily_pnl.loss(ctx, daily_pnl.figures(ctx, positions)),
        orders_limit=limits.orders_per_day,
        orders_sent=sum(
            o.state not in _NEVER_SENT and o.origin is not Origin.EXTERNAL for o in sent
        ),
        return_pct=round(100 * (value - cost) / cost, 2) if cost else None,
    )


def invested(
    positions: Iterable[Position], orders: Iterable[BrokerOrder], prices: Mapping[str, int]
) -> int:
    """Won in the positions, and what the open buys may still cost: at their limit, and at the last
    price where they have none."""
    return sum(position.cost for position in positions) + sum(
        order.open_quantity * (order.price or prices.get(order.stock_code, 0))
        for order in orders
        if order.side is Side.BUY
    )


def cost_rates(ctx: Context) -> CostRates:
    """The costs of an ordinary stock traded today."""
    commission, today = ctx.config.server.commission_pct, ctx.clock.now().astimezone(KST).date()
    tax = fees.sell_tax_rate("KOSPI", "STOCK", today) / 1000
    return CostRates(buy_pct=commission, sell_pct=round(commission + tax, 4))


def session_time(ctx: Context, notice: SessionNotice | None = None) -> SessionTime:
    """Where the trading day stands; `notice` is the newest message of the market (0s)."""
    now, hours = ctx.clock.now(), ctx.config.session
    plan = trading_phases.day_plan(now.astimezone(KST).date(), hours)
    phase = trading_phases.phase(now, hours, notice)
    trading = plan is not None and phase in trading_phases.TRADING
    return SessionTime(
        phase=phase.value,
        minutes_to_last_buy=_minutes(now, plan.last_buy) if plan and trading else None,
        minutes_to_close=_minutes(now, plan.close) if plan and trading else None,
    )


def _minutes(now: datetime, end: datetime) -> int:
    return max(0, (end - now) // timedelta(minutes=1))

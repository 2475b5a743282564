"""The inputs of the safety rules (`RiskFacts`) for one order, from the exposure and the
configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from kt.records import (
    UNRESOLVED_STATES,
    Order,
    OrderIntent,
    OrderState,
    OrderType,
    Origin,
    Position,
    SessionNotice,
    Side,
)
from kt.rules import trading_phases
from kt.rules.order_identification import lost_sells
from kt.rules.risk.facts import RiskFacts
from kt.steps.context import Context
from kt.steps.fan_out import gather
from kt.steps.instruments import known_list
from kt.steps.risk import stops
from kt.steps.risk.account_exposure import Exposure

_NEVER_OPEN = frozenset({OrderState.DENIED, OrderState.REJECTED, OrderState.NOT_PLACED})


def facts_for(
    ctx: Context,
    exposure: Exposure,
    intent: OrderIntent,
    without: Order | None,
) -> RiskFacts:
    """The inputs of all rules in `rules/risk/validation.py`; None = not known, which denies. The
    order `without` (the one that is amended) is exits out of the sums."""
    decision = intent.decision
    facts = replace(
        _of_intent(ctx, intent),
        decided=decision is not None,
        input_at=(decision.data_at or decision.decided_at) if decision else None,
        max_age=ctx.config.pipe.max_age,
        confidence=decision.confidence if decision else None,
    )
    facts = _with_day(ctx, exposure, facts)
    facts = _with_orders(exposure, facts, without)
    facts = _with_stock(ctx, exposure, facts)
    facts = _with_turnover(ctx, exposure, facts, without)
    if intent.side is Side.SELL:
        return _with_holding(exposure, facts, without)
    return _with_money(ctx, exposure, facts, without)


def exit_facts(
    ctx: Context, intent: OrderIntent, held: int, notice: SessionNotice | None
) -> RiskFacts:
    """The inputs of the rules for exits, from the journal, the configuration and the clock."""
    stop, now, hours = stops.current(ctx), ctx.clock.now(), ctx.config.session
    may_order = trading_phases.may_order(now, hours, notice)
    return replace(
        _of_intent(ctx, intent),
        stop=stop.mode,
        stop_reason=stop.reason,
        may_order=may_order,
        phase=trading_phases.phase(now, hours, notice),
        orders_from=None if may_order else trading_phases.next_opening(now, hours),
        held=held,
    )


def _of_intent(ctx: Context, intent: OrderIntent) -> RiskFacts:
    """The order itself and the configuration."""
    return RiskFacts(
        side=intent.side,
        stock_code=intent.stock_code,
        quantity=intent.quantity,
        price=intent.price,
        order_type=intent.order_type,
        origin=intent.origin,
        now=ctx.clock.now(),
        limits=ctx.config.limits,
        live=ctx.config.server.live,
        test_mode=ctx.config.dry_run,
    )


def _with_day(ctx: Context, exposure: Exposure, facts: RiskFacts) -> RiskFacts:
    """The stop, the market phase and the day's profit."""
    may_order, may_buy, phase = exposure.phase()
    now, hours = ctx.clock.now(), ctx.config.session
    return replace(
        facts,
        stop=exposure.stop.mode,
        stop_reason=exposure.stop.reason,
        may_order=may_order,
        may_buy=may_buy,
        phase=phase,
        orders_from=trading_phases.next_opening(now, hours),
        buys_from=trading_phases.next_opening(now, hours, buys=True),
        next_day=trading_phases.next_day_opening(now, hours),
        commission_pct=ctx.config.server.commission_pct,
        realised_today=exposure.realised,
        unrealised=exposure.unrealised,
    )


def _with_orders(exposure: Exposure, facts: RiskFacts, without: Order | None) -> RiskFacts:
    """The stock's lock, and the counts of open, unresolved, lost and sent orders."""
    code, side = facts.stock_code, facts.side
    return replace(
        facts,
        lock=exposure.locks.get(code, ""),
        unresolved=exposure.under_way(code, side, UNRESOLVED_STATES, without),
        open_orders=exposure.open_orders(code, side, without),
        lost_sells=lost_sells(exposure.orders, code),
        orders_last_minute=exposure.sent(timedelta(minutes=1)),
        orders_today=exposure.sent(),
    )


def _with_stock(ctx: Context, exposure: Exposure, facts: RiskFacts) -> RiskFacts:
    """The quote and the instrument; a market sell needs no instrument and does not wait for it."""
    quote = exposure.account.quotes.get(facts.stock_code)
    facts = replace(facts, excluded=facts.stock_code in ctx.config.scan.exclude)
    if quote is not None:
        facts = replace(
            facts,
            last_price=quote.price,
            lower_limit=quote.lower_limit,
            upper_limit=quote.upper_limit,
        )
    if facts.side is Side.SELL and facts.order_type is OrderType.MARKET:
        return facts
    stocks = known_list(ctx)
    if stocks is None:
        return facts
    found = stocks.get(facts.stock_code)
    if found is None:
        return replace(facts, listed=False)
    return replace(facts, listed=True, warning=found.warning, kind=found.kind)


def _with_turnover(
    ctx: Context, exposure: Exposure, facts: RiskFacts, without: Order | None
) -> RiskFacts:
    """Today's exits from and entries into the stock, and the turnover of today's buys."""
    code = facts.stock_code
    exits = [trade for trade in exposure.trades if trade.stock_code == code]
    buys = [o for o in exposure.orders if o.side is Side.BUY and o.origin is not Origin.EXTERNAL]
    entries = [o for o in buys if o.stock_code == code and o.state not in _NEVER_OPEN]
    position = exposure.positions.get(code)
    return replace(
        facts,
        cooldown=ctx.config.exits.cooldown,
        left_by=Origin(exits[-1].origin) if exits else None,
        left_at=exits[-1].closed_at if exits else None,
        entries=len([o for o in entries if not without or o.order_id != without.order_id]),
        bought_today=exposure.bought(without),
        min_holding_minutes=ctx.config.exits.min_holding_minutes,
        held_since=_last_entry(entries, position),
    )


def _last_entry(entries: Sequence[Order], position: Position | None) -> datetime | None:
    """The time of the last buy: by an order of today, or when the position was opened; None for
    shares that kt did not buy."""
    if position is None or position.source != "kt":
        return None
    filled = [order.updated_at for order in entries if order.filled_quantity]
    return max(filled, default=position.opened_at)


def _with_holding(exposure: Exposure, facts: RiskFacts, without: Order | None) -> RiskFacts:
    """Shares held and sellable; those reserved for the order that is amended count as sellable."""
    found = exposure.holding(facts.stock_code)
    if found is None:
        return facts
    held, sellable = found
    own = without.open_quantity if without else 0
    return replace(facts, held=held, sellable=sellable + own)


def _with_money(
    ctx: Context, exposure: Exposure, facts: RiskFacts, without: Order | None
) -> RiskFacts:
    """What is invested, and the cash and buying power that are exits."""
    code = facts.stock_code
    invested, deposit = exposure.invested(without), exposure.account.deposit
    if invested is not None:
        facts = replace(
            facts,
            invested_in_stock=invested.get(code, 0),
            invested_total=sum(invested.values()),
            stocks=len(invested),
            in_stock=code in invested,
        )
    taken = _reserved(exposure, without)
    if deposit is not None:
        facts = replace(facts, cash=deposit.orderable - taken)
    key = (code, facts.price or facts.upper_limit or 0)
    answer = exposure.account.orderable.get(key)
    orderable = facts.cash if answer is None else answer.amount - taken
    return replace(facts, orderable=orderable if key[1] else None)


def _reserved(exposure: Exposure, without: Order | None) -> int:
    """Won reserved by earlier checks of the batch, less key the order that is amended frees."""
    freed = without.open_quantity * without.price if without else 0
    return sum(exposure.reserved.values()) - freed


def with_orderable(
    ctx: Context, exposure: Exposure, facts: RiskFacts, without: Order | None
) -> RiskFacts:
    """The inputs with the broker's buying power for this stock and price (kt00010); the cash when
    the server does not offer it, None when the request fails.

    One request per stock under a tight rate limit, so only for an order that passes the rest.
    """
    key = (facts.stock_code, facts.price or facts.upper_limit or 0)
    if facts.side is not Side.BUY or key in exposure.account.orderable:
        return facts
    asked = gather(ctx, "check.orderable", {"answer": lambda: ctx.broker.orderable(*key)})
    if asked.failures:
        return replace(facts, orderable=None)
    answer = asked.answers["answer"]
    return (
        facts
        if answer is None
        else replace(facts, orderable=answer.amount - _reserved(exposure, without))
    )

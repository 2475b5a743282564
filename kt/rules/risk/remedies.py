"""What would pass instead of an order that a rule denies: fewer shares, another price, a later
time."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta

from kt.rules import fees, ticks
from kt.rules.risk.comparison import NotKnownError, known, worst_price
from kt.rules.risk.denials import Code
from kt.rules.risk.facts import RiskFacts
from kt.rules.risk.turnover import WHOLE_DAY, cooldown_minutes
from kt.rules.trading_phases import moment_words


def remedy(code: Code, f: RiskFacts) -> str:
    """What would pass this rule; "" when nothing would, or when the denial's detail says it."""
    try:
        return REMEDIES.get(code, _nothing)(f)
    except NotKnownError:
        return ""


def _nothing(f: RiskFacts) -> str:
    return ""


def _at_most(shares: int) -> str:
    return f"at most {shares:,} shares would pass" if shares > 0 else "not one share would pass"


def _within(f: RiskFacts, limit: int, used: int | None, what: str) -> str:
    return _at_most((limit - known(used, what)) // max(1, worst_price(f)))


def _per_stock(f: RiskFacts) -> str:
    return _within(f, f.limits.per_stock, f.invested_in_stock, "the money in this stock")


def _total(f: RiskFacts) -> str:
    return _within(f, f.limits.total, f.invested_total, "the money in all stocks")


def _turnover(f: RiskFacts) -> str:
    return f"{_within(f, f.limits.turnover, f.bought_today, 'the day')} today"


def _paid_by(f: RiskFacts, available: int | None) -> str:
    pct = known(f.commission_pct, "the commission")
    return _at_most(fees.affordable(known(available, "the cash"), max(1, worst_price(f)), pct))


def _cash(f: RiskFacts) -> str:
    return _paid_by(f, f.cash)


def _orderable(f: RiskFacts) -> str:
    return _paid_by(f, f.orderable)


def _sellable(f: RiskFacts) -> str:
    return _at_most(known(f.held if f.sellable is None else f.sellable, "what may be sold"))


def _slippage(f: RiskFacts) -> str:
    last, kind = known(f.last_price, "the last price"), known(f.kind, "the tick table")
    if kind not in ticks.KINDS:
        return ""
    part = f.limits.max_slippage_pct / 100
    lowest = ticks.round_up(math.ceil(last * (1 - part)), kind)
    highest = ticks.round_down(math.floor(last * (1 + part)), kind)
    return f"{lowest:,} to {highest:,} would pass" if lowest <= highest else ""


def _from(f: RiskFacts, moment: datetime | None, what: str) -> str:
    if moment is None:
        return f"{what} again when the exchange goes on"
    return f"{what} from {moment_words(moment, f.now)}"


def _session(f: RiskFacts) -> str:
    return _from(f, f.orders_from, "orders are taken")


def _buys(f: RiskFacts) -> str:
    return _from(f, f.buys_from, "buys are taken")


def _next_day(f: RiskFacts) -> str:
    return _from(f, f.next_day, "it would pass")


def _stale(f: RiskFacts) -> str:
    old = known(f.input_at, "the time of the input") <= f.now
    return f"decide again: `kt analyze {f.stock_code}`" if old else ""


def _cooldown(f: RiskFacts) -> str:
    if f.left_by is None or f.left_at is None:
        return ""
    minutes = cooldown_minutes(f.cooldown, f.left_by)
    if minutes >= WHOLE_DAY:
        return _next_day(f)
    return _from(f, f.left_at + timedelta(minutes=minutes), "it would pass")


def _holding_time(f: RiskFacts) -> str:
    since = known(f.held_since, "the time of the buy")
    return _from(f, since + timedelta(minutes=f.min_holding_minutes), "it would pass")


def _duplicate(f: RiskFacts) -> str:
    if f.unresolved:
        return "it would pass when `kt order list --unknown` shows none of it"
    return "it would pass when the open one has filled or is cancelled" if f.open_orders else ""


def _says(text: str) -> Callable[[RiskFacts], str]:
    return lambda facts: text


REMEDIES: dict[Code, Callable[[RiskFacts], str]] = {
    Code.HALTED: _says("it would pass after `kt resume`"),
    Code.REDUCING: _says("a sell would pass, or a buy after `kt resume`"),
    Code.NOT_LIVE: _says("it would pass with `live: true` there"),
    Code.QUANTITY: _says("1 share or more would pass"),
    Code.EXCLUDED: _says("it would pass without that line"),
    Code.WARNED: _says("no buy passes while it stands"),
    Code.SYMBOL_LOCKED: _says("it would pass when `kt order list --unknown` shows none of it"),
    Code.SESSION: _session,
    Code.NO_NEW_BUYS: _buys,
    Code.STALE_INPUT: _stale,
    Code.SLIPPAGE: _slippage,
    Code.NOT_HELD: _says("`kt balance` shows what is held"),
    Code.SELLABLE: _sellable,
    Code.PER_STOCK_LIMIT: _per_stock,
    Code.TOTAL_LIMIT: _total,
    Code.MAX_POSITIONS: _says("a stock that is held would pass, or this one after a sale"),
    Code.CASH: _cash,
    Code.ORDERABLE: _orderable,
    Code.DAILY_LOSS: _next_day,
    Code.COOLDOWN: _cooldown,
    Code.ENTRIES: _next_day,
    Code.TURNOVER: _turnover,
    Code.HOLDING_TIME: _holding_time,
    Code.DUPLICATE: _duplicate,
    Code.RATE: _says("it would pass within a minute"),
    Code.DAY_ORDERS: _next_day,
    Code.TEST_MODE: _says("it would be sent without --dry-run"),
}
"""By code. What the details of UNKNOWN_STOCK, OFF_TICK, PRICE_LIMIT and LOW_CONFIDENCE say need
not be said again."""

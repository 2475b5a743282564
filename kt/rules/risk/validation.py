"""The pre-trade check (levels 1 and 3): every rule passes or denies, with its arithmetic and what
would pass.

A rule that cannot be evaluated, because a fact is not known, denies with its own code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kt.records import CheckResult, OrderType, Side
from kt.rules.risk import exposure as money
from kt.rules.risk import instrument as stock
from kt.rules.risk import trading_state as state
from kt.rules.risk import turnover
from kt.rules.risk.causes import NOT_EVALUATED
from kt.rules.risk.comparison import NotKnownError, Verdict, stoppable
from kt.rules.risk.denials import Code
from kt.rules.risk.facts import RiskFacts
from kt.rules.risk.remedies import remedy


def validate(facts: RiskFacts) -> tuple[CheckResult, ...]:
    """The result of every rule that applies to this order, in order.

    The order may be sent when all have passed. In test mode the last result is a denial, so an
    order whose only denial is TEST_MODE would have been sent.
    """
    return tuple(_result(rule, facts) for rule in RULES if rule.concerns(facts))


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: which orders it applies to and how it decides."""

    code: Code
    concerns: Callable[[RiskFacts], bool]
    decide: Callable[[RiskFacts], Verdict]


def _result(rule: Rule, facts: RiskFacts) -> CheckResult:
    try:
        passed, detail = rule.decide(facts)
    except NotKnownError as missing:
        passed, detail = False, f"{NOT_EVALUATED}{missing} is not known"
    else:
        instead = "" if passed else remedy(rule.code, facts)
        detail += f"; {instead}" if instead else ""
    return CheckResult(code=rule.code, passed=passed, detail=detail)


def _all(f: RiskFacts) -> bool:
    return True


def _buy(f: RiskFacts) -> bool:
    return f.side is Side.BUY


def _sell(f: RiskFacts) -> bool:
    return f.side is Side.SELL


def _decided(f: RiskFacts) -> bool:
    return f.decided


def _decided_buy(f: RiskFacts) -> bool:
    return f.decided and _buy(f)


def _decided_sell(f: RiskFacts) -> bool:
    return f.decided and _sell(f)


def _stoppable_limit_price(f: RiskFacts) -> bool:
    return f.order_type is OrderType.LIMIT and stoppable(f)


RULES: tuple[Rule, ...] = (
    Rule(Code.HALTED, _all, state.halted),
    Rule(Code.REDUCING, _buy, state.reducing),
    Rule(Code.NOT_LIVE, _all, state.not_live),
    Rule(Code.QUANTITY, _all, stock.quantity),
    Rule(Code.UNKNOWN_STOCK, _buy, stock.unknown_stock),
    Rule(Code.EXCLUDED, _buy, stock.excluded),
    Rule(Code.WARNED, _buy, stock.warned),
    Rule(Code.SYMBOL_LOCKED, stoppable, state.symbol_locked),
    Rule(Code.SESSION, _all, state.session),
    Rule(Code.NO_NEW_BUYS, _buy, state.no_new_buys),
    Rule(Code.STALE_INPUT, _decided, state.stale_input),
    Rule(Code.LOW_CONFIDENCE, _decided_buy, state.low_confidence),
    Rule(Code.OFF_TICK, _stoppable_limit_price, stock.off_tick),
    Rule(Code.PRICE_LIMIT, _stoppable_limit_price, stock.price_limit),
    Rule(Code.SLIPPAGE, _stoppable_limit_price, stock.slippage),
    Rule(Code.NOT_HELD, _sell, money.not_held),
    Rule(Code.SELLABLE, _sell, money.sellable),
    Rule(Code.PER_STOCK_LIMIT, _buy, money.per_stock_limit),
    Rule(Code.TOTAL_LIMIT, _buy, money.total_limit),
    Rule(Code.MAX_POSITIONS, _buy, money.max_positions),
    Rule(Code.CASH, _buy, money.cash),
    Rule(Code.ORDERABLE, _buy, money.orderable),
    Rule(Code.DAILY_LOSS, _buy, money.daily_loss),
    Rule(Code.COOLDOWN, _decided_buy, turnover.cooldown),
    Rule(Code.ENTRIES, _decided_buy, turnover.entries),
    Rule(Code.TURNOVER, _buy, turnover.turnover),
    Rule(Code.HOLDING_TIME, _decided_sell, turnover.holding_time),
    Rule(Code.DUPLICATE, stoppable, state.duplicate),
    Rule(Code.RATE, stoppable, state.rate),
    Rule(Code.DAY_ORDERS, stoppable, state.day_orders),
    Rule(Code.TEST_MODE, _all, state.test_mode),
)
"""The rules in the order in which they are evaluated and shown."""

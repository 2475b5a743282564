"""Safety rules about exposure: positions, limits, cash, the day's loss."""

from __future__ import annotations

from kt.rules import fees
from kt.rules.risk.comparison import Verdict, adds_up, compare, known, stoppable, worst_price
from kt.rules.risk.facts import RiskFacts


def not_held(f: RiskFacts) -> Verdict:
    held = known(f.held, "what is held")
    return held > 0, f"{held:,} shares of {f.stock_code} held"


def sellable(f: RiskFacts) -> Verdict:
    if f.sellable is None and not stoppable(f):  # an exit does not wait for a lost answer
        held = known(f.held, "what is held")
        return compare(f.quantity, held, "held (what is sellable is not known)")
    return compare(f.quantity, known(f.sellable, "what may be sold"), "sellable")


def per_stock_limit(f: RiskFacts) -> Verdict:
    held = known(f.invested_in_stock, "the money in this stock")
    return adds_up(held, f.quantity * worst_price(f), f.limits.per_stock)


def total_limit(f: RiskFacts) -> Verdict:
    held = known(f.invested_total, "the money in all stocks")
    return adds_up(held, f.quantity * worst_price(f), f.limits.total)


def max_positions(f: RiskFacts) -> Verdict:
    stocks = known(f.stocks, "the number of stocks held")
    if known(f.in_stock, "whether this stock is held"):
        return True, f"{f.stock_code} is one of {stocks:,} already"
    return adds_up(stocks, 1, f.limits.positions)


def buying(f: RiskFacts, available: int, what: str) -> Verdict:
    value = f.quantity * worst_price(f)
    fee = fees.commission(value, known(f.commission_pct, "the commission"))
    passed, words = compare(value + fee, available, what)
    return passed, f"{value:,} + fee {fee:,} = {words}"


def cash(f: RiskFacts) -> Verdict:
    return buying(f, known(f.cash, "the cash for orders"), "cash")


def orderable(f: RiskFacts) -> Verdict:
    return buying(f, known(f.orderable, "what may be ordered in this stock"), "orderable")


def daily_loss(f: RiskFacts) -> Verdict:
    realised = known(f.realised_today, "today's realised profit")
    unrealised = known(f.unrealised, "the unrealised profit")
    loss = max(0, -(realised + unrealised))
    passed = loss < f.limits.daily_loss
    return passed, (
        f"realised {realised:+,} and unrealised {unrealised:+,}: loss {loss:,} "
        f"{'<' if passed else '>='} limit {f.limits.daily_loss:,}"
    )

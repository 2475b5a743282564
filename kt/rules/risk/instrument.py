"""Safety rules about the stock and the price asked for it."""

from __future__ import annotations

from kt.rules import ticks
from kt.rules.risk.comparison import Verdict, flag, known
from kt.rules.risk.facts import RiskFacts


def quantity(f: RiskFacts) -> Verdict:
    return f.quantity >= 1, f"{f.quantity:,} shares {'>=' if f.quantity >= 1 else '<'} 1"


def unknown_stock(f: RiskFacts) -> Verdict:
    listed = known(f.listed, "the list of stocks")
    return flag(listed, f"{f.stock_code} is listed", f"{f.stock_code} is not listed")


def excluded(f: RiskFacts) -> Verdict:
    excluded = known(f.excluded, "the list of excluded stocks")
    return flag(not excluded, "not excluded", f"{f.stock_code} stands in scan.exclude")


def warned(f: RiskFacts) -> Verdict:
    warning = known(f.warning, "the stock's warning")
    return flag(not warning, "no warning", f"warning: {warning}")


def off_tick(f: RiskFacts) -> Verdict:
    kind = known(f.kind if f.kind in ticks.KINDS else None, "the instrument's tick table")
    if f.price <= 0:
        return False, f"a limit order needs a price above 0, not {f.price:,}"
    tick = ticks.tick_size(f.price, kind)
    return flag(
        f.price % tick == 0,
        f"{f.price:,} is on the tick of {tick:,}",
        f"{f.price:,} is not on the tick of {tick:,}: {ticks.round_down(f.price, kind):,} or "
        f"{ticks.round_up(f.price, kind):,}",
    )


def price_limit(f: RiskFacts) -> Verdict:
    lower = known(f.lower_limit, "the lower price limit")
    upper = known(f.upper_limit, "the upper price limit")
    passed = 0 < lower <= f.price <= upper
    words = "lies in" if passed else "lies outside"
    return passed, f"{f.price:,} {words} {lower:,} to {upper:,}"


def slippage(f: RiskFacts) -> Verdict:
    last = known(f.last_price or None, "the last price")
    away = abs(f.price - last) * 100 / last
    passed = away <= f.limits.max_slippage_pct
    sign = "<=" if passed else ">"
    return passed, (
        f"{f.price:,} is {away:.2f} % from {last:,} {sign} limit {f.limits.max_slippage_pct:g} %"
    )

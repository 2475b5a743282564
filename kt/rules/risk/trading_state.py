"""Safety rules about the moment: stops, hours, input age, confidence, locks, order rates."""

from __future__ import annotations

from kt.records import Origin, Side
from kt.rules.risk.comparison import Verdict, adds_up, flag, known
from kt.rules.risk.denials import Code
from kt.rules.risk.facts import RiskFacts
from kt.rules.risk.stop_rules import refusal

MOST_LOST = 1
"""kt sends a sell that was not found at the broker once more, but not a third time."""
_CLOCK_SKEW = 5.0
"""Seconds that an input may lie in the future: two clocks never agree exactly."""


def halted(f: RiskFacts) -> Verdict:
    stop = known(f.stop, "the stop in force")
    free = refusal(stop, f.side, f.origin) is not Code.HALTED
    return flag(free, f"stop: {stop}", f"{stop}: {f.stop_reason or 'no reason given'}")


def reducing(f: RiskFacts) -> Verdict:
    stop = known(f.stop, "the stop in force")
    free = refusal(stop, f.side, f.origin) is not Code.REDUCING
    return flag(free, f"stop: {stop}", f"{stop}: {f.stop_reason}")


def not_live(f: RiskFacts) -> Verdict:
    live = known(f.live, "whether the profile may send orders")
    return flag(live, "live: true", "live: false in this profile's configuration")


def symbol_locked(f: RiskFacts) -> Verdict:
    lock = known(f.lock, "the stock's lock")
    return flag(not lock, "not locked", f"locked: {lock}")


def session(f: RiskFacts) -> Verdict:
    may = known(f.may_order, "the market's phase")
    return flag(may, f"phase: {f.phase}", f"no orders in phase: {f.phase} ({f.now:%H:%M:%S})")


def no_new_buys(f: RiskFacts) -> Verdict:
    may = known(f.may_buy, "the market's phase")
    return flag(may, f"phase: {f.phase}", f"no buys in phase: {f.phase} ({f.now:%H:%M:%S})")


def stale_input(f: RiskFacts) -> Verdict:
    age = (f.now - known(f.input_at, "the time of the input")).total_seconds()
    if age < -_CLOCK_SKEW:
        return False, f"{-age:,.1f} s in the future: compare the clocks"
    passed = age <= f.max_age
    return passed, f"{max(0.0, age):,.1f} s old {'<=' if passed else '>'} limit {f.max_age:,.1f} s"


def low_confidence(f: RiskFacts) -> Verdict:
    confidence = known(f.confidence, "the analyst's confidence")
    passed = f.limits.min_confidence <= confidence <= 1
    sign = ">=" if passed else "not from"
    ending = "" if passed else " to 1"
    return passed, f"{confidence:.2f} {sign} {f.limits.min_confidence:.2f}{ending}"


def duplicate(f: RiskFacts) -> Verdict:
    lost = known(f.lost_sells, "the sells that were lost")
    if lost > MOST_LOST and f.side is Side.SELL and f.origin is not Origin.MANUAL:
        return False, f"{lost:,} sells of {f.stock_code} were lost today: a person must look"
    unresolved = known(f.unresolved, "the unresolved orders")
    waiting = known(f.open_orders, "the open orders") if f.origin is not Origin.MANUAL else 0
    return flag(
        unresolved + waiting == 0,
        f"no other {f.side} of {f.stock_code} under way",
        f"{f.side} of {f.stock_code} under way: {unresolved:,} unresolved, {waiting:,} open",
    )


def rate(f: RiskFacts) -> Verdict:
    sent = known(f.orders_last_minute, "the orders of the last minute")
    return adds_up(sent, 1, f.limits.orders_per_minute, "orders a minute")


def day_orders(f: RiskFacts) -> Verdict:
    sent = known(f.orders_today, "today's orders")
    return adds_up(sent, 1, f.limits.orders_per_day, "orders a day")


def test_mode(f: RiskFacts) -> Verdict:
    test = known(f.test_mode, "whether test mode is on")
    return flag(not test, "test mode is off", "test mode is on: nothing is sent")

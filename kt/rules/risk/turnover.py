"""Safety rules against overtrading: cooldown after an exit, buys a day, holding time, turnover."""

from __future__ import annotations

from datetime import datetime, timedelta

from kt.config.model import Cooldown
from kt.records import STOP_EXITS, Origin
from kt.rules.risk.comparison import Verdict, adds_up, known, worst_price
from kt.rules.risk.facts import RiskFacts

WHOLE_DAY = 1440
"""A cooldown of this many minutes means the rest of the day."""


def cooldown(f: RiskFacts) -> Verdict:
    if f.left_by is None or f.left_at is None:
        return True, f"{f.stock_code} was not left today"
    return cooled(f.cooldown, f.left_by, f.left_at, f.now)


def cooled(settings: Cooldown, left_by: Origin, left_at: datetime, now: datetime) -> Verdict:
    """Whether a stock that was sold today may be bought again, with the arithmetic."""
    minutes = cooldown_minutes(settings, left_by)
    said = f"left at {left_at:%H:%M:%S} by {left_by}"
    if minutes >= WHOLE_DAY:
        return False, f"{said}: not again today"
    until = left_at + timedelta(minutes=minutes)
    passed = now >= until
    return passed, f"{said} + {minutes:,} min = {until:%H:%M:%S} {'<=' if passed else '>'} now"


def cooldown_minutes(settings: Cooldown, left_by: Origin) -> int:
    """How long the analyst may not buy again after such an exit."""
    if left_by in STOP_EXITS:
        return settings.stop_loss
    return settings.take_profit if left_by is Origin.TAKE_PROFIT else settings.other


def entries(f: RiskFacts) -> Verdict:
    made = known(f.entries, "the day's buys of this stock")
    return adds_up(made, 1, f.limits.entries_per_stock, "buys of one stock a day")


def turnover(f: RiskFacts) -> Verdict:
    bought = known(f.bought_today, "the money of the day's buys")
    return adds_up(bought, f.quantity * worst_price(f), f.limits.turnover)


def holding_time(f: RiskFacts) -> Verdict:
    if f.held_since is None:
        return True, f"{f.stock_code} was not bought by kt"
    held = max(0.0, minutes_between(f.held_since, f.now))
    passed = held >= f.min_holding_minutes
    sign = ">=" if passed else "<"
    return passed, f"held for {held:,.1f} min {sign} limit {f.min_holding_minutes:,} min"


def minutes_between(first: datetime, then: datetime) -> float:
    return (then - first).total_seconds() / 60

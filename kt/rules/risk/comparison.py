"""What the safety rules are written with: a verdict with its arithmetic, comparisons, missing
facts."""

from __future__ import annotations

from typing import TypeVar

from kt.records import OrderType
from kt.rules.risk.facts import RiskFacts
from kt.rules.risk.stop_rules import is_exit

T = TypeVar("T")
Verdict = tuple[bool, str]


class NotKnownError(Exception):
    """A rule needs a fact that is None: the rule denies."""


def known(value: T | None, what: str) -> T:
    """The fact; raises when it is not known, which ends the rule."""
    if value is None:
        raise NotKnownError(what)
    return value


def compare(left: int, limit: int, words: str = "limit") -> Verdict:
    """`1,200,000 > limit 1,000,000`"""
    passed = left <= limit
    return passed, f"{left:,} {'<=' if passed else '>'} {words} {limit:,}"


def adds_up(before: int, more: int, limit: int, words: str = "limit") -> Verdict:
    """`800,000 + 400,000 = 1,200,000 > limit 1,000,000`"""
    passed, compared = compare(before + more, limit, words)
    return passed, f"{before:,} + {more:,} = {compared}"


def flag(passed: bool, yes: str, no: str) -> Verdict:
    return passed, yes if passed else no


def worst_price(f: RiskFacts) -> int:
    """The most a share may cost: the limit, or the upper price limit for a market order."""
    if f.order_type is OrderType.LIMIT:
        return f.price
    return known(f.upper_limit, "the upper price limit")


def stoppable(f: RiskFacts) -> bool:
    """Whether discretionary rules apply to this order: to all but urgent exits."""
    return not is_exit(f.side, f.origin)

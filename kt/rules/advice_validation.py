"""Validates the answers to a question of the trading day: each subject answered once, with one of
its choices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kt.records import AdviceChoice, AdviceRequest, Subject
from kt.rules import ticks
from kt.rules.decision_validation import MOST_REASON, MOST_SHARES, clean, shown

PRICED = frozenset({AdviceChoice.AMEND, AdviceChoice.WATCH})
"""The choices whose price means something."""


@dataclass(frozen=True, slots=True)
class ValidAdvice:
    """One accepted answer. `price` in won; 0 where the choice needs none."""

    choice: AdviceChoice
    price: int
    reason: str


@dataclass(frozen=True, slots=True)
class ValidatedAdvice:
    """Accepted answers and faults, both by the subject's `ref`."""

    good: dict[str, ValidAdvice]
    faults: dict[str, tuple[str, ...]]


def judge_advice(objects: Sequence[Any], request: AdviceRequest) -> ValidatedAdvice:
    """Validate raw objects `{ref, choice, price, reason}` against the question. Answers about
    anything else are ignored."""
    good: dict[str, ValidAdvice] = {}
    faults: dict[str, tuple[str, ...]] = {}
    for subject in request.subjects:
        found = [one for one in objects if isinstance(one, dict) and one.get("ref") == subject.ref]
        if len(found) != 1:
            times = f"answered {len(found)} times" if found else "not answered"
            faults[subject.ref] = (times,)
        elif wrong := _faults(found[0], subject):
            faults[subject.ref] = tuple(wrong)
        else:
            choice = AdviceChoice(found[0]["choice"])
            price = found[0].get("price", 0) if choice in PRICED else 0
            good[subject.ref] = ValidAdvice(choice, price, clean(found[0]["reason"]))
    return ValidatedAdvice(good, faults)


def _faults(found: dict[str, Any], subject: Subject) -> list[str]:
    choice = found.get("choice")
    if not isinstance(choice, str) or choice not in subject.choices:
        return [f"choice: {shown(choice)} is none of {', '.join(subject.choices)}"]
    faults = []
    reason = found.get("reason")
    if not isinstance(reason, str) or not clean(reason):
        faults.append(f"reason: {shown(reason)} says nothing")
    elif len(reason) > MOST_REASON:
        faults.append(f"reason: {len(reason):,} characters, more than {MOST_REASON:,}")
    if choice in PRICED:
        faults += _price(found.get("price", 0), choice, subject)
    return faults


def _price(price: Any, choice: str, subject: Subject) -> list[str]:
    if isinstance(price, bool) or not isinstance(price, int) or not 0 <= price <= MOST_SHARES:
        return [f"price: {shown(price)} is not a price in won"]
    if choice != AdviceChoice.AMEND:
        return []
    if price == 0 or not ticks.is_on_tick(price, subject.kind):
        return [f"price: {price:,} is not on the tick grid"]
    if subject.order is not None and price == subject.order.price:
        return [f"price: {price:,} is the order's price already"]
    if subject.base_price:
        lower, upper = ticks.price_limits(subject.base_price, kind=subject.kind)
        if not lower <= price <= upper:
            return [f"price: {price:,} lies outside {lower:,} to {upper:,}"]
    return []


def majority(answers: Sequence[ValidAdvice], quorum: int) -> ValidAdvice | None:
    """The answer that more than half of a panel's members gave, with the price and the reason of
    the first of them; None below the quorum of answers or without a majority."""
    counts = Counter(answer.choice for answer in answers)
    if len(answers) < quorum or not counts:
        return None
    choice, votes = counts.most_common(1)[0]
    if votes * 2 <= len(answers):
        return None
    return next(answer for answer in answers if answer.choice is choice)

"""Validates an analyst's answer: each stock answered exactly once, each field within its bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from kt.records import (
    ANSWERS,
    Action,
    AnalystRequest,
    Candidate,
    Decision,
    Provenance,
    RiskLevel,
    StockContext,
)
from kt.rules import ticks

MOST_SHARES = 10_000_000_000
"""More shares than any company has listed: a larger quantity is a mistake."""
MOST_REASON = 2_000
"""Characters of a reason."""
_MOST_SHOWN = 60

Faults = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ValidatedReply:
    """`decisions` are the accepted ones. `faults` has the faults of every other stock's answer by
    stock code; under "" are those of objects for stocks that were not requested."""

    decisions: tuple[Decision, ...]
    faults: Faults

    @property
    def words(self) -> tuple[str, ...]:
        """All faults as text, for the retry and the journal."""
        return tuple(
            f"{code}: {fault}" if code else fault
            for code, faults in self.faults.items()
            for fault in faults
        )


def judge(
    objects: Sequence[Any],
    brief: AnalystRequest,
    *,
    analyst: str = "",
    model: str = "",
    kinds: Mapping[str, str] | None = None,
) -> ValidatedReply:
    """Validate raw decision objects against the request.

    `kinds` (stock code to STOCK, ETF, …) chooses the tick table; a stock that is not in it is a
    STOCK. Nothing is converted: a number in quotes is a fault. The decisions have the brief's
    stock names and no ids yet.
    """
    decisions = []
    faults: Faults = {}
    answers, unmatched = _by_code(objects, {stock.stock_code for stock in brief.stocks})
    for stock in brief.stocks:
        code = stock.stock_code
        found = answers.get(code, [])
        if len(found) != 1:
            faults[code] = ("not answered",) if not found else (f"answered {len(found)} times",)
            continue
        wrong = _faults(found[0], stock, (kinds or {}).get(code, "STOCK"))
        if wrong:
            faults[code] = tuple(wrong)
        else:
            decisions.append(_decision(found[0], stock, brief, analyst, model))
    if unmatched:
        faults[""] = tuple(unmatched)
    return ValidatedReply(tuple(decisions), faults)


def abstain(
    stock: StockContext,
    brief: AnalystRequest,
    faults: Iterable[str],
    *,
    analyst: str = "",
    model: str = "",
) -> Decision:
    """The decision for a stock without a usable answer: no action."""
    named = tuple(faults)
    return Decision(
        action=Action.ABSTAIN,
        stock_code=stock.stock_code,
        stock_name=stock.stock_name,
        quantity=0,
        price=0,
        reason=f"no answer: {clean('; '.join(named))[:MOST_REASON] or 'nobody was asked'}",
        confidence=0.0,
        risk_level=RiskLevel.HIGH,
        analyst=analyst,
        model=model,
        decided_at=brief.asof,
        reference_price=stock.quote.price,
        faults=named or ("no answer",),
        provenance=Provenance.NONE,
    )


@dataclass(frozen=True, slots=True)
class Pick:
    """One accepted pick of a shortlist; `score` 0..100, the chance of a rise. `risk` is empty when
    the analyst named none."""

    stock_code: str
    score: float
    reason: str
    risk: str = ""


def judge_shortlist(
    objects: Sequence[Any], candidates: Sequence[Candidate], count: int
) -> tuple[tuple[Pick, ...], tuple[str, ...]]:
    """Check raw `{stock_code, score, reason, main_risk}` objects: the accepted picks (the first
    `count`, in the analyst's own order) and the faults of the others. Fractions are
    read as shares of 1 if no score is above 1; a fraction among larger scores is ambiguous and a
    fault."""
    answers, faults = _by_code(objects, {candidate.stock_code for candidate in candidates})
    scores = [found["score"] for same in answers.values() for found in same if _is_score(found)]
    fractions = [score for score in scores if 0 < score < 1]
    as_fractions = bool(fractions) and max(scores) <= 1
    picks = []
    for code, found in answers.items():
        wrong = [f"answered {len(found)} times"] if len(found) != 1 else []
        wrong += _number(found[0], "score", 100) + _reason(found[0])
        if not wrong and not as_fractions and found[0]["score"] in fractions:
            wrong.append(f"score: {shown(found[0]['score'])} of 1, or of 100?")
        faults += [f"{code}: {fault}" for fault in wrong]
        if not wrong:
            score = round(found[0]["score"] * (100 if as_fractions else 1), 2)
            risk = found[0].get("main_risk", "")
            named = clean(risk)[:MOST_REASON] if isinstance(risk, str) else ""
            picks.append(Pick(code, float(score), clean(found[0]["reason"]), named))
    return tuple(picks[:count]), tuple(faults)


def _is_score(found: dict[str, Any]) -> bool:
    return not _number(found, "score", 100)


def clean(text: str) -> str:
    """One line of printable characters: a reply must not contain terminal control sequences."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _by_code(
    objects: Sequence[Any], asked: set[str]
) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    answers: dict[str, list[dict[str, Any]]] = {}
    unmatched: list[str] = []
    for index, found in enumerate(objects, 1):
        code = found.get("stock_code") if isinstance(found, dict) else None
        if isinstance(code, str) and code in asked:
            answers.setdefault(code, []).append(found)
        else:
            unmatched.append(f"answer {index}: not a stock that was asked about: {shown(code)}")
    return answers, unmatched


def _faults(found: dict[str, Any], stock: StockContext, kind: str) -> list[str]:
    action = _enum(found, "action", [item.value for item in ANSWERS])
    faults = [
        *action,
        *_name(found, stock),
        *_whole(found, "quantity", MOST_SHARES),
        *_number(found, "confidence", 1),
        *_enum(found, "risk_level", [item.value for item in RiskLevel]),
        *_reason(found),
    ]
    if action or found["action"] == Action.HOLD:
        return faults
    if not faults and found["quantity"] == 0:
        faults.append(f"quantity: {found['action']} of 0 shares")
    return faults + (_whole(found, "price", MOST_SHARES) or _price(found["price"], stock, kind))


def _price(price: int, stock: StockContext, kind: str) -> list[str]:
    if not ticks.is_on_tick(price, kind):
        if price <= 0:
            return [f"price: {price} is not above 0"]
        return [f"price: {price:,} is not on the tick of {ticks.tick_size(price, kind):,}"]
    lower, upper = stock.quote.lower_limit, stock.quote.upper_limit
    if not (lower and upper) and stock.quote.base_price > 0:
        lower, upper = ticks.price_limits(stock.quote.base_price, kind=kind)
    if not lower <= price <= upper:
        return [f"price: {price:,} lies outside {lower:,} to {upper:,}"]
    return []


def _name(found: dict[str, Any], stock: StockContext) -> list[str]:
    """A name of another stock than the code's means that the analyst confused two stocks."""
    name = found.get("stock_name", stock.stock_name)
    if isinstance(name, str) and _bare(name) == _bare(stock.stock_name):
        return []
    return [f"stock_name: {shown(name)} is not {stock.stock_name}"]


def _whole(found: dict[str, Any], field: str, most: int) -> list[str]:
    value = found.get(field)
    if isinstance(value, bool) or not isinstance(value, int):
        return [f"{field}: {shown(value)} is not a whole number"]
    return [] if 0 <= value <= most else [f"{field}: {shown(value)} is not from 0 to {most:,}"]


def _number(found: dict[str, Any], field: str, most: int) -> list[str]:
    value = found.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return [f"{field}: {shown(value)} is not a number"]
    good = isinstance(value, int) or isfinite(value)
    return (
        [] if good and 0 <= value <= most else [f"{field}: {shown(value)} is not from 0 to {most}"]
    )


def _enum(found: dict[str, Any], field: str, known: list[str]) -> list[str]:
    value = found.get(field)
    good = isinstance(value, str) and value in known
    return [] if good else [f"{field}: {shown(value)} is none of {', '.join(known)}"]


def _reason(found: dict[str, Any]) -> list[str]:
    value = found.get("reason")
    if isinstance(value, str) and len(value) > MOST_REASON:
        return [f"reason: {len(value):,} characters, more than {MOST_REASON:,}"]
    text_found = isinstance(value, str) and clean(value)
    return [] if text_found else [f"reason: {shown(value)} says nothing"]


def _decision(
    found: dict[str, Any], stock: StockContext, brief: AnalystRequest, analyst: str, model: str
) -> Decision:
    action = Action(found["action"])
    no_order = action is Action.HOLD
    return Decision(
        action=action,
        stock_code=stock.stock_code,
        stock_name=stock.stock_name,
        quantity=0 if no_order else found["quantity"],
        price=0 if no_order else found["price"],
        reason=clean(found["reason"]),
        confidence=float(found["confidence"]),
        risk_level=RiskLevel(found["risk_level"]),
        analyst=analyst,
        model=model,
        decided_at=brief.asof,
        reference_price=stock.quote.price,
    )


def _bare(name: str) -> str:
    return "".join(name.split()).casefold()


def shown(value: object) -> str:
    """A value as short text for a message; cheap for values of any type and size."""
    if not isinstance(value, str | int | float | None):
        return f"a {type(value).__name__}"
    if isinstance(value, int) and abs(value) > 10**_MOST_SHOWN:
        return "an absurdly long number"
    text = clean(repr(value[: 2 * _MOST_SHOWN] if isinstance(value, str) else value))
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"

"""How a panel of analysts votes: a quorum, a simple majority, and the mean confidence.

- Quorum: more than half of the panel's members must have answered on a stock; below it there is no
  decision on it. A member that fails is thus a lost vote, and the others must make up the quorum.
- Majority: the action that more than half of the votes cast name. Without one the panel holds.
- Confidence: the mean of those who voted with the majority. Size and price are those of one of
  them: the smallest quantity, the middle price; the risk is the highest that any of them saw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median_low
from typing import Any

from kt.records import Action, RiskLevel
from kt.rules.decision_validation import Pick

NO_OPINION = 0.5
"""The confidence of a HOLD that nobody voted for."""
_RISKS = tuple(RiskLevel)
"""From low to high."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One member's valid answer on one stock. `price` in won; 0 for HOLD."""

    voter: str
    action: Action
    quantity: int
    price: int
    confidence: float
    risk_level: RiskLevel
    reason: str

    def text(self) -> str:
        return f"{self.voter}: {self.action} {self.confidence:.2f}: {self.reason}"


def quorum(members: int) -> int:
    """How many of so many members must have answered: more than half."""
    return members // 2 + 1


def decided(votes: Sequence[Vote], members: int) -> dict[str, Any] | None:
    """The fields of the panel's decision on one stock; None without a quorum."""
    if len(votes) < quorum(members):
        return None
    action, count = Counter(vote.action for vote in votes).most_common(1)[0]
    if count * 2 <= len(votes):
        action = Action.HOLD
    with_it = [vote for vote in votes if vote.action is action]
    said = f"{len(with_it)} of {len(votes)} votes"
    if not with_it:
        return _fields(Action.HOLD, 0, 0, NO_OPINION, RiskLevel.HIGH, f"no majority ({said})")
    best = max(with_it, key=lambda vote: vote.confidence)
    return _fields(
        action,
        min(vote.quantity for vote in with_it),
        median_low(vote.price for vote in with_it),
        round(fmean(vote.confidence for vote in with_it), 4),
        max((vote.risk_level for vote in with_it), key=_RISKS.index),
        f"{said} ({', '.join(vote.voter for vote in with_it)}): {best.reason}",
    )


def _fields(
    action: Action, quantity: int, price: int, confidence: float, risk: RiskLevel, reason: str
) -> dict[str, Any]:
    return {
        "action": action.value,
        "quantity": quantity,
        "price": price,
        "confidence": confidence,
        "risk_level": risk.value,
        "reason": reason,
    }


def chosen(ballots: Mapping[str, Sequence[Pick]], count: int) -> list[dict[str, Any]]:
    """The shortlist of a panel: the stocks that more than half of the voters picked, those with
    more votes first, then those with the higher mean score. `ballots` are the picks by voter, of
    those who answered; an empty one is a vote for none."""
    by_code: dict[str, dict[str, Pick]] = {}
    for voter, picks in ballots.items():
        for pick in picks:
            by_code.setdefault(pick.stock_code, {})[voter] = pick
    won = [found for found in by_code.values() if len(found) * 2 > len(ballots)]
    won.sort(key=lambda found: (-len(found), -fmean(pick.score for pick in found.values())))
    return [_picked(found, len(ballots)) for found in won[:count]]


def _picked(found: Mapping[str, Pick], voters: int) -> dict[str, Any]:
    best = max(found.values(), key=lambda pick: pick.score)
    return {
        "stock_code": best.stock_code,
        "score": round(fmean(pick.score for pick in found.values()), 2),
        "reason": f"{len(found)} of {voters} ({', '.join(found)}): {best.reason}",
        "main_risk": best.risk,
    }

"""A panel's vote: quorum, majority, confidence, and the shortlist that most of them picked."""

from __future__ import annotations

import pytest

from kt.records import Action, RiskLevel
from kt.rules.decision_validation import Pick
from kt.rules.vote import Vote, chosen, decided, quorum


def vote(voter: str, action: str, confidence: float = 0.8, **more: object) -> Vote:
    fields = {"quantity": 10, "price": 70_000, "risk_level": RiskLevel.LOW, "reason": f"{voter}!"}
    return Vote(voter, Action(action), confidence=confidence, **(fields | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(("members", "needed"), [(2, 2), (3, 2), (4, 3), (5, 3)])
def test_the_quorum_is_more_than_half(members: int, needed: int) -> None:
    assert quorum(members) == needed
    votes = [vote(str(number), "BUY") for number in range(needed)]
    assert decided(votes, members)
    assert decided(votes[1:], members) is None


def test_the_majority_decides_with_its_own_mean_confidence() -> None:
    made = decided(
        [
            vote("a", "BUY", 0.7, quantity=10, price=70_200, risk_level=RiskLevel.MEDIUM),
            vote("b", "SELL", 0.99),
            vote("c", "BUY", 0.9, quantity=4, price=70_000),
        ],
        3,
    )
    assert made == {
        "action": "BUY",
        "quantity": 4,
        "price": 70_000,
        "confidence": 0.8,
        "risk_level": "MEDIUM",
        "reason": "2 of 3 votes (a, c): c!",
    }


@pytest.mark.parametrize(
    ("actions", "confidence", "reason"),
    [
        (("BUY", "SELL"), 0.5, "no majority (0 of 2 votes)"),
        (("BUY", "SELL", "HOLD"), 0.8, "1 of 3 votes (2): 2!"),
        (("BUY", "BUY", "SELL", "SELL"), 0.5, "no majority (0 of 4 votes)"),
    ],
)
def test_without_a_majority_the_panel_holds(
    actions: tuple[str, ...], confidence: float, reason: str
) -> None:
    votes = [vote(str(number), action) for number, action in enumerate(actions)]
    made = decided(votes, len(actions))
    assert made is not None
    assert (made["action"], made["confidence"], made["reason"]) == ("HOLD", confidence, reason)


def test_the_shortlist_is_what_more_than_half_picked() -> None:
    one, two, three = Pick("1", 60, "r1", "k1"), Pick("2", 90, "r2"), Pick("3", 50, "r3")
    ballots = {"a": [two, one], "b": [one, three], "c": [Pick("1", 90, "r4", "k4"), two]}
    assert [(found["stock_code"], found["score"]) for found in chosen(ballots, 5)] == [
        ("1", 70.0),
        ("2", 90.0),
    ]
    best = chosen(ballots, 1)
    assert [(f["reason"], f["main_risk"]) for f in best] == [("3 of 3 (a, b, c): r4", "k4")]
    assert chosen({"a": [one], "b": []}, 5) == []
    assert chosen({"a": [], "b": []}, 5) == []

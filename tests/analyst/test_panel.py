"""A panel of analysts: every member is asked and recorded, and the vote is one answer."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from kt.analyst.guarded import GuardedAnalyst
from kt.analyst.panel import PanelAnalyst
from kt.analyst.replay import Keyed
from kt.analyst.request_key import key_of
from kt.ports.patience import time_left, within
from kt.records import AdviceChoice, AdviceRequest, AnalystReply, Subject, Topic
from tests.analyst.make import CLOCK, T0, brief, candidate, falling, rising
from tests.fakes import ScriptedAnalyst, buy

CODE = "005930"


class Member(ScriptedAnalyst):
    """A scripted analyst with a name of its own."""

    def __init__(self, name: str, *answers: dict[str, dict[str, Any]], error: str = "") -> None:
        super().__init__(CLOCK, *answers)
        self.name = name  # type: ignore[misc]
        self.error = error
        self.left = 0.0

    def decide(self, *args: Any, **kwargs: Any) -> AnalystReply:
        self.left = time_left()
        return super().decide(*args, **kwargs)

    def decide_key(self, *question: Any) -> str:
        return key_of("decide", self.name, self.model, {}, question)

    def advice_key(self, *question: Any) -> str:
        return key_of("advice", self.name, self.model, {}, question)

    def shortlist_key(self, *question: Any) -> str:
        return key_of("shortlist", self.name, self.model, {}, question)


def panel(*members: Keyed) -> tuple[PanelAnalyst, list[AnalystReply]]:
    told: list[AnalystReply] = []
    return PanelAnalyst(members, CLOCK, told.append), told


def buys(confidence: float) -> dict[str, Any]:
    return {CODE: buy(71_000, 5, confidence=confidence)}


def test_two_of_three_outvote_the_third_whose_dissent_is_kept() -> None:
    voters = (Member("a", buys(0.7)), Member("b"), Member("c", buys(0.9)))
    asked, told = panel(*voters)
    reply = asked.decide(brief(rising(), falling()))
    first, second = reply.objects
    assert (first["action"], first["confidence"], first["quantity"]) == ("BUY", 0.8, 5)
    assert (second["action"], second["confidence"]) == ("HOLD", 0.9)
    assert reply.votes[CODE] == (
        "a:script-1: BUY 0.70: scripted",
        "b:script-1: HOLD 0.90: scripted",
        "c:script-1: BUY 0.90: scripted",
    )
    assert [one.analyst for one in told] == ["a", "b", "c"]
    assert (reply.analyst, reply.model) == ("panel", "a:script-1+b:script-1+c:script-1")
    assert (reply.cost_usd, reply.tokens_in, reply.error) == (0, 0, "")
    assert reply.key == asked.decide_key(brief(rising(), falling()))
    assert reply.key != asked.decide_key(brief(rising()))


def test_a_member_that_fails_is_a_lost_vote() -> None:
    gone = Member("b", error="auth: 403 leaked")
    asked, told = panel(Member("a", buys(0.7)), gone, Member("c", buys(0.9)))
    reply = asked.decide(brief(rising()))
    assert (reply.error, reply.objects[0]["reason"]) == (
        "",
        "2 of 2 votes (a:script-1, c:script-1): scripted",
    )
    assert [one.error for one in told] == ["", "auth: 403 leaked", ""]


def test_below_the_quorum_there_is_no_answer_and_the_failures_are_named() -> None:
    gone = [Member("b", error="timeout: no answer"), Member("c", error="quota: 429")]
    asked, _ = panel(Member("a", buys(0.7)), *gone)
    reply = asked.decide(brief(rising()))
    assert reply.objects == ()
    assert reply.error == (
        "timeout: 1 of 3 answered, 2 are needed: b:script-1: timeout: no answer; "
        "c:script-1: quota: 429"
    )
    assert asked.shortlist([candidate()], 5, T0).kind == "timeout"


def test_an_invalid_answer_is_no_vote_on_that_stock() -> None:
    wrong = Member("b", {CODE: buy(71_050, 5)})
    asked, _ = panel(Member("a", buys(0.7)), wrong)
    reply = asked.decide(brief(rising(), falling()))
    assert [found["stock_code"] for found in reply.objects] == ["000660"]
    assert reply.notes == ("005930: 1 of 2 votes, 2 are needed",)


def test_the_members_are_asked_at_the_same_time_and_within_the_callers_limit() -> None:
    members = [Member("a"), Member("b")]
    both = threading.Barrier(2, timeout=10)
    for member in members:
        member.block = type("Both", (), {"wait": lambda self, _: both.wait()})()
    asked, _ = panel(*members)
    with within(7):
        asked.decide(brief(rising()))
    assert all(0 < member.left <= 7 for member in members)


def test_what_a_member_raises_is_raised() -> None:
    broken = Member("b")
    broken.decide = lambda *args: 1 // 0  # type: ignore[method-assign]
    asked, _ = panel(Member("a"), broken)
    with pytest.raises(ZeroDivisionError):
        asked.decide(brief(rising()))


def test_the_panels_shortlist() -> None:
    first, second, third = Member("a"), Member("b"), Member("c")
    one, two = candidate(), candidate("000660", "SK하이닉스")
    first.picks = ({"stock_code": CODE, "score": 60, "reason": "x", "main_risk": "k"},)
    second.picks = ({"stock_code": CODE, "score": 80, "reason": "y"},)
    third.picks = ({"stock_code": "999999", "score": 80, "reason": "y"},)  # no ballot
    asked, told = panel(first, second, third)
    reply = asked.shortlist([one, two], 5, T0)
    assert [(found["stock_code"], found["score"]) for found in reply.objects] == [(CODE, 70.0)]
    assert len(told) == 3
    first.picks = second.picks = third.picks = ()
    assert (asked.shortlist([one], 5, T0).objects, reply.error) == ((), "")


def test_a_probe_asks_every_member() -> None:
    asked, told = panel(Member("a"), Member("b", error="auth: 401"))
    reply = asked.probe()
    assert reply is not None
    assert (reply.error, reply.model) == ("auth: b:script-1: 401", "a:script-1+b:script-1")
    assert told == []


def test_each_member_has_a_breaker_of_its_own() -> None:
    gone, calls = Member("b", error="auth: 401"), []
    guarded = GuardedAnalyst(gone, CLOCK, lambda since: calls)
    asked, told = panel(Member("a", buys(0.7)), guarded)
    asked.decide(brief(rising()))
    (failed,) = [one for one in told if one.error]
    calls.append(replace(failed, asked_at=CLOCK.now() - timedelta(seconds=1)))
    again = asked.decide(brief(rising()))
    assert again.error.startswith("paused: 1 of 2 answered, 2 are needed: b:script-1: paused: ")
    assert len(gone.briefs) == 1


def test_the_panel_votes_on_the_days_questions() -> None:
    """Two say HOLD, one SELL; without a majority there is no answer about the subject."""
    voters = (Member("a"), Member("b"), Member("c"))
    for voter, choice in zip(voters, ("HOLD", "SELL", "HOLD"), strict=True):
        voter.advice[CODE] = {"choice": choice, "reason": f"As {voter.name}."}
    choices = (AdviceChoice.SELL, AdviceChoice.HOLD)
    question = AdviceRequest(
        topic=Topic.PROFIT, asof=T0, subjects=(Subject(ref=CODE, choices=choices, price=77_500),)
    )
    asked, told = panel(*voters)
    reply = asked.advise(question)
    assert reply.objects == ({"ref": CODE, "choice": "HOLD", "price": 0, "reason": "As a."},)
    assert ([one.analyst for one in told], reply.purpose) == (["a", "b", "c"], "profit")
    assert reply.key == asked.advice_key(question)
    voters[2].error = "timeout: no answer within 10 s"
    assert asked.advise(question).objects == (), "one against one"

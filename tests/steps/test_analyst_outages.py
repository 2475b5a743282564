"""An analyst that does not answer is never treated as one that answered HOLD."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import inf
from time import sleep
from typing import Any

import pytest

from kt.analyst.guarded import GuardedAnalyst, SpendingBudget
from kt.analyst.rules import RulesAnalyst
from kt.config.model import AnalystConfig
from kt.engine.cycle import run_cycle
from kt.ports.patience import AskingTime, time_left
from kt.records import Action, AnalystReply, AnalystRequest, Decision, Provenance
from kt.steps import analyst_outages
from kt.steps.decide import analyze, collect
from tests.analyst.make import gemini
from tests.fakes import HYNIX, SAMSUNG, ScriptedAnalyst, World, buy
from tests.store.make import decision

GONE = "unavailable: 503 overloaded"


def abstained(error: str, **more: Any) -> Decision:
    values = {"provenance": Provenance.NONE, "faults": (error,), "analyst": "gemini"}
    return decision(action=Action.ABSTAIN, **(values | more))


def held(**more: Any) -> Decision:
    return decision(action=Action.HOLD, **({"analyst": "gemini"} | more))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ([], "no decisions"),
        ([held()], "1 decision by gemini: 1 HOLD"),
        ([held(), held()], "2 decisions by gemini, both HOLD"),
        (
            [held(), decision(analyst="gemini"), held(repairs=("x",))],
            "3 decisions by gemini: 1 BUY, 2 HOLD, 1 repaired",
        ),
        (
            [abstained("model: 404 model not found")] * 2,
            "2 decisions, both ABSTAIN because gemini has no such model: 404 model not found",
        ),
        (
            [abstained("unreachable: no route")] * 3,
            "3 decisions, all ABSTAIN because gemini could not be reached: no route",
        ),
        (
            [held(), abstained("price: 1 is not on the tick of 100")],
            "2 decisions by gemini: 1 HOLD, 1 ABSTAIN because gemini gave no answer that could be "
            "used: price: 1 is not on the tick of 100",
        ),
        (
            [
                held(analyst="rules", provenance=Provenance.FALLBACK, faults=("auth: 403 no",)),
                held(),
            ],
            "2 decisions by gemini, both HOLD, 1 by rules as the fallback because gemini refused "
            "the key: 403 no",
        ),
        (
            [held(analyst="rules", provenance=Provenance.FALLBACK, faults=("auth: 403 no",))] * 2,
            "2 decisions, both HOLD, 2 by rules as the fallback because gemini refused the key: "
            "403 no",
        ),
    ],
)
def test_the_summary_names_the_analysts_and_the_reason_for_a_missing_answer(
    made: list[Decision], words: str
) -> None:
    assert analyst_outages.summary(made, "gemini") == words


def ask(world: World) -> tuple[Decision, ...]:
    return analyze.analyze(world.ctx, collect.collect(world.ctx, (), [SAMSUNG, HYNIX]))


def guarded(world: World, budget: SpendingBudget | None = None, *, fallback: bool = False) -> None:
    inner: Any = world.analyst
    inner.decide_key = inner.shortlist_key = lambda *args: "key"
    rules = RulesAnalyst(world.clock) if fallback else None
    analyst = GuardedAnalyst(
        inner, world.clock, world.journal.analyst_calls, budget or SpendingBudget(), rules
    )
    world.ctx = world.context(analyst=analyst)


def test_the_owner_is_notified_once_of_a_series_of_failures(world: World) -> None:
    world.analyst.error = GONE
    for _ in range(5):
        ask(world)
    (told,) = world.notifier.told
    assert told[0] == "warning"
    assert "scripted does not answer" in told[1]
    assert "503 overloaded" in told[2] and "kt doctor" in told[2]
    world.analyst.error = ""
    ask(world)
    world.analyst.error = "auth: 403 leaked"
    ask(world)
    assert len(world.notifier.told) == 2
    assert "set a good one" in world.notifier.told[-1][2]


def test_after_three_failures_requests_pause_and_are_then_tried_again(world: World) -> None:
    guarded(world)
    world.analyst.error = GONE
    for _ in range(5):
        made = ask(world)
    assert len(world.analyst.briefs) == 3
    assert made[0].faults[0].startswith("paused: until 10:01:00, after 3 failures, the last: ")
    assert "is not asked for a while" in analyst_outages.summary(made, "scripted")
    world.clock.advance(60)
    ask(world)
    ask(world)
    assert len(world.analyst.briefs) == 4, "one try after the pause, and it failed"
    world.clock.advance(120)
    world.analyst.error = ""
    assert [made.action for made in ask(world)] == [Action.HOLD, Action.HOLD]
    assert [made.action for made in ask(world)] == [Action.HOLD, Action.HOLD]


def test_an_answered_probe_closes_the_breaker(world: World) -> None:
    guarded(world)
    world.analyst.error = "auth: 403 leaked"
    ask(world)
    world.analyst.error = ""
    assert {made.action for made in ask(world)} == {Action.ABSTAIN}
    answer = world.ctx.analyst.probe()
    assert isinstance(answer, AnalystReply)
    world.journal.answer("", answer)
    assert {made.action for made in ask(world)} == {Action.HOLD}


def test_a_spent_budget_stops_requests_until_the_next_day(world: World) -> None:
    world.analyst.tokens = 600
    guarded(world, SpendingBudget(tokens=1_000))
    for _ in range(2):
        assert {made.action for made in ask(world)} == {Action.HOLD}
    made = ask(world)
    assert made[0].faults == ("budget: 1,200 of 1,000 tokens a day (analyst.budget_tokens)",)
    world.clock.advance(24 * 3600)
    assert {made.action for made in ask(world)} == {Action.HOLD}
    world.analyst.cost = 0.02
    guarded(world, SpendingBudget(usd=0.01))
    ask(world)
    assert "budget: $0.0200 of $0.0100 a day" in ask(world)[0].faults[0]


def test_the_fallback_decides_the_remaining_stocks_and_is_named(world: World) -> None:
    guarded(world, fallback=True)
    world.analyst.answers = [{SAMSUNG: buy(), HYNIX: buy(price=1)}]
    own, other = ask(world)
    assert (own.analyst, own.provenance) == ("scripted", Provenance.OWN)
    assert (other.analyst, other.provenance) == ("rules", Provenance.FALLBACK)
    assert other.faults and other.action is not Action.ABSTAIN


def test_the_analysts_health_comes_from_the_journal(world: World) -> None:
    guarded(world)
    world.analyst.error = "model: 404 gone"
    ask(world)
    ask(world)
    found = analyst_outages.health(world.journal, world.ctx.analyst, world.clock.now())
    assert (found.asked, found.failed, found.error) == (1, 1, "model: 404 gone")
    assert found.paused_until is not None


def test_the_requests_of_a_cycle_share_one_time_limit(world: World) -> None:
    """Shortlist, decisions and retry together; the time between them does not count."""
    given: list[float] = []
    slow = 0.3

    class Slow(ScriptedAnalyst):
        def decide(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> AnalystReply:
            given.append(time_left())
            sleep(slow)
            return super().decide(brief, faults)

        def shortlist(self, *asked: Any) -> AnalystReply:
            given.append(time_left())
            sleep(slow)
            return super().shortlist(*asked)

    ctx = world.context(analyst=Slow(world.clock, {SAMSUNG: {"price": 1, "action": "BUY"}}))
    ctx = replace(ctx, config=world.configure(analyst=AnalystConfig(cycle_timeout=10)).config)
    run_cycle(ctx)
    assert len(given) == 3
    for earlier, later in pairwise(given):
        assert later == pytest.approx(earlier - slow, abs=0.15)
    assert given[0] == pytest.approx(10, abs=0.1)
    assert time_left() == inf


def test_without_time_left_a_model_is_not_asked(world: World) -> None:
    time = AskingTime(0.5)
    world.ctx = world.context(analyst=gemini("http://127.0.0.1:9"))
    brief = collect.collect(world.ctx, (), [SAMSUNG])
    (made,) = analyze.analyze(world.ctx, brief, time)
    assert made.faults[0].startswith("late: the time for these questions is used up")
    assert world.notifier.told == [], "it says nothing about the analyst"
    found = analyst_outages.health(world.journal, world.ctx.analyst, world.clock.now())
    assert (found.asked, found.failed) == (0, 0)

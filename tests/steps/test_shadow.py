"""A shadow is asked about the same briefs: its decisions are scored, never ordered, and delay
nobody."""

from __future__ import annotations

import threading
from typing import Any

from kt.analyst.shadow import Background, ShadowedAnalyst
from kt.errors import JournalError
from kt.records import Action, Provenance
from kt.rules import analyst_scores
from kt.steps.decide import analyze, collect, decision_scoring, shadow
from kt.steps.risk import check
from tests.fakes import HYNIX, SAMSUNG, ScriptedAnalyst, World, buy


def shadowed(world: World, **answers: Any) -> tuple[Any, ScriptedAnalyst, Background]:
    other = ScriptedAnalyst(world.clock, answers)
    other.name, other.model = "shady", "shady-1"  # type: ignore[misc]
    background = Background()
    told = lambda *answered: shadow.record(ctx, *answered)  # noqa: E731
    world.analyst.decide_key = lambda brief: "the question"  # type: ignore[attr-defined]
    main = ShadowedAnalyst(world.analyst, other, background, told)  # type: ignore[arg-type]
    ctx = world.context(analyst=main)
    return ctx, other, background


def test_its_decisions_are_journaled_as_a_shadows_and_never_ordered(world: World) -> None:
    ctx, other, background = shadowed(world, **{SAMSUNG: buy(confidence=0.95)})
    request = collect.collect(ctx, (), (SAMSUNG, HYNIX))
    decisions = analyze.analyze(ctx, request)
    background.wait()
    assert [d.action for d in decisions] == [Action.HOLD, Action.HOLD]
    assert other.briefs == world.analyst.briefs == [request]

    today = ctx.clock.now().date()
    assert {d.analyst for d in world.journal.decisions_of(today)} == {"scripted"}
    world.clock.advance(3700)
    kept = world.journal.open_decisions(ctx.clock.now())
    by_shadow = [d for d in kept if d.provenance is Provenance.SHADOW]
    assert [(d.analyst, d.model, d.action) for d in by_shadow] == [
        ("shady", "shady-1", Action.BUY),
        ("shady", "shady-1", Action.HOLD),
    ]
    assert not any(d.provenance.own for d in by_shadow)
    assert all(d.decision_id and d.data_at for d in by_shadow)
    assert {(d.question_key, d.held) for d in by_shadow} == {("the question", 0)}
    assert {d.analyst for d in kept if d.provenance.own} == {"scripted"}
    calls = world.journal.analyst_calls(request.asof)
    assert [call.analyst for call in calls].count("shady") == 1

    decision_scoring.learn(ctx)
    judged = world.journal.outcomes()
    assert {(o.analyst, o.entry.value, o.counts) for o in judged if o.by_shadow} == {
        ("shady", "none", True)
    }
    rows = analyst_scores.scores(judged)
    assert {row.analyst for row in rows} == {"scripted", "shady (shadow)"}
    other_ctx = world.context(analyst=other)
    assert decision_scoring.lessons(ctx) != ""
    assert decision_scoring.lessons(other_ctx) == ""
    assert check.check(ctx, by_shadow) == ()
    assert world.broker.sent == []


def test_it_delays_nobody(world: World) -> None:
    ctx, other, background = shadowed(world)
    other.block = threading.Event()
    request = collect.collect(ctx, (), (SAMSUNG,))
    assert len(analyze.analyze(ctx, request)) == 1
    other.block.set()
    background.wait()


def test_it_is_asked_once_although_the_answer_had_faults(world: World) -> None:
    ctx, other, background = shadowed(world)
    world.analyst.answers = [{SAMSUNG: buy(price=70_050)}]
    analyze.analyze(ctx, collect.collect(ctx, (), (SAMSUNG,)))
    background.wait()
    assert (len(world.analyst.briefs), len(other.briefs)) == (2, 1)


def test_what_it_answers_badly_is_no_decision(world: World) -> None:
    ctx, other, background = shadowed(world, **{SAMSUNG: buy(price=70_050)})
    other.error = ""
    analyze.analyze(ctx, collect.collect(ctx, (), (SAMSUNG,)))
    other.error = "auth: 401"
    analyze.analyze(ctx, collect.collect(ctx, (), (SAMSUNG,)))
    background.wait()
    assert len(other.briefs) == 2
    made = world.journal.events(kinds=["decision"], limit=100)
    assert {row["provenance"] for row in made} == {"own"}


def test_a_journal_that_fails_is_none_of_its_business(world: World) -> None:
    def broken(*_: object) -> None:
        raise JournalError("full")

    ctx, other, _ = shadowed(world)
    request = collect.collect(ctx, (), (SAMSUNG,))
    reply = other.decide(request)
    world.journal.answer = broken  # type: ignore[method-assign]
    shadow.record(ctx, request, "key", reply)

"""A replay answers from the journal alone and sends no request."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from kt.analyst.replay import ReplayAnalyst
from kt.analyst.rules import RulesAnalyst
from kt.errors import KtError
from kt.ports import Analyst
from kt.records import AnalystReply, Decision
from kt.steps.decide import analyze, collect
from kt.store.journal import SqliteJournal
from tests.analyst.make import CLOCK, T0, brief, candidate, gemini, model, rising
from tests.analyst.provider import DECISION, OTHER, objects, providing, says
from tests.fakes import HYNIX, SAMSUNG, World


class Kept(dict[str, AnalystReply]):
    """Answers by key."""

    def find_answer(self, key: str) -> AnalystReply | None:
        return self.get(key)


def test_a_replay_gives_the_recorded_answer(tmp_path: Path) -> None:
    original = RulesAnalyst(CLOCK)
    decided = original.decide(brief(rising()))
    listed = original.shortlist([candidate()], 1, T0)
    path, flag = tmp_path / "kt.db", tmp_path / "halt.json"
    with SqliteJournal(path, CLOCK, flag, "sim") as journal:
        journal.answer("R1", decided)
        journal.answer("R1", listed)
    with SqliteJournal(path, CLOCK, flag, "sim") as journal:
        replay: Analyst = ReplayAnalyst(journal, RulesAnalyst(CLOCK))
        assert replay.decide(brief(rising())) == decided
        assert replay.shortlist([candidate()], 1, T0) == listed
        assert (replay.name, replay.model) == ("rules", "rules-2")


def test_input_without_a_recorded_answer_is_an_error() -> None:
    replay = ReplayAnalyst(Kept(), RulesAnalyst(CLOCK))
    with pytest.raises(KtError, match="no answer to this decide question") as missed:
        replay.decide(brief(rising()))
    assert missed.value.code == "REPLAY_MISS"
    with pytest.raises(KtError, match="shortlist"):
        replay.shortlist([candidate()], 1, T0)


def test_another_model_or_fault_has_no_recorded_answer() -> None:
    asked = gemini(model="gemini-2.5-flash", key="")
    answer = RulesAnalyst(CLOCK).decide(brief(rising()))
    kept = Kept({asked.decide_key(brief(rising())): answer})
    assert ReplayAnalyst(kept, asked).decide(brief(rising())) == answer
    with pytest.raises(KtError):
        ReplayAnalyst(kept, asked).decide(brief(rising()), ["a fault"])
    other = gemini(model="gemini-2.5-pro", key="")
    with pytest.raises(KtError):
        ReplayAnalyst(kept, other).decide(brief(rising()))


def test_a_models_decisions_are_replayed_with_their_retry(world: World) -> None:
    """The first answer had one bad object: the second question is found by its own key."""
    bad = objects(DECISION | {"price": 70_000}, OTHER | {"action": "BUY", "price": 1})
    with providing(says(bad), says(objects(OTHER | {"price": 0, "quantity": 0}))) as fake:
        ctx = world.context(analyst=model("openai", fake.url))
        question = collect.collect(ctx, (), [SAMSUNG, HYNIX])
        first = analyze.analyze(ctx, question)
    assert [made.action for made in first] == ["BUY", "HOLD"]
    ((kept, answer),) = world.journal.questions(ctx.run)
    assert (kept.request, answer.raw) == (question, bad)
    world.clock.advance(3600)
    replay = world.context(analyst=ReplayAnalyst(world.journal, model("openai", fake.url)))
    again = analyze.analyze(replay, kept.request, replayed=kept.kinds)
    assert [told(made) for made in again] == [told(made) for made in first]


def told(made: Decision) -> Decision:
    return replace(made, decision_id="", decided_at=None)

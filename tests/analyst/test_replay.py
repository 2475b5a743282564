"""A replay answers from the journal, asks nobody, and makes nothing up."""

from __future__ import annotations

from pathlib import Path

import pytest

from kt.analyst.replay import ReplayAnalyst
from kt.analyst.rules import RulesAnalyst
from kt.errors import KtError
from kt.ports import Analyst
from kt.records import AnalystReply
from kt.store.journal import SqliteJournal
from tests.analyst.make import CLOCK, T0, brief, candidate, gemini, rising


class Kept(dict[str, AnalystReply]):
    """Answers by key."""

    def find_answer(self, key: str) -> AnalystReply | None:
        return self.get(key)


def test_a_replay_gives_what_was_answered(tmp_path: Path) -> None:
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
        assert (replay.name, replay.model) == ("rules", "rules-1")


def test_a_miss_is_an_error() -> None:
    replay = ReplayAnalyst(Kept(), RulesAnalyst(CLOCK))
    with pytest.raises(KtError, match="no answer to this decide question") as missed:
        replay.decide(brief(rising()))
    assert missed.value.code == "REPLAY_MISS"
    with pytest.raises(KtError, match="shortlist"):
        replay.shortlist([candidate()], 1, T0)


def test_another_model_or_another_fault_is_a_miss() -> None:
    asked = gemini(model="gemini-2.5-flash", key="")
    answer = RulesAnalyst(CLOCK).decide(brief(rising()))
    kept = Kept({asked.decide_key(brief(rising())): answer})
    assert ReplayAnalyst(kept, asked).decide(brief(rising())) == answer
    with pytest.raises(KtError):
        ReplayAnalyst(kept, asked).decide(brief(rising()), ["a fault"])
    other = gemini(model="gemini-2.5-pro", key="")
    with pytest.raises(KtError):
        ReplayAnalyst(kept, other).decide(brief(rising()))

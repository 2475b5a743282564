"""Answers from the journal instead of a model: the recorded answer to the same input."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec.structs import replace

from kt.analyst.reading import read_text
from kt.errors import KtError
from kt.ports import Analyst
from kt.records import AdviceRequest, AnalystReply, AnalystRequest, Candidate, PromptPreview


class FindsAnswers(Protocol):
    """The part of the journal that a replay needs."""

    def find_answer(self, key: str) -> AnalystReply | None: ...


class Keyed(Analyst, Protocol):
    """An analyst that can compute the key of a request without sending it."""

    def decide_key(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> str: ...
    def shortlist_key(self, candidates: Sequence[Candidate], count: int, asof: datetime) -> str: ...
    def advice_key(self, request: AdviceRequest, faults: Sequence[str] = ()) -> str: ...


class ReplayAnalyst:
    """Implements ports.Analyst from recorded answers.

    `original` is the analyst that gave them, with its model and parameters; it only computes
    keys and is not asked. Raises KtError (REPLAY_MISS) for input that has no recorded answer.
    """

    def __init__(self, journal: FindsAnswers, original: Keyed) -> None:
        self._journal = journal
        self._original = original
        self.fallback = original.fallback

    @property
    def name(self) -> str:
        return self._original.name

    @property
    def model(self) -> str:
        return self._original.model

    def decide(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> AnalystReply:
        return self._find("decide", self._original.decide_key(brief, faults))

    def shortlist(
        self, candidates: Sequence[Candidate], count: int, asof: datetime
    ) -> AnalystReply:
        return self._find("shortlist", self._original.shortlist_key(candidates, count, asof))

    def advise(self, request: AdviceRequest, faults: Sequence[str] = ()) -> AnalystReply:
        return self._find(request.topic.value, self._original.advice_key(request, faults))

    def preview(self, brief: AnalystRequest) -> PromptPreview | None:
        return self._original.preview(brief)

    def probe(self) -> AnalystReply | None:
        """None: a replay sends no request."""
        return None

    def _find(self, purpose: str, key: str) -> AnalystReply:
        answer = self._journal.find_answer(key)
        if answer is None:
            raise KtError(
                f"the replay has no answer to this {purpose} question "
                f"({self.name}, {self.model}, key {key[:12]}…)",
                hint="the journal has only what was asked: the same data, analyst, model, "
                "temperature, language and version of the instructions",
                code="REPLAY_MISS",
            )
        return replace(answer, objects=read_text(answer.raw).objects) if answer.raw else answer

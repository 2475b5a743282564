"""The base of analysts that stand before another one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

from kt.ports import Analyst
from kt.records import AdviceRequest, AnalystReply, AnalystRequest, Candidate, PromptPreview


class DelegatingAnalyst(ABC):
    """Implements ports.Analyst by `_inner`; a subclass overrides what it does otherwise."""

    @property
    @abstractmethod
    def _inner(self) -> Analyst: ...

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def model(self) -> str:
        return self._inner.model

    @property
    def fallback(self) -> Analyst | None:
        return self._inner.fallback

    def decide(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> AnalystReply:
        return self._inner.decide(brief, faults)

    def shortlist(
        self, candidates: Sequence[Candidate], count: int, asof: datetime
    ) -> AnalystReply:
        return self._inner.shortlist(candidates, count, asof)

    def advise(self, request: AdviceRequest, faults: Sequence[str] = ()) -> AnalystReply:
        return self._inner.advise(request, faults)

    def preview(self, brief: AnalystRequest) -> PromptPreview | None:
        return self._inner.preview(brief)

    def probe(self) -> AnalystReply | None:
        return self._inner.probe()

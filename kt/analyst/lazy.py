"""An analyst that is built on first use: a command that decides nothing needs no configuration
of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property

from kt.ports import Analyst
from kt.records import AdviceRequest, AnalystReply, AnalystRequest, Candidate, PromptPreview


class DeferredAnalyst:
    """Implements ports.Analyst; every use raises what `choose` raises (ConfigError)."""

    def __init__(self, choose: Callable[[], Analyst]) -> None:
        self._choose = choose

    @cached_property
    def _chosen(self) -> Analyst:
        return self._choose()

    @property
    def name(self) -> str:
        return self._chosen.name

    @property
    def model(self) -> str:
        return self._chosen.model

    @property
    def fallback(self) -> Analyst | None:
        return self._chosen.fallback

    def decide(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> AnalystReply:
        return self._chosen.decide(brief, faults)

    def shortlist(
        self, candidates: Sequence[Candidate], count: int, asof: datetime
    ) -> AnalystReply:
        return self._chosen.shortlist(candidates, count, asof)

    def advise(self, request: AdviceRequest, faults: Sequence[str] = ()) -> AnalystReply:
        return self._chosen.advise(request, faults)

    def preview(self, brief: AnalystRequest) -> PromptPreview | None:
        return self._chosen.preview(brief)

    def probe(self) -> AnalystReply | None:
        return self._chosen.probe()

"""The analyst of a recorded run, and the one that a replay asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from kt.analyst.delegating import DelegatingAnalyst
from kt.analyst.rules import RulesAnalyst
from kt.ports import Analyst
from kt.records import AdviceRequest, AnalystReply, AnalystRequest, Candidate, PromptPreview

About = tuple[str, ...]
Keep = Callable[[str, About, AnalystReply], None]
"""Takes the purpose of a question, the stocks or subjects it was about, and the reply."""
Find = Callable[[str, About], AnalystReply | None]
"""The recorded reply to such a question, at the time at which it arrived then; None when there is
none."""
NOT_RECORDED = "replay: the recording has no reply to this question"


class RecordedAnalyst(DelegatingAnalyst):
    """Another analyst, whose replies are kept."""

    def __init__(self, asked: Analyst, keep: Keep) -> None:
        self._asked = asked
        self._keep = keep

    @property
    def _inner(self) -> Analyst:
        return self._asked

    def decide(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> AnalystReply:
        return self._kept("decide", _stocks(brief), super().decide(brief, faults))

    def shortlist(
        self, candidates: Sequence[Candidate], count: int, asof: datetime
    ) -> AnalystReply:
        reply = super().shortlist(candidates, count, asof)
        return self._kept("shortlist", _candidates(candidates), reply)

    def advise(self, request: AdviceRequest, faults: Sequence[str] = ()) -> AnalystReply:
        return self._kept(request.topic.value, _subjects(request), super().advise(request, faults))

    def _kept(self, purpose: str, about: About, reply: AnalystReply) -> AnalystReply:
        self._keep(purpose, about, reply)
        return reply


class ReplayedAnalyst:
    """Implements ports.Analyst. A model's replies are the recorded ones; the rules are asked again
    where they decided, and reply when they did then. A question that was not asked then has no
    reply, and buys nothing."""

    def __init__(self, name: str, model: str, rules: RulesAnalyst, find: Find) -> None:
        self.name = name
        self.model = model
        self._rules = rules
        self._find = find
        self._by_rules = name == rules.name

    @property
    def fallback(self) -> Analyst | None:
        return None

    def decide(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> AnalystReply:
        again = self._rules.decide(brief, faults) if self._by_rules else None
        return self._replayed("decide", _stocks(brief), again, brief.asof)

    def shortlist(
        self, candidates: Sequence[Candidate], count: int, asof: datetime
    ) -> AnalystReply:
        again = self._rules.shortlist(candidates, count, asof) if self._by_rules else None
        return self._replayed("shortlist", _candidates(candidates), again, asof)

    def advise(self, request: AdviceRequest, faults: Sequence[str] = ()) -> AnalystReply:
        again = self._rules.advise(request, faults) if self._by_rules else None
        return self._replayed(request.topic.value, _subjects(request), again, request.asof)

    def preview(self, brief: AnalystRequest) -> PromptPreview | None:
        return None

    def probe(self) -> AnalystReply | None:
        return None

    def _replayed(
        self, purpose: str, about: About, again: AnalystReply | None, asof: datetime
    ) -> AnalystReply:
        """The recorded reply, or `again` when the recorded one came."""
        recorded = self._find(purpose, about)
        return (
            again
            or recorded
            or AnalystReply(
                key="",
                purpose=purpose,
                analyst=self.name,
                model=self.model,
                objects=(),
                raw="",
                prompt="",
                parameters={},
                asked_at=asof,
                data_at=asof,
                latency_ms=0,
                error=NOT_RECORDED,
            )
        )


def _stocks(brief: AnalystRequest) -> About:
    return tuple(stock.stock_code for stock in brief.stocks)


def _candidates(candidates: Sequence[Candidate]) -> About:
    return tuple(candidate.stock_code for candidate in candidates)


def _subjects(request: AdviceRequest) -> About:
    return tuple(subject.ref for subject in request.subjects)

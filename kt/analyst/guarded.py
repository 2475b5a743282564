"""An analyst behind a circuit breaker and a daily budget: while the breaker is open or the budget
is spent, it is not asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time

from kt.analyst.delegating import DelegatingAnalyst
from kt.analyst.replay import Keyed
from kt.ports import Analyst, Clock
from kt.records import (
    WITHHELD,
    AdviceRequest,
    AnalystCall,
    AnalystReply,
    AnalystRequest,
    Candidate,
)
from kt.rules import breaker
from kt.rules.freshness import newest, stocks_of

Calls = Callable[[datetime], Sequence[AnalystCall]]
"""Reads the requests to analysts since a time from the journal, oldest first."""


@dataclass(frozen=True, slots=True)
class SpendingBudget:
    """What a day's requests may cost at most, in dollars and in tokens; 0 is no limit."""

    usd: float = 0.0
    tokens: int = 0

    def spent(self, calls: Sequence[AnalystCall]) -> str:
        """Which of the two limits is reached, as text; empty while neither is."""
        usd = sum(call.cost_usd for call in calls)
        tokens = sum(call.tokens_in + call.tokens_out for call in calls)
        if self.usd and usd >= self.usd:
            return f"${usd:.4f} of ${self.usd:.4f} a day (analyst.budget_usd)"
        if self.tokens and tokens >= self.tokens:
            return f"{tokens:,} of {self.tokens:,} tokens a day (analyst.budget_tokens)"
        return ""


class GuardedAnalyst(DelegatingAnalyst):
    """Around another analyst; `fallback` is the one to ask instead."""

    def __init__(
        self,
        inner: Keyed,
        clock: Clock,
        calls: Calls,
        budget: SpendingBudget = SpendingBudget(),  # frozen
        fallback: Analyst | None = None,
    ) -> None:
        self._guarded = inner
        self._clock = clock
        self._calls = calls
        self._budget = budget
        self._fallback = fallback

    @property
    def _inner(self) -> Keyed:
        return self._guarded

    @property
    def fallback(self) -> Analyst | None:
        return self._fallback

    def decide(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> AnalystReply:
        error = self._withheld_because()
        if not error:
            return self._inner.decide(brief, faults)
        key = self._inner.decide_key(brief, faults)
        return self._withheld("decide", key, newest(brief.stocks, brief.asof), error)

    def shortlist(
        self, candidates: Sequence[Candidate], count: int, asof: datetime
    ) -> AnalystReply:
        error = self._withheld_because()
        if not error:
            return self._inner.shortlist(candidates, count, asof)
        key = self._inner.shortlist_key(candidates, count, asof)
        return self._withheld("shortlist", key, asof, error)

    def advise(self, request: AdviceRequest, faults: Sequence[str] = ()) -> AnalystReply:
        error = self._withheld_because()
        if not error:
            return self._inner.advise(request, faults)
        key = self._inner.advice_key(request, faults)
        data_at = newest(stocks_of(request), request.asof)
        return self._withheld(request.topic.value, key, data_at, error)

    def decide_key(self, brief: AnalystRequest, faults: Sequence[str] = ()) -> str:
        return self._inner.decide_key(brief, faults)

    def shortlist_key(self, candidates: Sequence[Candidate], count: int, asof: datetime) -> str:
        return self._inner.shortlist_key(candidates, count, asof)

    def advice_key(self, request: AdviceRequest, faults: Sequence[str] = ()) -> str:
        return self._inner.advice_key(request, faults)

    def _withheld_because(self) -> str:
        now = self._clock.now()
        calls = self._calls(now - breaker.LOOK_BACK)
        failed = breaker.streak(calls, self.name, self.model)
        until = breaker.paused_until(failed, now)
        if until is not None:
            return f"paused: until {until:%H:%M:%S}, after {_times(failed)} {failed[-1].error}"
        midnight = datetime.combine(now.date(), time(), now.tzinfo)
        spent = self._budget.spent([call for call in calls if call.asked_at >= midnight])
        return f"budget: {spent}" if spent else ""

    def _withheld(self, purpose: str, key: str, data_at: datetime, error: str) -> AnalystReply:
        assert error.partition(":")[0] in WITHHELD
        return AnalystReply(
            key=key,
            purpose=purpose,
            analyst=self.name,
            model=self.model,
            asked_model=self.model,
            objects=(),
            raw="",
            prompt="",
            parameters={},
            asked_at=self._clock.now(),
            data_at=data_at,
            latency_ms=0,
            error=error,
            attempts=0,
        )


def _times(failed: Sequence[AnalystCall]) -> str:
    return "one failure:" if len(failed) == 1 else f"{len(failed)} failures, the last:"

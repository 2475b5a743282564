"""Failed requests to the analyst: journaled, reported to the owner, and named in summaries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kt.ports import Analyst, RunLog
from kt.ports.patience import AskingTime
from kt.records import (
    FAILURES,
    WITHHELD,
    Action,
    AnalystReply,
    Decision,
    JournaledQuestion,
    Provenance,
)
from kt.rules import breaker
from kt.steps.context import Context
from kt.steps.notices import notify

_DESCRIPTIONS = {
    "auth": "refused the key",
    "unreachable": "could not be reached",
    "unavailable": "had a fault",
    "timeout": "did not answer in time",
    "model": "has no such model",
    "quota": "took no more requests",
    "blocked": "refused to answer",
    "reply": "gave no answer that can be read",
    "request": "refused the request",
    "paused": "is not asked for a while",
    "budget": "is not asked: the budget is spent",
    "late": "was not asked in time",
    "defect": "could not be asked",
}


def asking_time(ctx: Context) -> AskingTime:
    """The time limit for all requests to the analyst in one cycle or one command."""
    return AskingTime(ctx.config.analyst.cycle_timeout)


def record_answer(
    ctx: Context, answer: AnalystReply, question: JournaledQuestion | None = None
) -> None:
    """Journal an analyst's answer; notify the owner when its failure opens the circuit breaker
    (`rules/breaker.py`)."""
    ctx.journal.answer(ctx.run, answer, question)
    if not answer.error or answer.kind in WITHHELD:
        return
    calls = ctx.journal.analyst_calls(ctx.clock.now() - breaker.LOOK_BACK)
    if breaker.opens_now(breaker.streak(calls, answer.analyst, answer.asked_model)):
        text = f"{answer.error}. {FAILURES.get(answer.kind, '')} `kt doctor` asks it at once."
        notify(ctx, "warning", f"kt: {answer.analyst} does not answer", text)


@dataclass(frozen=True, slots=True)
class Health:
    """Today's requests to the analyst; `usd` and `tokens` are the totals."""

    asked: int
    failed: int
    tokens: int
    usd: float
    error: str
    """The error of the newest request; empty when it was answered or there was none."""
    paused_until: datetime | None


def health(journal: RunLog, analyst: Analyst, now: datetime) -> Health:
    """The analyst's state, from the journal: it covers all processes of this profile."""
    calls = journal.analyst_calls(now - breaker.LOOK_BACK)
    today = [call for call in calls if call.asked_at.date() == now.date()]
    sent = [call for call in today if call.kind not in WITHHELD]
    failed = breaker.streak(calls, analyst.name, analyst.model)
    return Health(
        asked=len(sent),
        failed=sum(bool(call.error) for call in sent),
        tokens=sum(call.tokens_in + call.tokens_out for call in sent),
        usd=sum(call.cost_usd for call in sent),
        error=failed[-1].error if failed else "",
        paused_until=breaker.paused_until(failed, now),
    )


def summary(decisions: Sequence[Decision], analyst: str) -> str:
    """`3 decisions by gemini: 1 BUY, 2 HOLD`, with the reason when the analyst did not answer.
    `analyst` is the name of the one that was asked first."""
    if not decisions:
        return "no decisions"
    own = [d for d in decisions if d.provenance.own]
    names = sorted({d.analyst for d in own if d.analyst})
    noun = "decision" if len(decisions) == 1 else "decisions"
    said = f"{len(decisions)} {noun}" + (f" by {', '.join(names)}" if names else "")
    return said + _counts(decisions) + _labels(decisions, own) + _why(decisions, analyst)


def _counts(decisions: Sequence[Decision]) -> str:
    counts = Counter(decision.action for decision in decisions)
    if len(counts) == 1 and len(decisions) > 1:
        return f", {'both' if len(decisions) == 2 else 'all'} {decisions[0].action}"
    return ": " + ", ".join(f"{counts[action]} {action}" for action in Action if counts[action])


def _labels(decisions: Sequence[Decision], own: Sequence[Decision]) -> str:
    """How many decisions were repaired, and how many the fallback made."""
    repaired = sum(bool(d.repairs) for d in own)
    by_fallback = [d for d in decisions if d.provenance is Provenance.FALLBACK]
    said = f", {repaired} repaired" if repaired else ""
    return said + (
        f", {len(by_fallback)} by {by_fallback[0].analyst} as the fallback" if by_fallback else ""
    )


def _why(decisions: Sequence[Decision], analyst: str) -> str:
    """Why some are not the analyst's own decisions."""
    unanswered = [d for d in decisions if not d.provenance.own]
    if not unanswered:
        return ""
    first = unanswered[0]
    return f" because {why(analyst, first.faults[0] if first.faults else '')}"


def why(analyst: str, fault: str) -> str:
    """What an analyst did instead of answering; `fault` is `kind: text`, or the text alone."""
    kind, _, words = fault.partition(": ")
    if kind in _DESCRIPTIONS:
        return f"{analyst} {_DESCRIPTIONS[kind]}: {words}"
    return f"{analyst} gave no answer that could be used: {fault or 'none came'}"

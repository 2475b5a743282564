"""Asks the analyst one of the trading day's questions: its answer, one retry about its faults, the
fallback analyst, and else the configured answer for silence.

Every answer is a row of `ai_calls`, every choice a row of `advice`. No stop-loss waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from kt.errors import AuthError, JournalError, KtError
from kt.ports import Analyst
from kt.ports.patience import AskingTime
from kt.records import (
    Advice,
    AdviceChoice,
    AdviceRequest,
    AnalystReply,
    Provenance,
    Subject,
)
from kt.rules.advice_validation import ValidAdvice, judge_advice
from kt.rules.repair import repaired
from kt.steps import analyst_outages
from kt.steps.context import Context
from kt.steps.fan_out import note_error


@dataclass(slots=True)
class _OpenQuestion:
    """The answers so far and the faults of the rest, by subject."""

    request: AdviceRequest
    time: AskingTime
    good: dict[str, Advice] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)

    def left(self) -> AdviceRequest:
        """The question, limited to the subjects without an answer."""
        open_ones = (one for one in self.request.subjects if one.ref not in self.good)
        return replace(self.request, subjects=tuple(open_ones))


def advise(
    ctx: Context,
    request: AdviceRequest,
    silence: Mapping[str, AdviceChoice],
    time: AskingTime,
) -> dict[str, Advice]:
    """An answer for every subject, by its `ref`, journaled. Without subjects nobody is asked.
    `silence` has the choice for each subject that nobody answers about; `time` is what is left of
    the question's deadline.

    Raises AuthError and JournalError; any other failure counts as silence and is journaled.
    """
    if not request.subjects:
        return {}
    found = _OpenQuestion(request, time)
    _ask_everybody(ctx, found)
    for subject in found.left().subjects:
        found.good[subject.ref] = _silent(ctx, found, subject, silence[subject.ref])
    answers = {subject.ref: found.good[subject.ref] for subject in request.subjects}
    ctx.journal.advice(ctx.run, tuple(answers.values()))
    return answers


def _ask_everybody(ctx: Context, found: _OpenQuestion) -> None:
    try:
        first = _ask(ctx, ctx.analyst, found, found.request)
        retry = found.left()
        if retry.subjects and first.kind in ("", "reply"):
            named = tuple(f"{ref}: {fault}" for ref, fault in found.faults.items())
            _ask(ctx, ctx.analyst, found, retry, (first.error,) if first.error else named)
        fallback, rest = ctx.analyst.fallback, found.left()
        if fallback is not None and rest.subjects:
            _ask(ctx, fallback, found, rest, fallback=True)
    except (AuthError, JournalError):
        raise
    except KtError as failure:  # no recorded answer in a replay, or an invalid configuration
        note_error(ctx, f"advice.{found.request.topic}", failure)
        for subject in found.left().subjects:
            found.faults[subject.ref] = str(failure)


def _ask(
    ctx: Context,
    analyst: Analyst,
    found: _OpenQuestion,
    request: AdviceRequest,
    faults: tuple[str, ...] = (),
    *,
    fallback: bool = False,
) -> AnalystReply:
    """One request; its valid answers and its faults are added to `found`."""
    with found.time.spent():
        reply = analyst.advise(request, faults)
    analyst_outages.record_answer(ctx, reply)
    objects, mended = _repaired(reply)
    judged = judge_advice(objects, request)
    for subject in request.subjects:
        good = judged.good.get(subject.ref)
        if good is not None:
            fault = found.faults.pop(subject.ref, "")
            label = Provenance.REPAIRED if subject.ref in mended else Provenance.OWN
            if fallback:
                label = Provenance.FALLBACK
            made = _advice(ctx, request, subject, good, fault if fallback else "")
            found.good[subject.ref] = replace(
                made, analyst=reply.analyst, model=reply.model, provenance=label, key=reply.key
            )
        elif not fallback:
            found.faults[subject.ref] = reply.error or "; ".join(judged.faults[subject.ref])
    return reply


def _repaired(reply: AnalystReply) -> tuple[list[Any], set[str]]:
    """The objects with unambiguous repairs of their form, and the subjects of the repaired ones."""
    objects: list[Any] = []
    mended: set[str] = set()
    for one in reply.objects:
        (made,), repairs = repaired([one], ())
        if isinstance(made.get("choice"), str) and made["choice"] != made["choice"].strip().upper():
            made = made | {"choice": made["choice"].strip().upper()}
            repairs = repairs or {"choice": ["written otherwise"]}
        if made in objects:
            continue
        objects.append(made)
        if repairs:
            mended.add(str(made.get("ref")))
    return objects, mended


def _advice(
    ctx: Context, request: AdviceRequest, subject: Subject, good: ValidAdvice, fault: str
) -> Advice:
    return Advice(
        topic=request.topic,
        ref=subject.ref,
        choice=good.choice,
        at=ctx.clock.now(),
        stock_code=subject.stock_code,
        stock_name=subject.stock_name,
        price=good.price,
        asked_price=subject.price,
        reason=good.reason,
        fault=fault,
    )


def _silent(ctx: Context, found: _OpenQuestion, subject: Subject, choice: AdviceChoice) -> Advice:
    """The configured choice, with the reason why there is no answer."""
    fault = found.faults.get(subject.ref) or "no answer"
    why = analyst_outages.why(ctx.analyst.name, fault)
    kept = ValidAdvice(choice, 0, f"no answer: {why}")
    made = _advice(ctx, found.request, subject, kept, fault)
    return replace(made, analyst=ctx.analyst.name, provenance=Provenance.NONE)

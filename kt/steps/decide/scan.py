"""Step 0: the three scans. Fast merges the rankings (50 stocks), deep scores each of them in detail
(20), and the AI scan is the analyst's shortlist (5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from kt.ports import Analyst
from kt.ports.patience import AskingTime
from kt.records import Candidate, Ranked, Ranking
from kt.rules.candidate_score import QUESTIONS, deep_candidate
from kt.rules.decision_validation import Pick, judge_shortlist
from kt.rules.repair import repaired
from kt.rules.screen import screen
from kt.steps import analyst_outages
from kt.steps.context import Context
from kt.steps.fan_out import Gathered, gather
from kt.steps.instruments import known_list
from kt.steps.notices import notify


def fast(ctx: Context) -> tuple[Candidate, ...]:
    """The four rankings merged, screened and scored; at most `scan.fast_keep`, best first.

    A ranking that fails is journaled and left out. Raises the first error when all of them fail.
    """
    fetched: Gathered[tuple[Ranked, ...]] = gather(
        ctx, "scan.fast", {ranking.value: _ranking(ctx, ranking) for ranking in Ranking}
    )
    fetched.raise_if_empty()
    rows = [row for ranking in Ranking for row in fetched.answers.get(ranking.value, ())]
    found = screen(rows, ctx.config.scan, known_list(ctx))
    ctx.journal.scan(ctx.run, "fast", ctx.clock.now(), found)
    return found


def _ranking(ctx: Context, ranking: Ranking) -> Callable[[], tuple[Ranked, ...]]:
    return lambda: ctx.market.ranking(ranking)


def deep(ctx: Context, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Each candidate with its deep score (`QUESTIONS` of `rules/candidate_score.py`); at most
    `scan.deep_keep`, best first.

    A request that fails is named among the candidate's reasons and its part counts half. Raises
    the first error when all of them fail.
    """
    if not candidates:
        return ()
    fetched = gather(
        ctx,
        "scan.deep",
        {
            f"{part}.{candidate.stock_code}": _part(ctx, part, candidate.stock_code)
            for candidate in candidates
            for part in QUESTIONS
        },
    )
    fetched.raise_if_empty()
    deepened = [_deepened(candidate, fetched) for candidate in candidates]
    deepened.sort(key=lambda candidate: (-candidate.score, -candidate.value, candidate.stock_code))
    found = tuple(deepened[: ctx.config.scan.deep_keep])
    ctx.journal.scan(ctx.run, "deep", ctx.clock.now(), found)
    return found


def _part(ctx: Context, part: str, code: str) -> Callable[[], Any]:
    ask: Callable[[str], Any] = getattr(ctx.market, part)
    return lambda: ask(code)


def _deepened(candidate: Candidate, fetched: Gathered[Any]) -> Candidate:
    names = {part: f"{part}.{candidate.stock_code}" for part in QUESTIONS}
    answers = {
        part: fetched.answers[name] for part, name in names.items() if name in fetched.answers
    }
    deepened = deep_candidate(candidate, answers)
    missing = tuple(
        f"{part} missing: {fetched.failures[name]}"
        for part, name in names.items()
        if name in fetched.failures
    )
    return replace(deepened, reasons=(*deepened.reasons, *missing))


@dataclass(frozen=True, slots=True)
class Shortlist:
    """The analyst's selection in its own order, best first; it may be empty."""

    candidates: tuple[Candidate, ...] = ()
    by: str = ""
    """The name of the analyst that selected them."""
    fault: str = ""
    """Why the first analyst gave no selection, as `kind: text`; empty when it gave one."""
    failure: str = ""
    """The same as a sentence with the analyst's name, for messages."""

    def text(self) -> str:
        best = ", ".join(f"{c.stock_name} {c.score:.0f}" for c in self.candidates[:3])
        said = f"{len(self.candidates)} candidates" + (f": {best}" if best else "")
        if not self.failure:
            return said if best or not self.by else f"{said}: {self.by} finds none worth it"
        return f"{said}{f' by {self.by} as the fallback' if self.by else ''} because {self.failure}"


def shortlist(
    ctx: Context, candidates: Sequence[Candidate], time: AskingTime | None = None
) -> Shortlist:
    """The analyst's selection, at most `scan.ai_keep`; when it fails, that of the fallback if one
    is configured, otherwise none. `time` is the limit that the requests of a cycle share."""
    if not candidates:
        return Shortlist()
    time = time or analyst_outages.asking_time(ctx)
    found = _chosen(ctx, ctx.analyst, candidates, time)
    if found.failure:
        notify(ctx, "warning", "no choice by the analyst", found.failure)
        if ctx.analyst.fallback is not None:
            by_fallback = _chosen(ctx, ctx.analyst.fallback, candidates, time)
            found = Shortlist(by_fallback.candidates, by_fallback.by, found.fault, found.failure)
    ctx.journal.scan(ctx.run, "ai", ctx.clock.now(), found.candidates)
    return found


def _chosen(
    ctx: Context, analyst: Analyst, candidates: Sequence[Candidate], time: AskingTime
) -> Shortlist:
    with time.spent():
        answer = analyst.shortlist(candidates, ctx.config.scan.ai_keep, ctx.clock.now())
    analyst_outages.record_answer(ctx, answer)
    by_code = {candidate.stock_code: candidate for candidate in candidates}
    objects, _ = repaired(answer.objects, by_code)
    picks, faults = judge_shortlist(objects, candidates, ctx.config.scan.ai_keep)
    fault = answer.error or ("" if picks else "; ".join(faults))
    if fault:
        return Shortlist(fault=fault, failure=analyst_outages.why(analyst.name, fault))
    return Shortlist(tuple(_picked(by_code[pick.stock_code], pick) for pick in picks), analyst.name)


def _picked(candidate: Candidate, pick: Pick) -> Candidate:
    reasons = (*candidate.reasons, pick.reason)
    return replace(candidate, stage="ai", score=pick.score, reasons=reasons)

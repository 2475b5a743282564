"""Step 0: the three scans. Fast merges the sources (50 stocks), deep scores each of them in detail
(20), and the AI scan is the analyst's shortlist (5).

A request that fails or takes longer than `scan.timeout` lowers the coverage; it never loses a scan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from kt.config.scan import ScanWeights
from kt.ports import Analyst
from kt.ports.patience import AskingTime, bounded
from kt.records import Candidate, Origin, Ranked, Ranking, ScanSummary
from kt.rules.candidate_score import CONDITION, QUESTIONS, deep_candidate, source_weight
from kt.rules.decision_validation import Pick, judge_shortlist
from kt.rules.repair import repaired
from kt.rules.risk.turnover import cooled
from kt.rules.screen import Exclusion, screen
from kt.steps import analyst_outages
from kt.steps.context import Context
from kt.steps.fan_out import Gathered, gather
from kt.steps.instruments import known_list
from kt.steps.notices import notify

WORKERS_A_PART = 3
"""Requests of one part of the deep scan that wait at the same time."""
_NOTHING = ScanSummary()


@dataclass(frozen=True, slots=True)
class Scanned:
    """A scan's candidates, best first, and what it looked at."""

    candidates: tuple[Candidate, ...] = ()
    summary: ScanSummary = _NOTHING

    def text(self) -> str:
        best = ", ".join(f"{c.stock_name} {c.score:.0f}" for c in self.candidates[:3])
        return f"{len(self.candidates)} candidates" + (f": {best}" if best else "") + self.notes()

    def notes(self) -> str:
        """What was left out, and what was missing, as the end of a sentence."""
        made = self.summary
        counts = ", ".join(f"{count} {reason}" for reason, count in made.excluded.items())
        left_out = f"; {sum(made.excluded.values())} of {made.seen} left out: {counts}"
        missing = ", ".join(f"no {part} ({error})" for part, error in made.missing.items())
        lacking = f"; coverage {made.coverage_pct:.0f} %: {missing}"
        return (left_out if counts else "") + (lacking if missing else "")


def fast(ctx: Context, sources: Sequence[str] | None = None) -> Scanned:
    """The sources (None: `scan.sources`) merged, screened and scored; at most `scan.fast_keep`
    candidates, best first.

    A source that fails is journaled and left out. Raises the first error when all of them fail.
    """
    scan = ctx.config.scan
    scan = scan if sources is None else replace(scan, sources=tuple(sources))
    with bounded(scan.timeout):
        fetched: Gathered[tuple[Ranked, ...]] = gather(
            ctx, "scan.fast", {source: _source(ctx, source) for source in scan.sources}
        )
    fetched.raise_if_empty()
    rows = [row for source in scan.sources for row in fetched.answers.get(source, ())]
    found = screen(rows, scan, known_list(ctx), _barred(ctx))
    weights = {source: source_weight(source, scan.weights) for source in scan.sources}
    there = sum(weights[source] for source in fetched.answers)
    summary = ScanSummary(
        seen=found.seen,
        excluded=found.excluded,
        missing={source: str(error) for source, error in fetched.failures.items()},
        coverage_pct=round(there * 100 / (sum(weights.values()) or 1), 1),
    )
    return _journaled(ctx, "fast", Scanned(found.candidates, summary))


def _source(ctx: Context, source: str) -> Callable[[], tuple[Ranked, ...]]:
    if source.startswith(CONDITION):
        return lambda: ctx.market.condition(source.removeprefix(CONDITION))
    return lambda: ctx.market.ranking(Ranking(source))


def _barred(ctx: Context) -> dict[str, Exclusion]:
    """The stocks that cannot be bought now whatever the scan finds: cooling down after an exit,
    locked, or held already (which the analyst is asked about anyway)."""
    now, barred = ctx.clock.now(), dict[str, Exclusion]()
    for trade in ctx.journal.trades(since=now.date()):  # the last exit counts
        passed, why = cooled(ctx.config.exits.cooldown, Origin(trade.origin), trade.closed_at, now)
        barred.pop(trade.stock_code, None)
        if not passed:
            barred[trade.stock_code] = Exclusion("cooling down", why)
    for lock in ctx.journal.locks():
        barred[lock.stock_code] = Exclusion("locked", lock.reason)
    for held in ctx.journal.positions():
        barred[held.stock_code] = Exclusion("held", f"{held.quantity:,} shares held")
    return barred


def _journaled(ctx: Context, stage: str, scanned: Scanned) -> Scanned:
    ctx.journal.scan(ctx.run, stage, ctx.clock.now(), scanned.candidates, scanned.summary)
    return scanned


def deep(ctx: Context, candidates: Sequence[Candidate]) -> Scanned:
    """Each candidate with its deep score (`QUESTIONS` of `rules/candidate_score.py`); at most
    `scan.deep_keep`, best first.

    A request that fails is named among the candidate's reasons, its part counts half, and the
    candidate's coverage says how much was known. Raises the first error when all of them fail.
    """
    if not candidates:
        return Scanned()
    with bounded(ctx.config.scan.timeout):
        fetched = gather(
            ctx,
            "scan.deep",
            {
                f"{part}.{candidate.stock_code}": _part(ctx, part, candidate.stock_code)
                for candidate in candidates
                for part in QUESTIONS
            },
            WORKERS_A_PART,
            lane=_part_of,
        )
    fetched.raise_if_empty()
    weights = ctx.config.scan.weights
    deepened = [_deepened(candidate, fetched, weights) for candidate in candidates]
    deepened.sort(key=lambda candidate: (-candidate.score, -candidate.value, candidate.stock_code))
    summary = ScanSummary(
        seen=len(candidates),
        missing=_missing_parts(fetched),
        coverage_pct=round(sum(c.coverage_pct for c in deepened) / len(deepened), 1),
    )
    return _journaled(ctx, "deep", Scanned(tuple(deepened[: ctx.config.scan.deep_keep]), summary))


def _part_of(name: str) -> str:
    return name.partition(".")[0]


def _missing_parts(fetched: Gathered[Any]) -> dict[str, str]:
    """The parts that failed, with the number of stocks and the last error."""
    failed: dict[str, list[str]] = {}
    for name, error in fetched.failures.items():
        failed.setdefault(_part_of(name), []).append(str(error))
    return {
        part: f"{len(errors)} {'stock' if len(errors) == 1 else 'stocks'}: {errors[-1]}"
        for part, errors in failed.items()
    }


def _part(ctx: Context, part: str, code: str) -> Callable[[], Any]:
    ask: Callable[[str], Any] = getattr(ctx.market, part)
    return lambda: ask(code)


def _deepened(candidate: Candidate, fetched: Gathered[Any], weights: ScanWeights) -> Candidate:
    names = {part: f"{part}.{candidate.stock_code}" for part in QUESTIONS}
    answers = {
        part: fetched.answers[name] for part, name in names.items() if name in fetched.answers
    }
    deepened = deep_candidate(candidate, answers, weights)
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
    summary = ScanSummary(
        seen=len(candidates),
        missing={ctx.analyst.name: found.fault} if found.failure else {},
        coverage_pct=100.0 if found.by else 0.0,
    )
    _journaled(ctx, "ai", Scanned(found.candidates, summary))
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
    return replace(
        candidate,
        stage="ai",
        score=pick.score,
        odds_pct=pick.score,
        risk=pick.risk,
        reasons=reasons,
    )

"""Step 0: the three scans. Fast merges the rankings (50 stocks), deep scores each of them in detail
(20), and the AI scan is the analyst's shortlist (5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from kt.records import Candidate, Ranked, Ranking
from kt.rules.candidate_score import QUESTIONS, deep_candidate
from kt.rules.decision_validation import judge_shortlist
from kt.rules.screen import screen
from kt.steps import silence
from kt.steps.context import Context
from kt.steps.fan_out import Gathered, gather
from kt.steps.instruments import known_list
from kt.steps.notices import notify


def fast(ctx: Context) -> tuple[Candidate, ...]:
    """The four rankings merged, screened and scored; at most `scan.fast_keep`, best first.

    A ranking that fails is journaled and left out. Raises the first error when all of them fail.
    """
    asked: Gathered[tuple[Ranked, ...]] = gather(
        ctx, "scan.fast", {ranking.value: _ranking(ctx, ranking) for ranking in Ranking}
    )
    asked.raise_if_empty()
    rows = [row for ranking in Ranking for row in asked.answers.get(ranking.value, ())]
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
    asked = gather(
        ctx,
        "scan.deep",
        {
            f"{part}.{candidate.stock_code}": _part(ctx, part, candidate.stock_code)
            for candidate in candidates
            for part in QUESTIONS
        },
    )
    asked.raise_if_empty()
    looked = [_deepened(candidate, asked) for candidate in candidates]
    looked.sort(key=lambda candidate: (-candidate.score, -candidate.value, candidate.stock_code))
    found = tuple(looked[: ctx.config.scan.deep_keep])
    ctx.journal.scan(ctx.run, "deep", ctx.clock.now(), found)
    return found


def _part(ctx: Context, part: str, code: str) -> Callable[[], Any]:
    ask: Callable[[str], Any] = getattr(ctx.market, part)
    return lambda: ask(code)


def _deepened(candidate: Candidate, asked: Gathered[Any]) -> Candidate:
    names = {part: f"{part}.{candidate.stock_code}" for part in QUESTIONS}
    had = {part: asked.answers[name] for part, name in names.items() if name in asked.answers}
    looked = deep_candidate(candidate, had)
    missing = tuple(
        f"{part} missing: {asked.failures[name]}"
        for part, name in names.items()
        if name in asked.failures
    )
    return replace(looked, reasons=(*looked.reasons, *missing))


def shortlist(ctx: Context, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The analyst's shortlist, at most `scan.ai_keep`. When its answer has no usable pick, the
    candidates with the best deep score, and a notice says so."""
    count = ctx.config.scan.ai_keep
    if not candidates:
        return ()
    answer = ctx.analyst.shortlist(candidates, count, ctx.clock.now())
    silence.keep(ctx, answer)
    picks, faults = judge_shortlist(answer.objects, candidates, count)
    by_code = {candidate.stock_code: candidate for candidate in candidates}
    found = tuple(
        replace(
            by_code[pick.stock_code],
            stage="ai",
            score=pick.score,
            reasons=(*by_code[pick.stock_code].reasons, pick.reason),
        )
        for pick in picks
    )
    if not found:
        found = _by_score(candidates, count)
        why = answer.error or "; ".join(faults) or "no picks"
        text = f"the analyst's shortlist could not be used: {why}"
        notify(ctx, "warning", "shortlist by the deep score", text)
    ctx.journal.scan(ctx.run, "ai", ctx.clock.now(), found)
    return found


def _by_score(candidates: Sequence[Candidate], count: int) -> tuple[Candidate, ...]:
    ranked = sorted(candidates, key=lambda c: (-c.score, -c.value, c.stock_code))
    return tuple(replace(candidate, stage="ai") for candidate in ranked[:count])

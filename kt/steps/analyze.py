"""Steps 2 and 3: ask the analyst, check what comes back, ask once more, then hold.

Every answer is a row of the journal, and so is every decision, with an id of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from kt.ids import new_id
from kt.records import Answer, Brief, Decision, StockBrief
from kt.rules import verdict
from kt.steps.context import Context
from kt.steps.stocks import known_list


def analyze(ctx: Context, brief: Brief) -> tuple[Decision, ...]:
    """A decision for every stock of the brief, in its order. What the analyst got wrong twice
    is a HOLD that carries the faults; nothing is raised for a bad answer."""
    if not brief.stocks:
        return ()
    kinds = {code: stock.kind for code, stock in (known_list(ctx) or {}).items()}
    answer, judged = _ask(ctx, brief, (), kinds)
    good = {decision.stock_code: decision for decision in judged.decisions}
    faults = judged.faults
    if faults:
        answer, again = _ask(ctx, brief, _words(answer, judged), kinds)
        good |= {decision.stock_code: decision for decision in again.decisions}
        faults = again.faults
    decisions = tuple(
        _named(ctx, good.get(stock.stock_code) or _hold(ctx, stock, brief, answer, faults))
        for stock in brief.stocks
    )
    ctx.journal.decisions(ctx.run, decisions)
    return decisions


def _ask(
    ctx: Context, brief: Brief, faults: tuple[str, ...], kinds: Mapping[str, str]
) -> tuple[Answer, verdict.Verdict]:
    answer = ctx.analyst.decide(brief, faults)
    ctx.journal.answer(ctx.run, answer)
    judged = verdict.judge(
        answer.objects, brief, analyst=answer.analyst, model=answer.model, kinds=kinds
    )
    return answer, judged


def _words(answer: Answer, judged: verdict.Verdict) -> tuple[str, ...]:
    return (answer.error, *judged.words) if answer.error else judged.words


def _hold(
    ctx: Context, stock: StockBrief, brief: Brief, answer: Answer, faults: verdict.Faults
) -> Decision:
    named = faults.get(stock.stock_code, ())
    if answer.error:
        named = (answer.error, *named)
    held = verdict.hold(stock, brief, named, analyst=answer.analyst, model=answer.model)
    ctx.journal.notice(
        ctx.run,
        "warning",
        f"{stock.stock_code}: held, the analyst's answer could not be used",
        held.reason,
        ctx.clock.now(),
    )
    return held


def _named(ctx: Context, decision: Decision) -> Decision:
    now = ctx.clock.now()
    return replace(
        decision,
        decision_id=new_id(now),
        decided_at=now,
        analyst=decision.analyst or ctx.analyst.name,
    )

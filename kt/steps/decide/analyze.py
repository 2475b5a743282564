"""Steps 2 and 3: ask the analyst, put its answer's form right, check it, ask once more about what
was wrong, then the fallback if one is configured; what nobody answered is ABSTAIN.

Every answer is a row of the journal, and so is every decision, with an id of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from kt.ids import new_id
from kt.ports import Analyst
from kt.records import AnalystReply, AnalystRequest, Decision, Provenance, StockContext
from kt.rules import decision_validation
from kt.rules.freshness import newest
from kt.rules.repair import repaired
from kt.steps import silence
from kt.steps.context import Context
from kt.steps.instruments import known_list


@dataclass(slots=True)
class _Found:
    """What has been answered so far, by stock code, and what was wrong with the rest."""

    good: dict[str, Decision] = field(default_factory=dict)
    faults: dict[str, tuple[str, ...]] = field(default_factory=dict)
    asked: AnalystReply | None = None

    def left(self, brief: AnalystRequest) -> AnalystRequest:
        """The brief about the stocks that have no answer yet."""
        wanting = (stock for stock in brief.stocks if stock.stock_code not in self.good)
        return replace(brief, stocks=tuple(wanting))


def analyze(ctx: Context, brief: AnalystRequest) -> tuple[Decision, ...]:
    """A decision for every stock of the brief, in its order. Nothing is raised for a bad answer,
    and what was answered well stands, whatever became of the other stocks."""
    if not brief.stocks:
        return ()
    found = _Found()
    first = _ask(ctx, ctx.analyst, brief, found)
    again = found.left(brief)
    if again.stocks and first.kind in ("", "reply"):
        _ask(ctx, ctx.analyst, again, found, _words(first, found))
    _fall_back(ctx, found.left(brief), found)
    decisions = tuple(_finished(ctx, stock, brief, found) for stock in brief.stocks)
    ctx.journal.decisions(ctx.run, decisions)
    return decisions


def _ask(
    ctx: Context,
    analyst: Analyst,
    brief: AnalystRequest,
    found: _Found,
    faults: tuple[str, ...] = (),
) -> AnalystReply:
    answer = analyst.decide(brief, faults)
    silence.keep(ctx, answer)
    kinds = {code: stock.kind for code, stock in (known_list(ctx) or {}).items()}
    objects, repairs = repaired(answer.objects, {stock.stock_code for stock in brief.stocks})
    judged = decision_validation.judge(
        objects, brief, analyst=answer.analyst, model=answer.model, kinds=kinds
    )
    for decision in judged.decisions:
        found.good[decision.stock_code] = _labelled(decision, answer, repairs)
    for stock in found.left(brief).stocks:
        named = judged.faults.get(stock.stock_code, ())
        found.faults[stock.stock_code] = (answer.error,) if answer.error else named
    found.asked = found.asked or answer
    return answer


def _labelled(
    decision: Decision, answer: AnalystReply, repairs: Mapping[str, list[str]]
) -> Decision:
    mended = tuple(repairs.get(decision.stock_code, ()))
    return replace(
        decision,
        provenance=Provenance.REPAIRED if mended else Provenance.OWN,
        repairs=mended,
        prompt_version=answer.prompt_version,
    )


def _words(answer: AnalystReply, found: _Found) -> tuple[str, ...]:
    """The faults of an answer, for the model that gave it."""
    if answer.error:
        return (answer.error,)
    return tuple(f"{code}: {fault}" for code, faults in found.faults.items() for fault in faults)


def _fall_back(ctx: Context, brief: AnalystRequest, found: _Found) -> None:
    """The other analyst's decisions about what the first one did not answer, labelled so."""
    other = ctx.analyst.fallback
    if other is None or not brief.stocks:
        return
    answered = set(found.good)
    _ask(ctx, other, brief, found)
    for code in set(found.good) - answered:
        found.good[code] = replace(found.good[code], provenance=Provenance.FALLBACK)


def _finished(ctx: Context, stock: StockContext, brief: AnalystRequest, found: _Found) -> Decision:
    """With its id and its times: it was decided now, on data as old as they are."""
    decision = found.good.get(stock.stock_code)
    if decision is None:
        assert found.asked is not None
        decision = decision_validation.abstain(
            stock,
            brief,
            found.faults.get(stock.stock_code, ()),
            analyst=found.asked.analyst,
            model=found.asked.model,
        )
    now = ctx.clock.now()
    return replace(
        decision,
        decision_id=new_id(now),
        decided_at=now,
        data_at=newest((stock,), brief.asof),
        faults=decision.faults or found.faults.get(stock.stock_code, ())
        if not decision.provenance.own
        else (),
    )

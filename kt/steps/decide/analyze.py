"""Steps 2 and 3: ask the analyst, repair the form of its answer, validate it, ask once more about
the faults, then ask the fallback analyst if one is configured. A stock without a usable answer
gets an ABSTAIN.

Every answer and every decision is a row in the journal; each decision has its own id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from kt.ids import new_id
from kt.ports import Analyst
from kt.ports.patience import AskingTime
from kt.records import (
    AnalystReply,
    AnalystRequest,
    Decision,
    JournaledQuestion,
    Provenance,
    StockContext,
)
from kt.rules import decision_validation
from kt.rules.freshness import newest
from kt.rules.repair import repaired
from kt.steps import analyst_outages
from kt.steps.context import Context
from kt.steps.instruments import known_list


@dataclass(slots=True)
class _Found:
    """Valid decisions so far and the faults of the remaining stocks, both by stock code."""

    time: AskingTime
    kinds: Mapping[str, str]
    journaled: bool
    good: dict[str, Decision] = field(default_factory=dict)
    faults: dict[str, tuple[str, ...]] = field(default_factory=dict)
    asked: AnalystReply | None = None

    def question(self, brief: AnalystRequest) -> JournaledQuestion:
        """The request as it is journaled, with the kinds of its stocks."""
        codes = (stock.stock_code for stock in brief.stocks)
        kinds = {code: self.kinds[code] for code in codes if code in self.kinds}
        return JournaledQuestion(request=brief, kinds=kinds)

    def left(self, brief: AnalystRequest) -> AnalystRequest:
        """The request, limited to the stocks that have no valid decision yet."""
        undecided = (stock for stock in brief.stocks if stock.stock_code not in self.good)
        return replace(brief, stocks=tuple(undecided))


def analyze(
    ctx: Context,
    brief: AnalystRequest,
    time: AskingTime | None = None,
    *,
    replayed: Mapping[str, str] | None = None,
) -> tuple[Decision, ...]:
    """A decision for every stock of the request, in the same order. A bad answer raises nothing,
    and a valid decision on one stock counts even when the answers on others are invalid. `time`
    is shared by the requests of a cycle; None: `analyst.cycle_timeout` for this call alone. A
    replay passes the kinds of stocks recorded at the time (`replayed`); it is not journaled."""
    if not brief.stocks:
        return ()
    kinds = replayed
    if kinds is None:
        kinds = {code: stock.kind for code, stock in (known_list(ctx) or {}).items()}
    found = _Found(time or analyst_outages.asking_time(ctx), kinds, replayed is None)
    first = _ask(ctx, ctx.analyst, brief, found)
    retry = found.left(brief)
    if retry.stocks and first.kind in ("", "reply"):
        _ask(ctx, ctx.analyst, retry, found, _fault_texts(first, found))
    _fall_back(ctx, found.left(brief), found)
    decisions = tuple(_finished(ctx, stock, brief, found) for stock in brief.stocks)
    if found.journaled:
        ctx.journal.decisions(ctx.run, decisions)
    return decisions


def _ask(
    ctx: Context,
    analyst: Analyst,
    brief: AnalystRequest,
    found: _Found,
    faults: tuple[str, ...] = (),
) -> AnalystReply:
    with found.time.spent():
        answer = analyst.decide(brief, faults)
    if found.journaled:
        analyst_outages.record_answer(ctx, answer, None if found.asked else found.question(brief))
    objects, repairs = repaired(answer.objects, {stock.stock_code for stock in brief.stocks})
    judged = decision_validation.judge(
        objects, brief, analyst=answer.analyst, model=answer.model, kinds=found.kinds
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
    repaired_fields = tuple(repairs.get(decision.stock_code, ()))
    return replace(
        decision,
        provenance=Provenance.REPAIRED if repaired_fields else Provenance.OWN,
        repairs=repaired_fields,
        prompt_version=answer.prompt_version,
        answer_key=answer.key,
        votes=answer.votes.get(decision.stock_code, ()),
    )


def _fault_texts(answer: AnalystReply, found: _Found) -> tuple[str, ...]:
    """The faults of an answer as text, for the second request to the same model."""
    if answer.error:
        return (answer.error,)
    return tuple(f"{code}: {fault}" for code, faults in found.faults.items() for fault in faults)


def _fall_back(ctx: Context, brief: AnalystRequest, found: _Found) -> None:
    """Ask the fallback analyst about the stocks that are still open; its decisions are marked
    FALLBACK."""
    fallback = ctx.analyst.fallback
    if fallback is None or not brief.stocks:
        return
    answered = set(found.good)
    _ask(ctx, fallback, brief, found)
    for code in set(found.good) - answered:
        found.good[code] = replace(found.good[code], provenance=Provenance.FALLBACK)


def _finished(ctx: Context, stock: StockContext, brief: AnalystRequest, found: _Found) -> Decision:
    """The decision (or an ABSTAIN) with its id, the time it was made, and the time of the newest
    data it is based on."""
    assert found.asked is not None
    decision = found.good.get(stock.stock_code)
    if decision is None:
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
        held=stock.position.quantity if stock.position else 0,
        question_key=found.asked.key,
        answer_key=decision.answer_key or found.asked.key,
        faults=decision.faults or found.faults.get(stock.stock_code, ())
        if not decision.provenance.own
        else (),
    )

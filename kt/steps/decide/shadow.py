"""The decisions of the shadow analyst (`analyst.shadow`): journaled to be scored, never ordered."""

from __future__ import annotations

import contextlib

from msgspec.structs import replace

from kt.errors import KtError
from kt.ids import new_id
from kt.records import AnalystReply, AnalystRequest, Provenance
from kt.rules import decision_validation
from kt.rules.freshness import newest
from kt.rules.repair import repaired
from kt.steps import analyst_outages
from kt.steps.context import Context
from kt.steps.instruments import instrument


def record(ctx: Context, brief: AnalystRequest, key: str, answer: AnalystReply) -> None:
    """Journal the shadow's reply and its valid decisions, marked SHADOW. `key` is that of the
    question to the analyst who trades, where the journal has the brief. Raises nothing: a shadow
    must not disturb who trades."""
    with contextlib.suppress(KtError):
        analyst_outages.record_answer(ctx, answer)
        objects, repairs = repaired(answer.objects, {stock.stock_code for stock in brief.stocks})
        known = ((s.stock_code, instrument(ctx, s.stock_code)) for s in brief.stocks)
        judged = decision_validation.judge(
            objects,
            brief,
            analyst=answer.analyst,
            model=answer.model,
            kinds={code: stock.kind for code, stock in known if stock},
        )
        now = ctx.clock.now()
        made = tuple(
            replace(
                decision,
                decision_id=new_id(now),
                decided_at=now,
                data_at=newest((stock,), brief.asof),
                provenance=Provenance.SHADOW,
                repairs=tuple(repairs.get(decision.stock_code, ())),
                prompt_version=answer.prompt_version,
                held=stock.position.quantity if stock.position else 0,
                question_key=key,
                answer_key=answer.key,
            )
            for decision in judged.decisions
            for stock in brief.stocks
            if stock.stock_code == decision.stock_code
        )
        ctx.journal.decisions(ctx.run, made)

"""The offline analyst finds something worth buying in the embedded exchange's first session."""

from __future__ import annotations

import pytest

from kt.analyst.rules import HIT_RATES, RulesAnalyst
from kt.clock import ManualClock
from kt.config.model import Limits
from kt.records import Action, Decision, Interval, Ranking, StockContext
from kt.rules.decision_validation import judge
from kt.sim.exchange import Exchange
from tests.analyst.make import T0, brief


def decisions(seed: int) -> tuple[Decision, ...]:
    """The decisions about the ten stocks that rose most, at 10:00."""
    clock = ManualClock(T0)
    market = Exchange(clock=clock, seed=seed).market
    stocks = []
    for ranked in market.ranking(Ranking.CHANGE)[:10]:
        code = ranked.stock_code
        stocks.append(
            StockContext(
                stock_code=code,
                stock_name=ranked.stock_name,
                quote=market.quote(code),
                book=market.book(code),
                minutes=market.bars(code, Interval.MINUTE, 60),
                days=market.bars(code, Interval.DAY, 60),
                strength=market.strength(code),
                flow=market.flow(code),
            )
        )
    question = brief(*stocks)
    verdict = judge(RulesAnalyst(clock).decide(question).objects, question)
    assert verdict.faults == {}
    return verdict.decisions


@pytest.mark.parametrize("seed", [1, 2])
def test_some_stock_is_bought(seed: int) -> None:
    found = decisions(seed)
    bought = [decision for decision in found if decision.action is Action.BUY]
    assert bought
    assert len(found) == 10
    for decision in bought:
        assert decision.confidence >= Limits().min_confidence
        slip = decision.price / decision.reference_price - 1
        assert 0 < slip < Limits().max_slippage_pct / 100


def test_confidence_never_falls_with_a_higher_score() -> None:
    rates = [rate for _, rate in HIT_RATES]
    scores = [score for score, _ in HIT_RATES]
    assert rates == sorted(rates)
    assert scores == sorted(scores)
    assert (scores[0], scores[-1]) == (0, 100)

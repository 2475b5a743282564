"""Decisions judged at their horizon, and the record that the analyst is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from kt.errors import Unreachable
from kt.records import (
    Action,
    Bar,
    Decision,
    DecisionOutcome,
    EntryStatus,
    Order,
    OrderState,
    Provenance,
)
from kt.steps.decide import analyze, collect, decision_scoring
from kt.steps.orders import place
from kt.steps.reconcile import order_tracking
from kt.steps.risk import check
from tests import fakes
from tests.engine.acting import at
from tests.fakes import HYNIX, SAMSUNG, World, unknown
from tests.steps import trading
from tests.store import make

NONE, FILLED, UNFILLED, DENIED, NOT_ORDERED = (
    EntryStatus.NONE,
    EntryStatus.FILLED,
    EntryStatus.UNFILLED,
    EntryStatus.DENIED,
    EntryStatus.NOT_ORDERED,
)


def decided(world: World, **more: Any) -> Decision:
    name = f"D{len(more)}{more.get('action', 'HOLD')}"
    fields = {
        "action": Action.HOLD,
        "decision_id": name,
        "reference_price": 70_000,
        "analyst": "scripted",
    }
    decision = trading.decided(world, **(fields | more))
    world.journal.decisions("RUN", [decision])
    return decision


def minutes(world: World, start: datetime, closes: dict[int, int]) -> None:
    world.market.bars_by_code[SAMSUNG] = tuple(
        Bar(at=start + timedelta(minutes=n), open=c, high=c, low=c, close=c, volume=1)
        for n, c in closes.items()
    )


def an_hour_later(world: World, price: int) -> DecisionOutcome:
    """The one outcome when the price is this at the horizon."""
    minutes(world, world.clock.now(), {0: 70_000, 60: price})
    world.clock.advance(3_700)
    (outcome,) = decision_scoring.learn(world.ctx).outcomes
    return outcome


def ordered(world: World, decision: Decision) -> Order:
    (checked,) = check.check(world.ctx, [decision])
    order, _ = place.place_checked(world.ctx, checked)
    return order


def filled(world: World, order: Order, price: int, quantity: int = 10) -> None:
    order_tracking.on_notice(world.ctx, world.broker.fill(order.ord_no, quantity, price))


def test_a_decision_is_judged_at_its_horizon_after_costs(world: World) -> None:
    start = world.clock.now()
    decided(world, held=10)
    minutes(world, start, {0: 70_000, 59: 70_500, 60: 71_400, 90: 60_000})
    world.clock.advance(3_000)
    assert decision_scoring.learn(world.ctx).outcomes == (), "its hour is not over"
    world.clock.advance(3_000)
    (outcome,) = decision_scoring.learn(world.ctx).outcomes
    assert (outcome.price_later, outcome.horizon_at) == (71_400, start + timedelta(hours=1))
    assert outcome.return_pct == pytest.approx(2.0)
    assert outcome.edge_pct == pytest.approx(2.0 + 0.215)
    assert outcome.hit and outcome.counts
    assert decision_scoring.learn(world.ctx).outcomes == (), "judged once"


def test_a_hold_of_a_stock_that_is_not_held_is_judged_against_buying(world: World) -> None:
    decided(world)
    outcome = an_hour_later(world, 71_400)
    assert (outcome.return_pct, outcome.edge_pct, outcome.hit) == (0.0, -1.77, False)
    assert outcome.buy_hold_pct == 1.77


def test_an_etf_is_sold_without_tax(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = world.market.instruments()
    funds = tuple(replace(one, kind="ETF") for one in listed)
    monkeypatch.setattr(world.market, "instruments", lambda: funds)
    decided(world)
    assert an_hour_later(world, 71_400).buy_hold_pct == 1.97


def test_an_entry_is_judged_from_its_fills(world: World) -> None:
    order = ordered(world, decided(world, action=Action.BUY))
    filled(world, order, 69_800, 4)
    filled(world, order, 69_900, 6)
    outcome = an_hour_later(world, 70_560)
    assert (outcome.entry, outcome.entry_price) == (FILLED, 69_860.0)
    assert outcome.return_pct == outcome.edge_pct == pytest.approx(1.002 - 0.23, abs=1e-3)
    assert outcome.buy_hold_pct == pytest.approx(0.8 - 0.23), "from the price that was seen"
    assert outcome.counts


def test_a_fill_after_the_horizon_is_none(world: World) -> None:
    start = world.clock.now()
    order = ordered(world, decided(world, action=Action.BUY))
    world.clock.advance(3_601)
    filled(world, order, 69_000)
    minutes(world, start, {0: 70_000, 60: 71_000})
    (outcome,) = decision_scoring.learn(world.ctx).outcomes
    assert (outcome.entry, outcome.entry_price, outcome.counts) == (UNFILLED, 70_000, False)


def test_an_order_that_was_not_filled_is_counted_apart(world: World) -> None:
    ordered(world, decided(world, action=Action.BUY))
    outcome = an_hour_later(world, 71_000)
    assert (outcome.entry, outcome.counts) == (UNFILLED, False)


def test_a_denied_decision_is_counted_apart(world: World) -> None:
    order = ordered(world, decided(world, action=Action.BUY, confidence=0.1))
    assert order.state is OrderState.DENIED
    outcome = an_hour_later(world, 71_000)
    assert (outcome.entry, outcome.counts) == (DENIED, False)


def test_a_decision_whose_check_said_no_is_counted_apart(world: World) -> None:
    made = decided(world, action=Action.BUY, confidence=0.1)
    world.journal.checks("RUN", check.check(world.ctx, [made]))
    assert an_hour_later(world, 71_000).entry is DENIED


def test_a_decision_that_nobody_ordered_is_counted_apart(world: World) -> None:
    decided(world, action=Action.BUY)
    outcome = an_hour_later(world, 71_000)
    assert (outcome.entry, outcome.counts) == (NOT_ORDERED, False)


def test_a_decision_waits_while_its_orders_outcome_is_unknown(world: World) -> None:
    world.broker.outcomes = [unknown()]
    made = decided(world, action=Action.BUY)
    assert ordered(world, made).state is OrderState.UNKNOWN
    minutes(world, world.clock.now(), {0: 70_000, 60: 71_000})
    world.clock.advance(3_700)
    learned = decision_scoring.learn(world.ctx)
    assert (learned.outcomes, learned.missing) == ((), (f"{SAMSUNG} {made.decision_id}",))


@pytest.mark.parametrize(
    ("provenance", "counts"),
    [(Provenance.OWN, True), (Provenance.REPAIRED, True), (Provenance.FALLBACK, False)],
)
def test_only_an_analysts_own_decisions_count(
    world: World, provenance: Provenance, counts: bool
) -> None:
    decided(world, provenance=provenance)
    outcome = an_hour_later(world, 70_000)
    assert (outcome.provenance, outcome.counts) == (provenance, counts)


def test_what_nobody_answered_is_not_judged(world: World) -> None:
    decided(world, action=Action.ABSTAIN, provenance=Provenance.NONE)
    minutes(world, world.clock.now(), {0: 70_000, 60: 71_000})
    world.clock.advance(3_700)
    assert decision_scoring.learn(world.ctx) == decision_scoring.Learned()


def test_a_decision_before_the_close_is_judged_at_the_close(world: World) -> None:
    world.clock.set(at("15:10"))
    decided(world)
    minutes(world, at("15:10"), {0: 70_000, 20: 70_900, 30: 99_000})
    world.clock.set(at("16:30"))
    (outcome,) = decision_scoring.learn(world.ctx).outcomes
    assert (outcome.price_later, outcome.horizon_at) == (70_900, at("15:30"))


def test_a_decision_after_the_close_has_no_price_to_be_judged_by(world: World) -> None:
    world.clock.set(at("15:40"))
    decided(world)
    minutes(world, at("15:10"), {0: 70_000, 20: 70_900})
    world.clock.set(at("18:00"))
    assert decision_scoring.learn(world.ctx) == decision_scoring.Learned()


def test_an_earlier_days_decision_is_judged_by_that_days_bar(world: World) -> None:
    decided(world)
    world.market.bars_by_code[SAMSUNG] = (
        Bar(at=at("00:00"), open=1, high=1, low=1, close=71_000, volume=1),
        Bar(at=at("00:00", day=1), open=1, high=1, low=1, close=50_000, volume=1),
    )
    world.clock.set(at("10:00", day=1))
    (outcome,) = decision_scoring.learn(world.ctx).outcomes
    assert outcome.price_later == 71_000


def test_a_decision_without_a_price_is_scored_later(world: World) -> None:
    decided(world)
    minutes(world, world.clock.now(), {0: 70_000, 60: 71_000})
    world.clock.advance(4_000)
    world.market.failing["bars"] = Unreachable("HTTP 503")
    learned = decision_scoring.learn(world.ctx)
    assert learned.outcomes == ()
    assert len(learned.missing) == 1
    world.market.failing.clear()
    assert len(decision_scoring.learn(world.ctx).outcomes) == 1


def test_a_decision_of_a_week_ago_is_not_judged_any_more(world: World) -> None:
    decided(world)
    world.clock.set(at("10:01", day=7))
    assert decision_scoring.learn(world.ctx) == decision_scoring.Learned()


# the analyst's answer, and the rules analyst's on the same data


def test_a_decision_knows_what_was_held_and_where_its_data_and_answer_are(world: World) -> None:
    trading.bought(world)
    world.analyst.answers = [{HYNIX: {"confidence": 2}}, {}]
    request = collect.collect(world.ctx, (), [SAMSUNG, HYNIX])
    ours, other = analyze.analyze(world.ctx, request)
    assert (ours.stock_code, ours.held, other.held) == (SAMSUNG, 10, 0)
    assert (ours.question_key, ours.answer_key) == ("decide-1", "decide-1")
    assert (other.question_key, other.answer_key) == ("decide-1", "decide-2"), "asked again"
    question = world.journal.question_of(other.question_key)
    assert question is not None and question.request == request
    assert world.journal.question_of("no such key") is None


def test_the_rules_analyst_is_judged_on_the_same_data(world: World) -> None:
    (made,) = analyze.analyze(world.ctx, collect.collect(world.ctx, (), [SAMSUNG]))
    assert made.action is Action.HOLD
    (object_,) = world.ctx.baseline.decide(world.analyst.briefs[0]).objects
    outcome = an_hour_later(world, 71_400)
    assert outcome.rules_action == object_["action"] == "HOLD"
    assert (outcome.rules_pct, outcome.rules_hit) == (0.0, False)


def test_without_the_question_the_rules_decision_is_not_known(world: World) -> None:
    decided(world)
    outcome = an_hour_later(world, 71_400)
    assert (outcome.rules_action, outcome.rules_pct, outcome.rules_hit) == ("", None, None)


# what the analyst is told of its own record


def put(world: World, number: int, confidence: float, hit: bool, **more: Any) -> None:
    fields = {
        "analyst": "scripted",
        "model": "m",
        "confidence": confidence,
        "hit": hit,
        "decided_at": fakes.OPEN,
        "horizon_at": fakes.OPEN + timedelta(hours=1),
        "stock_code": f"{number:06d}",
        "return_pct": 1.0 if hit else -1.0,
    }
    world.journal.put_outcome(make.outcome(f"X{number}", **(fields | more)))


def test_the_record_is_given_as_text(world: World) -> None:
    assert decision_scoring.lessons(world.ctx) == ""
    for n, (confidence, hit) in enumerate([(0.65, True), (0.65, False), (0.9, True), (0.9, True)]):
        put(world, n, confidence, hit)
    put(world, 9, 0.5, True, action=Action.HOLD, entry=NONE, return_pct=0.0)
    assert decision_scoring.lessons(world.ctx) == (
        "Your own last 30 days (m, decide.en.2), of each action and band of confidence: share that "
        "was right, mean confidence, n independent decisions (* fewer than 20), mean return after "
        "costs. all 80.0 %, 0.72, n 5.0*, +0.40 %; BUY 75.0 %, 0.78, n 4.0*, +0.50 %; HOLD 100.0 "
        "%, 0.50, n 1.0*, +0.00 %; 0.5-0.6 100.0 %, 0.50, n 1.0*, +0.00 %; 0.6-0.7 50.0 %, 0.65, "
        "n 2.0*, +0.00 %; 0.9-1.0 100.0 %, 0.90, n 2.0*, +1.00 %. Holding the same stocks earned "
        "+1.05 %, the rules analyst +1.05 %. Brier score 0.163, not better than always saying the "
        "share that was right (0.16); calibration error 0.2."
    )
    assert len(decision_scoring.lessons(world.ctx)) < 1_500


def test_the_record_is_the_analysts_own_and_of_its_newest_model_and_prompt(world: World) -> None:
    put(world, 1, 0.9, False, analyst="rules")
    assert decision_scoring.lessons(world.ctx) == "", "another's record is none"
    put(world, 2, 0.9, False, provenance=Provenance.FALLBACK)
    put(world, 3, 0.9, False, entry=DENIED)
    assert decision_scoring.lessons(world.ctx) == "", "nothing of its own was carried out"
    earlier = fakes.OPEN - timedelta(days=2)
    put(world, 4, 0.9, False, model="a", decided_at=earlier)
    put(world, 5, 0.9, True)
    said = decision_scoring.lessons(world.ctx)
    assert "(m, decide.en.2)" in said and "all 100.0 %, 0.90, n 1.0*" in said
    world.clock.set(at("10:00", day=40))
    assert decision_scoring.lessons(world.ctx) == "", "of the last 30 days alone"


def test_the_record_goes_into_the_next_request(world: World) -> None:
    put(world, 5, 0.9, True)
    request = collect.collect(world.ctx, (), [SAMSUNG])
    assert request.lessons == decision_scoring.lessons(world.ctx) != ""

"""The request is complete or names what is missing; the answer is validated or becomes ABSTAIN."""

from __future__ import annotations

from typing import Any

import pytest

from kt.errors import Unreachable
from kt.records import Action, Provenance
from kt.steps.decide import analyze, collect, scan
from tests import fakes
from tests.fakes import HYNIX, SAMSUNG, World


def test_held_scanned_and_given_stocks_are_each_requested_once(world: World) -> None:
    world.broker.hold(HYNIX, 3, 180_000)
    from kt.steps.reconcile.startup import reconcile

    reconcile(world.ctx)
    candidates = [c for c in scan.fast(world.ctx).candidates if c.stock_code in (SAMSUNG, HYNIX)]
    brief = collect.collect(world.ctx, candidates, ["035720", SAMSUNG])
    assert [stock.stock_code for stock in brief.stocks] == [HYNIX, SAMSUNG, "035720"]
    held, scanned, named = brief.stocks
    assert held.position is not None and held.candidate is None
    assert scanned.position is None and scanned.candidate is not None
    assert named.candidate is None
    for stock in brief.stocks:
        assert stock.book and stock.minutes and stock.days and stock.strength and stock.flow
        assert stock.brokers and stock.missing == ()
    assert brief.deposit.orderable == 10_000_000
    assert [position.stock_code for position in brief.positions] == [HYNIX]


def test_a_part_that_cannot_be_fetched_is_named(world: World) -> None:
    world.market.failing[f"flow.{SAMSUNG}"] = Unreachable("HTTP 503")
    brief = collect.collect(world.ctx, (), [SAMSUNG, HYNIX])
    assert brief.stocks[0].flow == ()
    assert brief.stocks[0].missing == ("flow: HTTP 503",)
    assert brief.stocks[1].missing == ()


def test_a_stock_without_a_quote_is_left_out_and_none_at_all_is_an_error(world: World) -> None:
    world.market.failing[f"quote.{SAMSUNG}"] = Unreachable("HTTP 503")
    assert [s.stock_code for s in collect.collect(world.ctx, (), [SAMSUNG, HYNIX]).stocks] == [
        HYNIX
    ]
    with pytest.raises(Unreachable):
        collect.collect(world.ctx, (), [SAMSUNG])


def test_an_empty_request_is_not_sent(world: World) -> None:
    brief = collect.collect(world.ctx, ())
    assert brief.stocks == ()
    assert analyze.analyze(world.ctx, brief) == ()
    assert world.analyst.briefs == []


def asked(world: World, *answers: dict[str, dict[str, Any]]) -> tuple[Any, ...]:
    world.analyst.answers = list(answers)
    return analyze.analyze(world.ctx, collect.collect(world.ctx, (), [SAMSUNG, HYNIX]))


def test_a_valid_answer_becomes_the_decision_unchanged(world: World) -> None:
    decided = asked(world, {SAMSUNG: fakes.buy()})
    assert [(d.stock_code, d.action) for d in decided] == [(SAMSUNG, "BUY"), (HYNIX, "HOLD")]
    assert decided[0].reference_price == 70_000
    assert decided[0].analyst == "scripted"
    assert len({d.decision_id for d in decided}) == 2
    assert world.analyst.faults == [()]


def test_an_invalid_answer_is_retried_with_its_faults(world: World) -> None:
    decided = asked(world, {SAMSUNG: fakes.buy(price=70_050)}, {SAMSUNG: fakes.buy()})
    assert decided[0].action is Action.BUY
    first, second = world.analyst.faults
    assert first == ()
    assert any("70,050 is not on the tick" in fault for fault in second)


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"price": 70_050}, "tick"),
        ({"price": 200_000}, "outside"),
        ({"confidence": 1.5}, "confidence"),
        ({"confidence": float("nan")}, "confidence"),
        ({"quantity": "ten"}, "whole number"),
        ({"action": "SHORT"}, "action"),
        ({"stock_name": "카카오"}, "stock_name"),
        ({"stock_code": "999999"}, "not answered"),
    ],
    ids=str,
)
def test_an_answer_that_is_invalid_twice_becomes_abstain(
    world: World, wrong: dict[str, Any], fault: str
) -> None:
    decided = asked(world, {SAMSUNG: fakes.buy() | wrong})
    assert (decided[0].action, decided[0].provenance) == (Action.ABSTAIN, Provenance.NONE)
    assert any(fault in each for each in decided[0].faults)
    assert (decided[1].action, decided[1].faults) == (Action.HOLD, ())
    assert len(world.analyst.briefs) == 2, "one retry, not more"
    again = [stock.stock_code for stock in world.analyst.briefs[1].stocks]
    assert again == [SAMSUNG], "what was answered well is not asked about again"


def test_a_valid_retry_does_not_replace_a_valid_first_answer(world: World) -> None:
    decided = asked(
        world,
        {SAMSUNG: fakes.buy(), HYNIX: fakes.buy(price=1)},
        {SAMSUNG: fakes.buy(price=1), HYNIX: fakes.buy(price=180_000, quantity=1)},
    )
    assert [d.action for d in decided] == [Action.BUY, Action.BUY]


def test_a_failed_analyst_gives_only_abstain(world: World) -> None:
    world.analyst.error = "unavailable: 503 overloaded"
    decided = asked(world, {})
    assert {d.action for d in decided} == {Action.ABSTAIN}
    assert all(d.faults == ("unavailable: 503 overloaded",) for d in decided)
    assert len(world.analyst.briefs) == 1, "the same question fails again the same way"


def test_every_answer_is_journaled_and_every_decision_has_an_id(world: World) -> None:
    decided = asked(world, {SAMSUNG: fakes.buy(price=1)})
    world.journal.flush()
    found = world.journal.find_answer("decide-2")
    assert found is not None
    world.clock.advance(7200)
    open_ids = {d.decision_id for d in world.journal.open_decisions(world.clock.now())}
    assert open_ids == {decided[1].decision_id}, "an ABSTAIN is never scored"

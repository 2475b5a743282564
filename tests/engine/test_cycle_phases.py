"""What the phases of the day add to `kt run --once`: the plan, the close, the report."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from kt.config.model import Exits, SessionHours
from kt.config.questions import LessonQuestion, PlanQuestion, Questions
from kt.engine.cycle import CycleReport, run_cycle
from kt.records import OrderState, OrderType, Origin, Topic
from tests import fakes
from tests.engine.acting import at
from tests.fakes import HYNIX, SAMSUNG, World

MONDAY = date(2026, 11, 23)


def cycle(world: World, clock: str, day: int = 0) -> CycleReport:
    world.clock.set(at(clock, day))
    world.ctx = world.context()
    return run_cycle(world.ctx)


def asked(world: World, topic: Topic) -> list[Any]:
    return [one for one in world.analyst.questions if one.topic is topic]


def steps(report: CycleReport) -> dict[str, str]:
    return {step.name: step.detail for step in report.steps}


def test_the_first_cycle_of_the_morning_makes_the_plan(world: World) -> None:
    assert "plan" not in steps(cycle(world, "08:10"))
    world.analyst.advice["today"] = {"choice": "CAREFUL", "reason": "The futures fall."}
    assert steps(cycle(world, "08:31"))["plan"].startswith("CAREFUL: The futures fall.; ")
    assert "plan" not in steps(cycle(world, "08:32"))
    assert len(asked(world, Topic.PLAN)) == 1
    cycle(world, "09:01")
    assert world.analyst.briefs[-1].plan.startswith("CAREFUL: The futures fall.; ")


def test_no_plan_is_made_where_it_is_not_asked_for(world: World) -> None:
    world.configure(questions=Questions(plan=PlanQuestion(ask=False)))
    assert "plan" not in steps(cycle(world, "08:31"))


def test_before_the_close_the_analyst_decides_once(world: World) -> None:
    world.configure(exits=Exits(min_holding_minutes=0))
    world.broker.hold(SAMSUNG, 10, 70_000)
    world.broker.hold(HYNIX, 5, 180_000)
    cycle(world, "15:00")
    world.broker.sent.clear()
    world.analyst.advice[SAMSUNG] = {"choice": "SELL"}
    report = cycle(world, "15:21")
    (order,) = report.orders
    assert (order.stock_code, order.origin, order.order_type) == (
        SAMSUNG, Origin.CLOSE, OrderType.MARKET,
    )  # fmt: skip
    assert "; scripted: " in order.reason
    assert cycle(world, "15:22").orders == ()
    assert len(asked(world, Topic.CLOSING)) == 1
    assert len(world.broker.sent) == 1


def test_before_the_close_open_buys_are_cancelled(world: World) -> None:
    world.analyst.answers = [{SAMSUNG: fakes.buy()}, {}]
    (bought,) = cycle(world, "15:10").orders
    (order,) = cycle(world, "15:21").orders
    assert (order.order_id, order.state) == (bought.order_id, OrderState.CANCELLED)


def test_positions_are_closed_where_that_is_configured(world: World) -> None:
    world.configure(session=SessionHours(close_positions=True))
    world.broker.hold(SAMSUNG, 10, 70_000)
    cycle(world, "15:00")
    (order,) = cycle(world, "15:21").orders
    assert (order.origin, order.quantity) == (Origin.CLOSE, 10)
    assert asked(world, Topic.CLOSING) == []


def test_the_first_cycle_after_the_close_settles_the_day_and_writes_its_report(
    world: World,
) -> None:
    world.broker.d2_cash = 10_000_000
    world.broker.hold(SAMSUNG, 10, 70_000)
    cycle(world, "15:00")
    cycle(world, "15:30:30")
    assert world.journal.report(MONDAY) is None, "the auction's fills may still arrive"
    world.analyst.advice["lesson"] = {"reason": "Patience paid."}
    report = cycle(world, "15:32")
    assert steps(report)["settle"].endswith("the report of 2026-11-23 is written")
    written = world.journal.report(MONDAY)
    assert written is not None
    assert (written.result, written.lesson) == (report.day, "Patience paid.")
    assert [stock.stock_code for stock in written.plan][:1] == [SAMSUNG]
    told = [title for _, title, _ in world.notifier.told]
    assert told.count("kt: 2026-11-23 settled") == 1
    cycle(world, "15:33")
    assert world.journal.report(MONDAY) == written
    assert len(asked(world, Topic.LESSON)) == 1
    cycle(world, "08:31", day=1)
    (question,) = asked(world, Topic.PLAN)
    assert question.plan.startswith("TRADE: ") or question.plan.startswith("CAREFUL: ")


def test_a_cycle_on_the_evening_of_a_holiday_writes_no_report(world: World) -> None:
    cycle(world, "16:00", day=-1)
    assert world.journal.report(date(2026, 11, 22)) is None


@pytest.mark.parametrize("ask", [True, False])
def test_the_report_is_written_with_and_without_a_lesson(world: World, ask: bool) -> None:
    world.configure(questions=Questions(lesson=LessonQuestion(ask=ask)))
    cycle(world, "15:40")
    written = world.journal.report(MONDAY)
    assert written is not None
    assert bool(written.lesson) is ask

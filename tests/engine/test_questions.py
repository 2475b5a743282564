"""The questions of the running day: asked once, applied as answered, and never on a stop's path."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from kt.config.model import Config, Exits, Orders, Scan, SessionHours
from kt.config.questions import ClosingQuestion, PlanQuestion, ProfitQuestion, Questions
from kt.engine.day import Day
from kt.records import (
    AdviceChoice,
    OrderState,
    OrderTicket,
    OrderType,
    Origin,
    Provenance,
    Side,
    Topic,
)
from tests import fakes
from tests.engine.acting import Make, Stage, at
from tests.fakes import HYNIX, SAMSUNG

QUIET = Scan(fast_every=9_000, deep_every=9_000, ai_every=9_000)
MONDAY = date(2026, 11, 23)


def asked(made: Stage, topic: Topic) -> list[Any]:
    return [one for one in made.world.analyst.questions if one.topic is topic]


def advice(made: Stage, topic: Topic) -> list[tuple[str, str]]:
    rows = made.world.journal.advice_since(at("00:00"), topic)
    return [(row.ref, row.choice.value) for row in rows]


def sells(made: Stage) -> list[OrderTicket]:
    sent = (one for one in made.world.broker.sent if isinstance(one, OrderTicket))
    return [one for one in sent if one.side is Side.SELL]


# target reached


def test_a_profit_is_asked_about_and_sold_at_the_price_reached(stage: Make) -> None:
    made = stage(Config(scan=QUIET))
    made.hold()
    made.act("10:00:29", lambda: made.world.market.prices.update({SAMSUNG: 77_500}))
    made.act("10:00:30", lambda: made.tick(77_500))
    for second in range(31, 50):
        made.act(f"10:00:{second}", lambda: made.tick(78_400))
    made.play("10:01:00")
    (question,) = asked(made, Topic.PROFIT)
    (subject,) = question.subjects
    assert (subject.price, subject.stock.quote.price) == (77_500, 77_500)
    assert subject.position.quantity == 10
    (sent,) = sells(made)
    assert (sent.order_type, sent.price, sent.quantity) == (OrderType.LIMIT, 77_500, 10)
    (order,) = made.world.journal.orders(limit=1)
    assert "; scripted: Score" in order.reason
    assert advice(made, Topic.PROFIT) == [(SAMSUNG, "SELL")]


def held_on(made: Stage) -> None:
    made.hold()
    made.world.market.prices[SAMSUNG] = 77_000
    made.world.analyst.advice[SAMSUNG] = {"choice": "HOLD"}


def test_after_hold_on_it_is_asked_again_when_the_price_has_moved(stage: Make) -> None:
    made = stage(Config(scan=QUIET))
    held_on(made)
    for second in range(30, 50):
        made.act(f"10:00:{second}", lambda: made.tick(77_700))
    made.act("10:00:51", lambda: made.tick(78_400))
    made.act("10:00:52", lambda: made.tick(78_500))
    made.play("10:01:00")
    prices = [one.subjects[0].price for one in asked(made, Topic.PROFIT)]
    assert prices == [77_000, 78_400]
    steps = made.world.journal.events(kinds=["step"], limit=1_000)
    names = [step["name"] for step in steps if step["name"].startswith("profit")]
    assert len(names) < 5, "the twenty ticks in between started no worker"
    assert sells(made) == []
    assert any("holding on to 삼성전자 at 77,000" in line for line in made.lines)


def test_after_hold_on_it_is_asked_again_when_minutes_have_passed(stage: Make) -> None:
    made = stage(Config(scan=QUIET))
    held_on(made)
    made.act("10:05:00", made.world.analyst.advice.clear)
    made.play("10:10:10")
    first, second = asked(made, Topic.PROFIT)
    assert (second.asof - first.asof).total_seconds() == pytest.approx(600, abs=6)
    assert len(sells(made)) == 1


def test_hold_on_does_not_disarm_the_stop(stage: Make) -> None:
    made = stage(Config(scan=QUIET))
    held_on(made)
    made.act("10:00:40", lambda: made.tick(66_000))
    made.play("10:00:50")
    (order,) = [order for order in made.world.journal.orders() if order.side is Side.SELL]
    assert order.origin is Origin.STOP_LOSS


@pytest.mark.parametrize(("silence", "sold"), [("sell", 1), ("hold", 0)])
def test_silence_about_a_profit_is_what_the_configuration_says(
    stage: Make, silence: Any, sold: int
) -> None:
    made = stage(Config(scan=QUIET, questions=Questions(profit=ProfitQuestion(silence=silence))))
    made.hold()
    made.world.market.prices[SAMSUNG] = 77_000
    made.world.analyst.error = "timeout: no answer within 10 s"
    made.play("10:00:30")
    assert len(sells(made)) == sold
    (row,) = made.world.journal.advice_since(at("00:00"), Topic.PROFIT)
    assert (row.choice, row.provenance) == (silence.upper(), Provenance.NONE)
    assert row.reason == "no answer: scripted did not answer in time: no answer within 10 s"


def test_without_the_question_a_profit_is_sold_at_once(stage: Make) -> None:
    made = stage(Config(scan=QUIET, questions=Questions(profit=ProfitQuestion(ask=False))))
    made.hold()
    made.act("10:00:30", lambda: made.tick(77_000))
    made.play("10:00:31")
    assert asked(made, Topic.PROFIT) == []
    assert len(sells(made)) == 1


def test_a_new_run_knows_the_answer_that_stands(stage: Make) -> None:
    made = stage(Config(scan=QUIET))
    held_on(made)
    made.play("10:02")
    made.day = Day(made.ctx, made._stream, announce=made.lines.append)
    made.play("10:04")
    assert len(asked(made, Topic.PROFIT)) == 1
    assert sells(made) == []


# unfilled


@pytest.mark.parametrize(
    ("answer", "ended"),
    [
        ({"choice": "AMEND", "price": 70_200}, (70_200, OrderState.ACKED)),
        ({"choice": "CANCEL", "price": 0}, (70_000, OrderState.CANCELLED)),
        ({"choice": "AMEND", "price": 75_000}, (70_000, OrderState.CANCELLED)),
    ],
)
def test_an_unfilled_order_becomes_what_the_analyst_says(
    stage: Make, answer: dict[str, Any], ended: tuple[int, OrderState]
) -> None:
    """A price that the safety rules deny (75,000: too far from the market) cancels."""
    made = stage(Config(scan=Scan(ai_every=9_000), orders=Orders(unfilled_after=60)))
    made.world.analyst.answers = [{SAMSUNG: fakes.buy()}, {}]
    made.act("10:00:30", lambda: made.world.analyst.advice.update(
        {made.world.journal.orders()[0].ord_no: answer}))  # fmt: skip
    made.play("10:01:30")
    (question,) = asked(made, Topic.UNFILLED)
    assert question.subjects[0].order.price == 70_000
    order = made.world.journal.orders()[-1]
    assert (order.price, order.state) == ended


def test_an_order_that_cannot_be_amended_is_not_asked_about(stage: Make) -> None:
    made = stage(Config(orders=Orders(unfilled_after=60, unfilled="cancel")))
    made.world.analyst.answers = [{SAMSUNG: fakes.buy()}, {}]
    made.play("10:02")
    assert asked(made, Topic.UNFILLED) == []
    assert made.world.journal.orders()[-1].state is OrderState.CANCELLED


def test_silence_about_an_open_order_leaves_it_to_the_rule(stage: Make) -> None:
    made = stage(Config(orders=Orders(unfilled_after=60)))
    made.world.analyst.answers = [{SAMSUNG: fakes.buy()}, {}]
    made.act("10:00:30", lambda: setattr(made.world.analyst, "error", "auth: refused"))
    made.play("10:01:30")
    assert [choice for _, choice in advice(made, Topic.UNFILLED)] == ["RULE"]
    assert made.world.journal.orders()[-1].price == 70_100, "the best ask"


# before the close


def before_the_close(stage: Make, config: Config | None = None) -> Stage:
    made = stage(config or Config(scan=QUIET), start="15:18")
    made.world.broker.hold(SAMSUNG, 10, 70_000)
    made.world.broker.hold(HYNIX, 5, 180_000)
    return made


def test_before_the_close_each_position_is_held_or_sold(stage: Make) -> None:
    made = before_the_close(stage, Config(scan=QUIET, exits=Exits(min_holding_minutes=0)))
    made.world.analyst.advice[SAMSUNG] = {"choice": "SELL"}
    made.play("15:24")
    (question,) = asked(made, Topic.CLOSING)
    assert question.asof == at("15:20")
    assert {one.ref for one in question.subjects} == {SAMSUNG, HYNIX}
    (sent,) = sells(made)
    assert (sent.stock_code, sent.order_type, sent.quantity) == (SAMSUNG, OrderType.MARKET, 10)
    (order,) = made.world.journal.orders(limit=1)
    assert order.origin is Origin.CLOSE
    assert order.reason.startswith("sold before the close; scripted: ")


def test_a_refused_sale_before_the_close_is_tried_again(stage: Make) -> None:
    made = before_the_close(stage, Config(scan=QUIET, exits=Exits(min_holding_minutes=0)))
    made.world.analyst.advice[SAMSUNG] = {"choice": "SELL"}
    made.world.broker.outcomes = [fakes.rejected()]
    made.play("15:24")
    assert len(asked(made, Topic.CLOSING)) == 1
    assert [sent.stock_code for sent in sells(made)] == [SAMSUNG, SAMSUNG]


def test_an_order_that_is_left_is_kept_or_cancelled(stage: Make) -> None:
    made = before_the_close(stage, Config(scan=QUIET, exits=Exits(min_holding_minutes=0)))
    made.act("15:18:30", lambda: made.world.market.prices.update({SAMSUNG: 77_000, HYNIX: 198_000}))
    made.act("15:19:00", lambda: (made.tick(77_000), made.tick(198_000, HYNIX)))

    def cancel_one() -> None:
        (order,) = made.world.journal.orders(stock_code=SAMSUNG, limit=1)
        made.world.analyst.advice[order.ord_no] = {"choice": "CANCEL"}

    made.act("15:19:30", cancel_one)
    made.play("15:24")
    ours = (one for one in made.world.journal.orders() if one.origin is Origin.TAKE_PROFIT)
    states = {order.stock_code: order.state for order in ours}
    assert states == {SAMSUNG: OrderState.CANCELLED, HYNIX: OrderState.ACKED}
    (question,) = asked(made, Topic.CLOSING)
    assert {one.order.stock_code for one in question.subjects if one.order} == {SAMSUNG, HYNIX}
    assert len(question.under_way.open_orders) == 2


def test_a_young_position_is_not_asked_about_before_the_close(stage: Make) -> None:
    made = stage(Config(scan=QUIET), start="15:15")
    made.hold()
    made.play("15:22")
    assert asked(made, Topic.CLOSING) == []


def test_shares_that_kt_leaves_alone_are_not_asked_about(stage: Make) -> None:
    made = before_the_close(
        stage, Config(scan=QUIET, exits=Exits(min_holding_minutes=0, external="leave"))
    )
    made.play("15:22")
    assert asked(made, Topic.CLOSING) == []


@pytest.mark.parametrize(("silence", "sold"), [("hold", 0), ("sell", 2)])
def test_silence_before_the_close(stage: Make, silence: Any, sold: int) -> None:
    made = before_the_close(
        stage,
        Config(
            scan=QUIET,
            exits=Exits(min_holding_minutes=0),
            questions=Questions(closing=ClosingQuestion(silence=silence)),
        ),
    )
    made.world.analyst.error = "unreachable: no route"
    made.play("15:24")
    assert len(sells(made)) == sold


def test_positions_that_are_closed_anyway_are_not_asked_about(stage: Make) -> None:
    made = before_the_close(stage, Config(scan=QUIET, session=SessionHours(close_positions=True)))
    made.play("15:24")
    assert asked(made, Topic.CLOSING) == []
    assert len(sells(made)) == 2


# plan and lesson


def test_the_evenings_plan_is_what_the_morning_starts_from(stage: Make) -> None:
    made = stage(start="15:10")
    made.world.broker.d2_cash = 10_000_000
    made.hold()
    made.world.analyst.advice = {
        "lesson": {"reason": "Buys after 14:00 lost."},
        "tomorrow": {"choice": "CAREFUL", "reason": "Few buys, before noon."},
        HYNIX: {"choice": "WATCH", "price": 182_000, "reason": "Foreigners buy."},
        "035720": {"choice": "SKIP"},
    }
    made.play("08:31", day=1)
    report = made.world.journal.report(MONDAY)
    assert report is not None
    assert report.lesson == "Buys after 14:00 lost."
    assert (report.stance, report.strategy) == ("CAREFUL", "Few buys, before noon.")
    plan = {stock.stock_code: stock.reason for stock in report.plan}
    assert plan.keys() == {SAMSUNG, HYNIX}
    assert plan[HYNIX] == "WATCH up to 182,000: Foreigners buy."
    (settled,) = [text for _, title, text in made.world.notifier.told if title.endswith("settled")]
    assert "the day taught: Buys after 14:00 lost." in settled
    assert "plan for 2026-11-24: CAREFUL: Few buys, before noon.; hold 삼성전자 x10" in settled
    (lesson,) = asked(made, Topic.LESSON)
    assert lesson.result == report.result
    (question,) = asked(made, Topic.PLAN)
    assert question.plan.startswith("CAREFUL: Few buys, before noon.; hold 삼성전자 x10")
    subjects = {one.ref: one for one in question.subjects}
    assert subjects[HYNIX].note == "WATCH up to 182,000: Foreigners buy."
    assert (subjects[HYNIX].price, subjects[HYNIX].base_price) == (180_000, 180_000)
    assert subjects[SAMSUNG].position is not None


def test_the_days_decisions_know_the_plan(stage: Make) -> None:
    made = stage(start="08:29")
    made.world.analyst.advice["today"] = {"choice": "CAREFUL", "reason": "The futures fall."}
    made.play("09:00:30")
    told = [text for _, title, text in made.world.notifier.told if title == "plan for the day"]
    assert told[0].startswith("CAREFUL: The futures fall.; WATCH 삼성전자: ")
    brief = made.world.analyst.briefs[-1]
    assert brief.plan.startswith("CAREFUL: The futures fall.; ")


@pytest.mark.parametrize("silence", ["yesterday", "none"])
def test_silence_about_the_plan(stage: Make, silence: Any) -> None:
    made = stage(Config(questions=Questions(plan=PlanQuestion(silence=silence))), start="15:20")
    made.world.broker.d2_cash = 10_000_000
    made.world.analyst.advice["tomorrow"] = {"reason": "Wait for the open."}
    made.act("08:29", lambda: setattr(made.world.analyst, "error", "auth: refused"), 1)
    made.play("08:31", day=1)
    told = [text for _, title, text in made.world.notifier.told if title == "plan for the day"]
    assert ("TRADE: Wait for the open." in told[-1]) is (silence == "yesterday")
    rows = made.world.journal.advice_since(at("08:00", 1), Topic.PLAN)
    assert {row.choice for row in rows if row.ref == "today"} == {AdviceChoice.TRADE}
    assert all(row.silent for row in rows)


def test_a_silent_analyst_keeps_no_day_from_its_report(stage: Make) -> None:
    made = stage(start="15:25")
    made.world.broker.d2_cash = 10_000_000
    made.world.broker.hold(SAMSUNG, 10, 70_000)
    made.world.analyst.error = "unreachable: no route"
    made.play("15:35")
    report = made.world.journal.report(MONDAY)
    assert report is not None
    assert (report.lesson, report.strategy, len(report.plan)) == ("", "", 1)


def test_a_run_that_starts_again_asks_neither_plan_nor_lesson_twice(stage: Make) -> None:
    made = stage(start="08:29")
    made.world.broker.d2_cash = 10_000_000
    for clock in ("08:31", "08:33"):
        made.play(clock)
        made.day = Day(made.ctx, made._stream, announce=made.lines.append)
    assert len(asked(made, Topic.PLAN)) == 1
    made.clock.set(at("15:30"))
    for clock in ("15:32", "15:34"):
        made.play(clock)
        made.day = Day(made.ctx, made._stream, announce=made.lines.append)
    assert len(asked(made, Topic.LESSON)) == 1
    report = made.world.journal.report(MONDAY)
    assert report is not None and report.lesson

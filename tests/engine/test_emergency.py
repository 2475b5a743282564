"""Level 4 and the five kinds of error: what the day does when things go wrong."""

from __future__ import annotations

import pytest

from kt.config.model import Config, Emergency, Limits
from kt.config.scan import Scan
from kt.engine import dispatch
from kt.errors import (
    AuthError,
    ExitCode,
    JournalError,
    RateLimited,
    StreamReplaced,
    Unreachable,
    WireError,
)
from kt.records import OrderState, OrderTicket, Ranking, Side, StopMode, Tick
from kt.steps.reconcile.startup import reconcile
from kt.steps.risk import stops
from tests import fakes
from tests.engine.acting import Make, Stage
from tests.fakes import HYNIX, SAMSUNG

HALT = Config(emergency=Emergency(action="halt"))


def critical(made: Stage) -> list[str]:
    return [title for level, title, _ in made.world.notifier.told if level == "critical"]


def test_a_closed_stream_halts_trading_when_so_configured(stage: Make) -> None:
    made = stage(HALT)
    made.hold()
    made.act("10:00:30", lambda: made.state("closed"))
    made.act("10:00:40", lambda: made.world.market.prices.update({SAMSUNG: 60_000}))
    report = made.play("10:01")
    stop = made.world.journal.stop()
    assert (stop.mode, stop.by) == (StopMode.HALT, "emergency")
    assert "CONNECTION" in stop.reason
    assert critical(made) == ["kt: emergency CONNECTION", "kt: halt"]
    assert len(report.alarms) == 1
    assert made.world.broker.sent == [], "halted: not even the stop-loss leaves"
    assert len(made.streams) > 1, "and the stream is tried again"


def test_reducing_keeps_the_exits_alive(stage: Make) -> None:
    made = stage(Config(emergency=Emergency(action="reduce")))
    made.hold()
    made.act("10:00:30", lambda: made.state("closed"))
    made.act("10:00:45", lambda: made.tick(66_000))
    report = made.play("10:01")
    stop = made.world.journal.stop()
    assert (stop.mode, stop.by) == (StopMode.REDUCE, "emergency")
    assert [o.origin for o in made.world.journal.orders(limit=1)] == ["stop_loss"]
    assert len(report.alarms) == 1


def test_an_emergency_sells_everything_by_default(stage: Make) -> None:
    made = stage()
    made.hold()
    made.world.broker.fill_at_once = True
    made.act("10:00:30", lambda: made.state("closed"))
    made.play("10:02")
    assert made.world.broker.held[SAMSUNG].quantity == 0
    assert made.world.journal.positions() == ()
    assert made.world.journal.stop().mode is StopMode.HALT
    assert any(line.endswith(" flattened") for line in made.lines)


def test_a_flatten_whose_process_died_is_continued(stage: Make) -> None:
    """Until then its owner is left alone: it may be at work."""
    made = stage()
    made.hold()
    made.world.broker.fill_at_once = True
    stops.begin_flatten(made.ctx, "by hand")
    made.act("10:01:50", lambda: assert_held(made, 10))
    made.play("10:02:40")
    assert_held(made, 0)
    stop = made.world.journal.stop()
    assert (stop.mode, stop.reason) == (StopMode.HALT, "after flatten: by hand")
    said = [line[9:] for line in made.lines]
    assert said.index("going on with the flatten of 10:00:00: by hand") < said.index("flattened")


def assert_held(made: Stage, quantity: int) -> None:
    assert made.world.broker.held[SAMSUNG].quantity == quantity


def test_a_stop_loss_is_sent_while_a_flatten_has_lost_its_process(stage: Make) -> None:
    made = stage()
    made.hold()
    made.world.broker.fill_at_once = True
    stops.begin_flatten(made.ctx, "by hand")
    made.act("10:00:30", lambda: made.tick(66_000))
    made.play("10:00:40")
    assert made.world.journal.orders(limit=1)[0].origin == "stop_loss"
    assert_held(made, 0)


def test_after_another_login_the_stream_is_not_started_again(stage: Make) -> None:
    made = stage()
    made.act("10:00:30", lambda: made.state("replaced"))
    made.play("10:03")
    assert made.world.journal.stop().mode is StopMode.HALT
    assert len(made.streams) == 1


def test_a_stream_that_cannot_be_started_is_tried_three_times(stage: Make) -> None:
    made = stage(Config(emergency=Emergency(errors=100)))
    made.refuse = Unreachable("connection refused")
    report = made.play("10:00:25")
    assert len(made.streams) == 3
    assert [alarm.split(":")[0] for alarm in report.alarms] == ["CONNECTION"]


def test_a_stream_somebody_else_owns_is_not_started_again(stage: Make) -> None:
    made = stage()
    made.refuse = StreamReplaced("another program")
    made.play("10:02")
    assert len(made.streams) == 1


def test_without_a_stream_prices_are_asked_for_and_stops_hold(stage: Make) -> None:
    made = stage(Config(emergency=Emergency(errors=100, reconnects=100)))
    made.hold()
    made.refuse = Unreachable("connection refused")
    made.act("10:00:30", lambda: made.world.market.prices.update({SAMSUNG: 66_000}))
    made.play("10:00:40")
    assert [sent.side for sent in made.world.broker.sent if isinstance(sent, OrderTicket)] == [
        Side.SELL
    ]


def test_after_a_gap_the_lists_are_asked(stage: Make) -> None:
    made = stage()
    made.world.analyst.answers = [{SAMSUNG: fakes.buy()}, {}]
    made.act("10:00:10", lambda: made.state("lost"))
    made.act("10:00:10", lambda: made.world.broker.fill(101, 10, 70_000))
    made.act("10:00:11", lambda: made.state("reconnected"))
    made.play("10:00:13")
    assert [p.quantity for p in made.world.journal.positions()] == [10]
    assert made.world.journal.stop().mode is StopMode.RUNNING


@pytest.mark.parametrize(
    ("failure", "halts"),
    [
        (Unreachable("HTTP 503"), True),
        (WireError("ka10030.x", "12a"), True),
        (RateLimited("1700"), False),
    ],
    ids=["network", "wire", "rate"],
)
def test_repeated_system_errors_are_an_emergency_rate_limits_are_not(
    stage: Make, failure: Exception, halts: bool
) -> None:
    made = stage(Config(scan=Scan(fast_every=5)))
    for ranking in Ranking:
        made.world.market.failing[f"ranking.{ranking.value}"] = failure
    made.play("10:01")
    stop = made.world.journal.stop()
    assert (stop.mode is StopMode.HALT) is halts
    assert ("SYSTEM_ERRORS" in stop.reason) is halts


def test_a_few_errors_are_no_emergency(stage: Make) -> None:
    made = stage(Config(scan=Scan(fast_every=30)))
    made.world.market.failing["ranking.volume"] = Unreachable("HTTP 503")
    report = made.play("10:01")
    assert report.alarms == []
    assert made.world.journal.stop().mode is StopMode.RUNNING


def test_a_defect_is_contained_and_repeated_ones_end_the_run(
    stage: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stage()
    handled = dispatch.handle

    def broken(day: object, happened: object) -> None:
        if isinstance(happened, Tick):
            raise ZeroDivisionError("a defect")
        handled(day, happened)  # type: ignore[arg-type]

    monkeypatch.setattr(dispatch, "handle", broken)
    for second in range(10, 15):
        made.act(f"10:00:{second}", lambda: made.tick(70_000))
    report = made.play("10:01")
    assert report.exit_code is ExitCode.ERROR
    assert made.clock.now().second == 14
    assert made.world.journal.stop().mode is StopMode.HALT
    rows = made.world.journal.events(limit=10_000)
    assert sum("ZeroDivisionError" in str(row) for row in rows) >= 5


def test_a_refused_token_ends_buying_and_the_run_with_its_own_code(stage: Make) -> None:
    made = stage()
    made.act(
        "10:00:20",
        lambda: made.world.market.failing.update(
            {"ranking.volume": AuthError("8030", hint="use the keys of this server")}
        ),
    )
    report = made.play("10:01")
    assert report.exit_code is ExitCode.AUTH
    assert made.world.journal.stop().mode is StopMode.REDUCE
    assert "kt: cannot log in" in critical(made)


def test_a_journal_that_breaks_ends_the_run_with_nothing_sent(
    stage: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stage()
    made.hold()

    def full(*_: object, **__: object) -> None:
        raise JournalError("disk full")

    made.act("10:00:20", lambda: monkeypatch.setattr(made.world.journal, "plan_order", full))
    made.act("10:00:21", lambda: made.tick(60_000))
    report = made.play("10:01")
    assert report.exit_code is ExitCode.ERROR
    assert "disk full" in report.ended
    assert made.world.broker.sent == []


def test_refusals_in_a_row_are_an_emergency(stage: Make) -> None:
    made = stage(Config(emergency=Emergency(rejects_in_row=2)))
    made.world.analyst.answers = [
        {SAMSUNG: fakes.buy(quantity=1), HYNIX: fakes.buy(180_000, 1)},
        {},
    ]
    made.world.broker.outcomes = [fakes.rejected(), fakes.rejected()]
    made.play("10:00:20")
    assert "REJECTS" in made.world.journal.stop().reason
    assert [o.state for o in made.world.journal.orders()] == [OrderState.REJECTED] * 2


def test_a_burst_of_orders_is_an_emergency(stage: Make) -> None:
    made = stage(Config(emergency=Emergency(burst_orders=2)))
    made.world.analyst.answers = [
        {SAMSUNG: fakes.buy(quantity=1), HYNIX: fakes.buy(180_000, 1)},
        {},
    ]
    made.play("10:00:20")
    assert "BURST" in made.world.journal.stop().reason


def test_a_jump_of_a_held_price_is_an_emergency_after_its_exit(stage: Make) -> None:
    made = stage()
    made.hold()
    made.act("10:00:20", lambda: made.tick(70_000))
    made.act("10:00:21", lambda: made.tick(50_000))
    made.play("10:00:30")
    assert [o.origin for o in made.world.journal.orders(limit=1)] == ["stop_loss"]
    assert "PRICE_JUMP" in made.world.journal.stop().reason
    assert len(made.world.broker.sent) == 1, "the flatten leaves what is on its way out alone"


def test_holdings_that_differ_twice_are_an_emergency(stage: Make) -> None:
    made = stage()
    made.hold()
    made.world.broker.fill_at_once = True  # a flatten that sells nothing goes on until the close
    made.act("10:00:30", lambda: made.world.broker.hold(SAMSUNG, 5, 70_000))
    made.world.broker.fill_at_once = True
    made.act("10:01:30", lambda: None)
    made.play("10:02:10")
    stop = made.world.journal.stop()
    assert "MISMATCH" in stop.reason
    assert "kt had 10 shares, the broker has 15 shares" in stop.reason


def test_a_cash_difference_notifies_the_owner_and_is_no_emergency(stage: Make) -> None:
    made = stage()
    made.hold()
    made.world.broker.d2_cash = 9_000_000
    reconcile(made.ctx)
    made.world.broker.d2_cash = 9_500_000
    made.play("10:02:10")
    assert made.world.journal.stop().mode is StopMode.RUNNING
    told = [text for _, _, text in made.world.notifier.told]
    assert [line for line in (*made.lines, *told) if "deposit or a withdrawal" in line]


def test_nothing_is_sent_before_the_books_agree(stage: Make) -> None:
    made = stage(Config(emergency=Emergency(errors=100)))
    made.hold()
    made.world.broker.failing["holdings"] = Unreachable("gone")
    made.act("10:00:05", lambda: made.tick(60_000))
    made.act("10:00:12", made.world.broker.failing.clear)
    made.act("10:00:25", lambda: made.tick(60_000))
    made.play("10:00:30")
    (order,) = made.world.journal.orders(limit=1)
    assert order.origin == "stop_loss"
    assert order.created_at.second == 25


def test_a_halted_day_goes_on_watching(stage: Make) -> None:
    made = stage(Config(limits=Limits(per_stock=900_000)))
    from kt.steps.risk import stops

    stops.halt(made.ctx, "by hand")
    made.world.analyst.answers = [{SAMSUNG: fakes.buy()}]
    made.play("10:00:30")
    assert made.world.broker.sent == []
    assert made.world.journal.orders()[0].code == "HALTED"
    assert any("by hand" in line for line in made.lines)


def test_before_the_open_an_alarm_is_a_warning_and_stops_nothing(stage: Make) -> None:
    made = stage(start="08:10")
    made.world.broker.failing["holdings"] = Unreachable("closed at night")
    report = made.play("08:12")
    assert report.alarms == []
    assert made.world.journal.stop().mode is StopMode.RUNNING
    assert [notice[:2] for notice in made.world.notifier.told] == [("warning", "SYSTEM_ERRORS")]
    assert "SYSTEM_ERRORS" in str(made.world.journal.events(limit=1000, kinds=["notice"]))


def test_a_second_alarm_of_a_halted_day_is_only_noted(stage: Make) -> None:
    made = stage(Config(emergency=Emergency(errors=100)))
    made.act("10:00:10", lambda: made.state("closed"))
    made.act("10:00:10", lambda: setattr(made, "refuse", Unreachable("connection refused")))
    report = made.play("10:05")
    assert len(report.alarms) == 1
    assert critical(made) == ["kt: emergency CONNECTION", "kt: flatten", "kt: halt"]
    assert sum("CONNECTION" in line for line in made.lines) == 1, "said once"


@pytest.mark.parametrize("stop", ["halt", "reduce"])
def test_a_stopped_day_cancels_its_open_buys(stage: Make, stop: str) -> None:
    from kt.steps.risk import stops

    made = stage()
    made.world.analyst.answers = [{SAMSUNG: fakes.buy()}, {}]
    made.act("10:00:10", lambda: getattr(stops, stop)(made.ctx, "by hand"))
    made.play("10:00:45")
    assert made.world.journal.orders()[0].state is OrderState.CANCELLED

"""The trading day: phases, ticks that sell, and a clean end."""

from __future__ import annotations

import threading
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from kt.analyst.rules import RulesAnalyst
from kt.clock import ScaledClock
from kt.config.model import Config, Cycle, Limits, Orders, SessionHours
from kt.config.scan import Scan
from kt.engine import day as day_module
from kt.engine.day import Day
from kt.engine.schedule import BEAT
from kt.errors import ExitCode, Unreachable
from kt.records import (
    AccountReturn,
    Check,
    OrderState,
    OrderTicket,
    OrderType,
    SessionNotice,
    Side,
    StopMode,
    StreamKind,
)
from kt.rules.trading_phases import Phase
from kt.sim.exchange import Exchange, ExchangeBroker
from kt.steps.orders import place
from kt.steps.risk import check, stops
from tests import fakes
from tests.engine.acting import Make, Stage, at
from tests.fakes import HYNIX, SAMSUNG, ExchangeStream, FakeStream, PumpedClock, World


def test_a_whole_day_from_eight_to_four(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_module, "TURN", 30.0)
    clock = PumpedClock(at("07:50"), step=30)
    exchange = Exchange(clock=clock, seed=1)
    config = Config(
        scan=Scan(fast_every=1800, deep_every=3600, ai_every=3600), cycle=Cycle(every=300)
    )
    world = World(tmp_path, config, clock=clock)
    ctx = world.context(
        market=exchange.market, broker=ExchangeBroker(exchange, "kt"), analyst=RulesAnalyst(clock)
    )
    lines: list[str] = []
    report = Day(
        ctx,
        lambda: ExchangeStream(exchange, clock, "kt", most=0),
        until_close=True,
        announce=lines.append,
    ).run()
    begun = [line.split()[1] for line in lines if line.split()[1] in set(Phase)]
    assert begun == ["before", "start", "prepare", "open", "closing", "settle", "idle"]
    assert report.ended == "the trading day is over"
    assert report.exit_code is ExitCode.DONE
    assert report.alarms == []
    assert report.orders > 0
    (day,) = report.days
    assert day.bought > 0
    assert ctx.journal.days()[0] == day
    assert {order.state for order in ctx.journal.orders()} <= {
        OrderState.FILLED, OrderState.DENIED, OrderState.CANCELLED, OrderState.EXPIRED,
    }  # fmt: skip
    held = {held.stock_code: held.quantity for held in ctx.broker.holdings().items}
    assert held == {p.stock_code: p.quantity for p in ctx.journal.positions()}
    assert clock.now() >= at("16:00")
    world.close()


def test_before_the_open_there_is_a_plan(stage: Make) -> None:
    made = stage(start="08:29")
    made.world.broker.hold(SAMSUNG, 3, 70_000)
    made.play("08:31")
    (plan,) = [text for _, title, text in made.world.notifier.told if title == "plan for the day"]
    assert plan == (
        "TRADE: The expected prices (1) are +0.0% from yesterday's on average.; "
        "HOLD 삼성전자: Held until its exits; expected +0.0%.; "
        "WATCH SK하이닉스: No expected price is known.; WATCH 카카오: No expected price is known.; "
        "held, at expected prices: 삼성전자 70,000; "
        "planned, at expected prices: nothing; "
        "watch list: SK하이닉스, 카카오"
    )
    assert made.world.broker.sent == []


def test_the_day_ends_with_a_report_and_the_next_begins_with_its_plan(stage: Make) -> None:
    made = stage(start="14:30")
    made.world.broker.d2_cash = 10_000_000
    made.hold(10, 70_000)
    made.world.market.prices[HYNIX] = 181_000
    made.play("08:31", day=1)
    report = made.world.journal.report(date(2026, 11, 23))
    assert report is not None
    assert report.at >= at("15:30")
    assert report.result == made.world.journal.days()[0]
    assert report.result.index_pct == -0.5
    assert report.plan[0].quantity == 10
    watched = [stock.stock_code for stock in report.plan[1:]]
    assert HYNIX in watched
    told = [text for _, title, text in made.world.notifier.told if title.endswith("settled")]
    assert len(told) == 1
    assert (
        "\nplan for 2026-11-24: CAREFUL: The day brought -1,600 won.; "
        "hold 삼성전자 x10 (stop 66,500, target 77,000); watch " in told[0]
    )
    plans = [text for _, title, text in made.world.notifier.told if title == "plan for the day"]
    plan = plans[-1]
    assert "held, at expected prices: 삼성전자 70,000; planned, at expected prices: " in plan
    assert "SK하이닉스 181,000" in plan


def test_the_day_of_decisions_is_judged_at_its_end(stage: Make) -> None:
    made = stage(start="14:00")
    made.world.analyst.answers = [{SAMSUNG: fakes.buy()}, {}]
    made.play("15:32:30")
    assert made.world.journal.outcomes()
    assert [result.day for result in made.day.runtime.report.days] == [date(2026, 11, 23)]


def test_a_tick_below_the_stop_sells_at_market_at_once(stage: Make) -> None:
    made = stage()
    made.hold()
    made.act("10:00:30", lambda: made.tick(67_000))
    made.act("10:00:40", lambda: made.tick(66_500))
    made.act("10:00:41", lambda: made.tick(66_400))
    made.act("10:00:45", made.fill_all)
    made.act("10:00:50", lambda: made.tick(66_000))
    made.play("10:01:00")
    sells = [sent for sent in made.world.broker.sent if isinstance(sent, OrderTicket)]
    assert sells == [
        OrderTicket(
            side=Side.SELL,
            stock_code=SAMSUNG,
            quantity=10,
            order_type=OrderType.MARKET,
            price=0,
        )
    ], "once, although the price stayed below"
    (order,) = made.world.journal.orders(limit=1)
    assert (order.origin, order.state) == ("stop_loss", OrderState.FILLED)
    assert order.created_at == order.tick_at == at("10:00:40")
    assert made.world.journal.positions() == ()
    assert sum(trade.profit for trade in made.world.journal.trades()) < 0


def test_a_tick_at_the_target_takes_the_profit(stage: Make) -> None:
    made = stage()
    made.hold()
    made.act("10:00:30", lambda: made.tick(77_000))
    made.play("10:00:40")
    (order,) = made.world.journal.orders(limit=1)
    assert (order.origin, order.side, order.quantity) == ("take_profit", "SELL", 10)


def test_a_stop_loss_waits_for_neither_scan_nor_analyst(tmp_path: Path) -> None:
    """Real threads, real time: the analyst does not answer, and the scan does not either."""
    clock = ScaledClock(at("10:00"), time.time(), 1.0)
    world = World(tmp_path, clock=clock)
    stage = Stage.__new__(Stage)
    stage.world, stage.clock = world, clock  # type: ignore[assignment]
    stage.hold()
    world.analyst.block = threading.Event()
    sold = threading.Event()
    world.broker.on_sent = sold.set
    stream = FakeStream()
    stage.streams = [stream]
    day = Day(world.ctx, lambda: stream)
    running = threading.Thread(target=day.run)
    running.start()
    try:
        assert world.analyst.asked.wait(20), "the analyst is at it"
        began = time.perf_counter()
        stage.tick(66_000)
        assert sold.wait(10)
        took = time.perf_counter() - began
    finally:
        day.stop()
        running.join(20)
        world.analyst.block.set()
    assert not running.is_alive()
    assert took < 5.0, f"{took * 1000:.0f} ms"
    (order,) = world.journal.orders(limit=1)
    assert order.origin == "stop_loss"
    world.close()


def test_a_decision_overtaken_by_another_process_is_checked_again(
    stage: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its check counted the money without the other's order; then it is counted again."""
    made = stage(Config(limits=Limits(total=1_000_000)))
    made.world.analyst.answers = [{SAMSUNG: fakes.buy()}, {}]
    checked: list[tuple[Check, ...]] = []
    usual = check.check

    def judged(*arguments: Any, **more: Any) -> tuple[Check, ...]:
        found = usual(*arguments, **more)
        checked.append(found)
        if len(checked) == 1:  # a person is faster
            other = made.world.context(run="OTHER")
            ticket = fakes.ticket(code=HYNIX, price=180_000, quantity=2)
            typed = check.check_order(other, fakes.wanted(ticket))
            place.place(other, typed)
        return found

    monkeypatch.setattr(check, "check", judged)
    made.play("10:00:40")
    assert len(checked) == 2
    mine, other = made.world.journal.orders()
    assert (mine.stock_code, other.stock_code) == (SAMSUNG, HYNIX)
    spent = mine.quantity * mine.price + other.quantity * other.price
    assert mine.ord_no and spent <= 1_000_000 < spent + mine.price


def test_after_last_buy_nothing_is_bought_and_open_buys_are_cancelled(stage: Make) -> None:
    made = stage(start="15:10")
    made.world.analyst.answers = [{SAMSUNG: fakes.buy()}]
    made.play("15:25")
    order = made.world.journal.orders()[-1]
    assert order.state is OrderState.CANCELLED
    assert made.day.runtime.timers.running("fast") is False


def test_positions_may_be_closed_before_the_close(stage: Make) -> None:
    made = stage(Config(session=SessionHours(close_positions=True)), start="15:15")
    made.hold()
    made.act("15:20:30", made.fill_all)
    made.play("15:21")
    assert made.world.journal.positions() == ()
    assert made.world.journal.orders(limit=1)[0].created_at == at("15:20")


def test_a_session_message_ends_buying_early(stage: Make) -> None:
    made = stage(start="14:00")
    made.act(
        "14:00:10",
        lambda: made.stream.say(SessionNotice(code="4", at=made.clock.now())),
    )
    made.play("14:01")
    assert made.day.runtime.state.phase == "settle"


def test_unfilled_orders_are_amended_once_and_then_cancelled(stage: Make) -> None:
    made = stage(Config(orders=Orders(unfilled_after=60)))
    made.world.analyst.answers = [{SAMSUNG: fakes.buy()}, {}]
    made.act("10:03:30", lambda: None)
    made.play("10:03:40")
    order = made.world.journal.orders()[-1]
    kinds = [event.kind for event in made.world.journal.order_events(order.order_id)]
    assert kinds == [
        "PLANNED", "SENDING", "ACKED", "AMENDING", "AMENDED", "CANCELLING", "CANCELLED",
    ]  # fmt: skip
    assert order.price == 70_100, "amended to the best ask"
    assert order.state is OrderState.CANCELLED


def test_the_stream_follows_what_is_held_and_chosen(stage: Make) -> None:
    made = stage()
    made.hold()
    made.play("10:01")
    assert SAMSUNG in made.stream.subscribed[StreamKind.BOOK]
    assert made.stream.subscribed[StreamKind.TRADE] == set(made.world.market.prices)
    assert {StreamKind.ORDERS, StreamKind.BALANCE, StreamKind.SESSION} <= set(
        made.stream.subscribed
    )


def test_lost_frames_are_caught_up_by_the_lists(stage: Make) -> None:
    made = stage()
    made.world.analyst.answers = [{SAMSUNG: fakes.buy()}, {}]
    made.world.broker.fill_at_once = True  # and no frame ever says so
    made.play("10:00:30")
    assert [p.quantity for p in made.world.journal.positions()] == [10]


def test_a_frame_about_a_lost_answer_finds_its_order(stage: Make) -> None:
    made = stage()
    made.world.analyst.answers = [{SAMSUNG: fakes.buy()}, {}]
    made.world.broker.outcomes = [fakes.unknown()]
    made.act("10:00:20", made.fill_all)
    made.play("10:00:40")
    (order,) = [o for o in made.world.journal.orders() if o.stock_code == SAMSUNG]
    assert order.state is OrderState.FILLED
    assert [p.quantity for p in made.world.journal.positions()] == [10]
    assert made.world.journal.locks() == ()


@pytest.mark.parametrize("taken", [True, False])
def test_a_lost_answer_is_looked_for_without_any_frame(stage: Make, taken: bool) -> None:
    made = stage()
    made.world.analyst.answers = [{SAMSUNG: fakes.buy()}, {}]
    made.world.broker.outcomes = [fakes.unknown()]
    made.world.broker.taken = taken
    made.play("10:00:40")
    (order,) = [o for o in made.world.journal.orders() if o.stock_code == SAMSUNG]
    assert order.state is (OrderState.ACKED if taken else OrderState.UNKNOWN)
    assert bool(made.world.journal.locks()) is not taken
    assert len(made.world.broker.sent) == 1


def test_a_lost_cancel_is_looked_for(stage: Make) -> None:
    made = stage(Config(orders=Orders(unfilled_after=20, unfilled="cancel")))
    made.world.analyst.answers = [{SAMSUNG: fakes.buy()}, {}]
    made.act("10:00:10", lambda: made.world.broker.outcomes.append(fakes.unknown()))
    made.play("10:02:00")
    assert made.world.journal.orders()[-1].state is OrderState.CANCELLED


def test_a_price_below_the_stop_at_the_start_sells_without_a_tick(stage: Make) -> None:
    made = stage()
    made.hold()
    made.world.market.prices[SAMSUNG] = 66_000
    made.play("10:00:05")
    assert made.world.journal.orders(limit=1)[0].origin == "stop_loss"


def test_stop_ends_at_once_and_leaves_orders_at_the_broker(stage: Make) -> None:
    made = stage()
    made.world.analyst.answers = [{SAMSUNG: fakes.buy()}, {}]
    report = made.play("10:00:20")
    assert report.ended == "stopped"
    assert report.exit_code is ExitCode.DONE
    assert made.stream.closed
    assert [row.open_quantity for row in made.world.broker.open_orders()] == [10]
    assert made.world.journal.orders()[0].state is OrderState.ACKED


@pytest.mark.parametrize("start", ["16:30", "23:00"])
def test_after_hours_a_run_until_close_ends_at_once(stage: Make, start: str) -> None:
    made = stage(start=start, until_close=True)
    assert made.day.run().ended == "the trading day is over"
    assert made.streams == []


def test_the_next_trading_day_begins_by_itself(
    stage: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(day_module, "TURN", 60.0)
    made = stage(Config(scan=Scan(fast_every=600, deep_every=600, ai_every=600)), start="15:29")
    made.clock.step = 60.0
    made.play("09:01", day=1)
    phases = [line.split()[1] for line in made.lines if line.split()[1] in set(Phase)]
    assert phases[-5:] == ["idle", "before", "start", "prepare", "open"]
    assert made.day.runtime.state.begun == date(2026, 11, 24)
    assert made.day.runtime.state.reconciled
    assert len(made.streams) == 2


def test_the_daily_loss_limit_stops_buying_until_the_next_trading_day(stage: Make) -> None:
    made = stage(Config(limits=Limits(daily_loss=30_000)))
    made.hold()
    made.act("10:00:29", lambda: made.world.market.prices.update({SAMSUNG: 66_000}))
    made.act("10:00:30", lambda: made.tick(66_000))
    made.act("10:00:31", made.fill_all)
    made.play("10:01")
    stop = made.world.journal.stop()
    assert (stop.mode, stop.until) == (StopMode.REDUCE, date(2026, 11, 24))
    assert "limit 30,000" in stop.reason
    made.world.restart()
    wanted = fakes.ticket(quantity=1, price=66_000)
    checked = check.check_order(made.ctx, fakes.wanted(wanted))
    assert {"REDUCING", "DAILY_LOSS"} <= {result.code for result in checked.denials}
    made.clock.set(at("09:30", day=1))
    assert stops.current(made.ctx).mode is StopMode.RUNNING
    checked = check.check_order(made.ctx, fakes.wanted(wanted))
    assert checked.passed, checked.denials


def test_what_workers_do_is_journaled_as_steps(stage: Make) -> None:
    made = stage()
    made.world.broker.failing["holdings"] = Unreachable("no answer")
    made.act("10:00:05", made.world.broker.failing.clear)
    made.play("10:01")
    steps = made.world.journal.events(kinds=["step"], limit=1_000)
    done = {step["name"] for step in steps if step["outcome"] == "done"}
    assert {"reconcile", "feed", "fast", "deep", "ai"} <= done
    failed = [(step["name"], step["detail"]) for step in steps if step["outcome"] == "failed"]
    assert failed == [("reconcile", "no answer")]


def test_heartbeats_are_journaled_in_every_phase(stage: Make) -> None:
    """`kt status` must not take a day that waits for the next one for one that hangs."""
    night = stage(start="15:50")
    beats: list[tuple[datetime, datetime]] = []

    def look() -> None:
        (run,) = [row for row in night.ctx.journal.runs() if row["run"] == "RUN"]
        seen = max(run["heartbeats"].values())
        beats.append((night.clock.now(), datetime.fromisoformat(seen)))

    night.ctx.journal.start_run("RUN", "run", "test")
    for when in ("15:55", "16:10", "16:30"):
        night.act(when, look)
    night.play("16:31")
    assert all(now - seen <= timedelta(seconds=BEAT + 1) for now, seen in beats), beats


def test_queued_events_are_handled_before_a_run_with_lost_files_ends(stage: Make) -> None:
    lost: list[str] = []
    day = stage(still_ours=lambda: lost[0] if lost else None)
    day.hold()

    def both() -> None:
        day.tick(60_000)
        lost.append("the database kt.db was deleted or replaced")

    day.act("10:00:30", both)
    report = day.play("10:05")
    assert (report.exit_code, report.ended, report.alarms) == (ExitCode.ERROR, *lost, lost)
    assert [sent.side for sent in day.world.broker.sent] == [Side.SELL]  # type: ignore[union-attr]
    level, title, text = day.world.notifier.told[-1]
    assert (level, title) == ("critical", "kt: the run ends") and text.startswith(lost[0])


def test_a_day_that_is_ended_early_reports_what_it_has_brought(stage: Make) -> None:
    made = stage()
    made.world.broker.d2_cash = 10_000_000
    made.hold(10, 70_000)
    made.act("10:01", lambda: made.tick(77_000))
    made.act("10:01:05", made.fill_all)
    report = made.play("10:03")
    (day,) = report.days
    assert day.day == date(2026, 11, 23)
    assert day.realised > 60_000
    assert (day.trades, day.wins) == (1, 1)


def test_the_equity_is_kept_every_minute(stage: Make) -> None:
    made = stage()
    made.world.broker.d2_cash = 10_000_000
    made.hold(10, 70_000)
    made.play("10:05:30")
    kept = made.world.journal.equity(since=at("10:00"), until=at("16:00"))
    minutes = [point.at for point in kept]
    assert minutes == [at("10:00") + timedelta(minutes=n) for n in range(6)]


def test_prices_are_kept_of_the_minutes_in_which_they_are_told(stage: Make) -> None:
    made = stage()
    made.hold(10, 70_000)
    ticks = {"10:01:05": 70_100, "10:01:20": 70_200, "10:02:10": 77_000, "10:05:10": 77_100}
    for when, price in ticks.items():
        made.act(when, lambda price=price: made.tick(price))  # type: ignore[misc]
    made.act("10:02:20", made.fill_all)
    made.act("10:03:10", lambda: made.tick(5_000, HYNIX))
    made.play("10:08")
    kept = made.world.journal.prices(SAMSUNG, at("10:01"), at("16:00"))
    assert {f"{one.at:%H:%M}": one.price for one in kept} == {
        "10:01": 70_200, "10:02": 77_000, "10:05": 77_100,
    }, "also after it was sold; a price that nobody told again is not told again"  # fmt: skip
    assert made.world.journal.positions() == ()
    scanned = made.world.journal.prices(HYNIX, at("10:00"), at("16:00"))
    assert 5_000 not in {one.price for one in scanned}, "not traded"


def test_the_day_begins_with_the_accounts_return(stage: Make, monkeypatch: Any) -> None:
    made = stage(start="07:59")
    row = AccountReturn(
        stock_code=SAMSUNG,
        stock_name="삼성전자",
        price=69_300,
        average_price=70_000,
        cost=700_000,
        quantity=10,
        realised_today=0,
        fee=0,
        tax=0,
        profit_pct=-1.0,
    )
    gone = replace(row, stock_code=HYNIX, quantity=0, cost=0, realised_today=1_200)
    monkeypatch.setattr(made.world.broker, "returns", lambda: (row, gone))
    made.play("08:01")
    told = "1 stocks held, paid 700,000 won, worth 693,000 won (-1.00 %), realised today +1,200 won"
    assert ("info", "account at the start", told) in made.world.notifier.told
    notices = made.world.journal.events(kinds=["notice"])
    assert told in [row["text"] for row in notices]


def test_a_day_begins_without_the_accounts_return_too(stage: Make) -> None:
    made = stage(start="07:59")
    made.world.broker.failing["returns"] = Unreachable("HTTP 503")
    made.play("08:01")
    assert made.day.runtime.state.reconciled

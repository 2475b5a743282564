"""Timers, workers and watchdog."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kt.config.model import Emergency
from kt.engine.timers import Timers
from kt.engine.watchdog import Watchdog
from kt.engine.workers import READY, Answered, Inline, Task, Then, Workers
from kt.records import Order, OrderState, OrderType, Origin, Side, Tick
from tests.fakes import OPEN, SAMSUNG


def run(task: Task) -> Answered:
    try:
        return Answered(task, task.work())
    except ValueError as failure:
        return Answered(task, failure)


def task(name: str, work: Callable[[], object] = lambda: None, *, orders: bool = False) -> Task:
    """A task whose result does nothing; `work` may wait or raise."""

    def done() -> Then:
        work()
        return lambda: None

    return Task(name, name, done, orders=orders)


# timers


def test_a_timer_fires_at_once_and_then_at_its_pace() -> None:
    timers = Timers()
    timers.every("look", 5, now=100)
    assert timers.due(100) == ("look",)
    assert timers.due(104.9) == ()
    assert 0.09 < timers.next_in(104.9, at_most=10) < 0.11
    assert timers.due(105) == ("look",)


def test_a_missed_timer_fires_once() -> None:
    timers = Timers()
    timers.every("look", 5, now=0, first=5)
    assert timers.due(4) == ()
    assert timers.due(100) == ("look",)
    assert timers.due(100.1) == ()
    assert timers.due(105) == ("look",)


def test_timers_can_be_stopped_and_fired_early() -> None:
    timers = Timers()
    timers.every("look", 50, now=0, first=50)
    timers.fire_now("look", 3)
    assert timers.due(3) == ("look",)
    timers.stop("look", "nothing")
    assert not timers.running("look")
    timers.fire_now("look", 4)
    assert timers.due(1000) == ()
    assert timers.next_in(0, at_most=1) == 1


@given(st.lists(st.floats(0.01, 20), min_size=1, max_size=50), st.floats(0.5, 10))
def test_a_timer_never_fires_more_often_than_its_pace(steps: list[float], every: float) -> None:
    timers = Timers()
    timers.every("look", every, now=0)
    now, fired = 0.0, 0
    for step in steps:
        now += step
        fired += len(timers.due(now))
    assert fired <= now / every + 1


# workers


def test_one_job_of_a_name_at_a_time() -> None:
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    workers, go = Workers(answers.put, run), threading.Event()
    scan, other = task("scan", lambda: go.wait(10)), task("other")
    assert workers.start(scan)
    assert workers.busy("scan")
    assert not workers.start(task("scan")), "the one before it has not ended"
    assert workers.start(other)
    assert answers.get(timeout=10).task is other
    go.set()
    assert answers.get(timeout=10).task is scan
    assert not workers.start(scan), "its answer may say when to try again"
    workers.release(scan)
    assert workers.start(scan)
    assert answers.get(timeout=10).task is scan


def test_what_a_worker_raises_is_its_answer() -> None:
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    failure = ValueError("no")

    def fail() -> None:
        raise failure

    for workers in (Workers(answers.put, run), Inline(answers.put, run)):
        workers.start(task("scan", fail))
        answered = answers.get(timeout=10)
        assert answered.outcome is failure
        workers.release(answered.task)
        assert not workers.busy("scan")


class Answers(queue.SimpleQueue[Any]):
    """Notes at each answer whether an order may still be on its way."""

    workers: Workers

    def __init__(self) -> None:
        self.sending: list[bool] = []

    def put(self, answered: Any, block: bool = True, timeout: float | None = None) -> None:
        self.sending.append(self.workers.sending)
        super().put(answered, block, timeout)


@pytest.mark.parametrize("orders", [True, False])
def test_an_order_counts_as_sending_until_its_answer_is_on_the_queue(orders: bool) -> None:
    """A frame that is put aside is handled again when the answer arrives: it must be queued after
    it."""
    answers = Answers()
    workers = answers.workers = Workers(answers.put, run)
    workers.start(task("exit", orders=orders))
    answers.get(timeout=10)
    assert answers.sending == [orders]
    assert workers.drain(10) and not workers.sending
    workers.line_up(task("placed", orders=True))
    answers.get(timeout=10)
    assert answers.sending == [orders, True]
    workers.close()


def test_after_the_first_job_an_exit_starts_no_new_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first job is no exit: from then on idle threads exist, and they are reused."""
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    workers, go = Workers(answers.put, run), threading.Event()
    workers.start(task("reconcile"))
    answers.get(timeout=10)
    monkeypatch.setattr(threading.Thread, "start", lambda thread: pytest.fail("a new thread"))
    for _ in range(2):
        go.clear()
        for number in range(READY):
            assert workers.start(task(f"exit.{number}", lambda: go.wait(10), orders=True))
        go.set()
        for _ in range(READY):
            workers.release(answers.get(timeout=10).task)
        assert workers.drain(10)
    workers.close()


def test_more_jobs_than_threads_that_wait_all_run_at_once() -> None:
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    workers, together = Workers(answers.put, run), threading.Barrier(2 * READY)
    for number in range(2 * READY):
        workers.start(task(f"job {number}", lambda: together.wait(10)))
    for _ in range(2 * READY):
        assert not isinstance(answers.get(timeout=10).outcome, Exception)
    before = threading.active_count()
    workers.close()
    ends = time.monotonic() + 10
    while threading.active_count() > before - 2 * READY:
        assert time.monotonic() < ends
        time.sleep(0.005)


# the watchdog


def order(state: OrderState) -> Order:
    return Order(
        order_id="O",
        run="R",
        side=Side.BUY,
        stock_code=SAMSUNG,
        stock_name="삼성전자",
        order_type=OrderType.LIMIT,
        quantity=1,
        price=70_000,
        state=state,
        origin=Origin.CYCLE,
        created_at=OPEN,
        updated_at=OPEN,
    )


def tick(price: int) -> Tick:
    return Tick(
        stock_code=SAMSUNG,
        price=price,
        quantity=1,
        side=Side.BUY,
        volume=1,
        change_pct=0.0,
        at=OPEN,
    )


def test_enough_errors_within_the_window_raise_one_alarm() -> None:
    dog = Watchdog(Emergency(errors=3, window=60))
    times = [OPEN + timedelta(seconds=s) for s in (0, 50, 100, 105, 106, 107)]
    rung = [dog.error("network", at) is not None for at in times]
    assert rung == [False, False, False, True, False, False]


def test_some_errors_do_not_count() -> None:
    dog = Watchdog(Emergency(errors=1))
    assert dog.error("rate", OPEN) is None
    assert dog.error("order", OPEN) is None
    assert dog.error("auth", OPEN) is None
    assert dog.error("fatal", OPEN) is not None


def test_an_accepted_order_ends_a_row_of_refusals() -> None:
    dog = Watchdog(Emergency(rejects_in_row=2, burst_orders=100))
    states = [OrderState.REJECTED, OrderState.ACKED, OrderState.REJECTED, OrderState.DENIED]
    assert [dog.order(order(state), OPEN) for state in states] == [None] * 4
    again = order(OrderState.REJECTED)
    assert dog.order(again, OPEN) is None, "one stock's trouble stays that stock's"
    alarm = dog.order(replace(again, stock_code="000660"), OPEN)
    assert alarm is not None
    assert alarm.code == "REJECTS"


def test_a_burst_is_counted_in_sent_orders() -> None:
    dog = Watchdog(Emergency(burst_orders=3, window=60))
    assert dog.order(order(OrderState.DENIED), OPEN) is None
    assert dog.order(order(OrderState.ACKED), OPEN) is None
    assert dog.order(order(OrderState.ACKED), OPEN) is None
    alarm = dog.order(order(OrderState.ACKED), OPEN)
    assert alarm is not None
    assert alarm.code == "BURST"


def test_only_held_prices_alarm_and_only_between_two_ticks() -> None:
    dog = Watchdog(Emergency(price_jump_pct=10))
    assert dog.tick(tick(70_000), held=True) is None
    assert dog.tick(tick(60_000), held=False) is None
    assert dog.tick(tick(61_000), held=True) is None
    assert dog.tick(tick(50_000), held=True) is not None

"""Virtual time: who waits gets its turn in the order of time, and nothing waits for the machine."""

from __future__ import annotations

import os
import queue
import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from kt.ports import concurrency
from kt.ports.patience import time_left, within
from kt.records import KST
from kt.virtual_time import VirtualTime

NINE = datetime(2026, 1, 5, 9, tzinfo=KST)


@pytest.fixture
def virtual() -> Iterator[VirtualTime]:
    made = VirtualTime(NINE)
    with made.driving():
        yield made
    made.close()


def after(virtual: VirtualTime, seconds: float, work: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        virtual.sleep(seconds)
        work()

    return run


def test_sleeping_moves_the_clock_and_takes_no_time(virtual: VirtualTime) -> None:
    began = time.monotonic()
    virtual.sleep(6 * 3600)
    assert virtual.now() == NINE + timedelta(hours=6)
    assert virtual.monotonic() == 6 * 3600
    assert time.monotonic() - began < 5


def test_who_waits_shorter_goes_first_and_equals_in_their_order(virtual: VirtualTime) -> None:
    seen: list[str] = []
    for name, seconds in (("late", 2.0), ("first", 1.0), ("second", 1.0)):
        concurrency.start(after(virtual, seconds, lambda name=name: seen.append(name)), name)
    virtual.call_later(1.5, lambda: seen.append("event"))
    virtual.sleep(3)
    assert seen == ["first", "second", "event", "late"]


def test_a_mailbox_hands_over_at_the_moment_of_the_put(virtual: VirtualTime) -> None:
    mailbox = concurrency.mailbox()
    concurrency.start(after(virtual, 0.25, lambda: mailbox.put("here")), "putter")
    assert mailbox.get(timeout=10) == "here"
    assert virtual.monotonic() == 0.25
    with pytest.raises(queue.Empty):
        mailbox.get(timeout=2)
    assert virtual.monotonic() == 2.25
    with pytest.raises(queue.Empty):
        mailbox.get_nowait()


def test_items_that_two_wait_for_go_to_who_waits_longest(virtual: VirtualTime) -> None:
    mailbox, got = concurrency.mailbox(), list[tuple[str, object]]()
    for name in ("one", "two"):
        concurrency.start(lambda name=name: got.append((name, mailbox.get())), name)
    virtual.sleep(1)
    mailbox.put(1)
    mailbox.put(2)
    virtual.sleep(1)
    assert got == [("one", 1), ("two", 2)]


def test_a_lock_is_held_while_its_owner_waits(virtual: VirtualTime) -> None:
    lock, order = concurrency.lock(), list[str]()

    def hold() -> None:
        with lock:
            virtual.sleep(5)
            order.append("holder")

    concurrency.start(hold, "holder")
    virtual.sleep(1)
    assert not lock.acquire(timeout=2)
    assert virtual.monotonic() == 3
    with lock:
        order.append("other")
    assert (order, virtual.monotonic()) == (["holder", "other"], 5)


def test_a_semaphore_lets_so_many_in(virtual: VirtualTime) -> None:
    places = concurrency.semaphore(2)
    assert places.acquire() and places.acquire()
    assert not places.acquire(blocking=False)
    assert not places.acquire(timeout=1)
    places.release()
    assert places.acquire(timeout=1)
    places.release()
    places.release()
    with pytest.raises(ValueError, match="too many"):
        places.release()


def test_a_condition_wakes_all_who_wait(virtual: VirtualTime) -> None:
    changed, woken = concurrency.condition(), list[bool]()

    def wait() -> None:
        with changed:
            woken.append(changed.wait(10))

    for name in "ab":
        concurrency.start(wait, name)
    virtual.sleep(1)
    with changed:
        changed.notify_all()
    virtual.sleep(0)
    assert (woken, virtual.monotonic()) == ([True, True], 1)
    with changed:
        assert not changed.wait(3)
    assert virtual.monotonic() == 4


def test_deadlines_are_counted_in_virtual_seconds(virtual: VirtualTime) -> None:
    with within(10):
        virtual.sleep(4)
        assert time_left() == pytest.approx(6)


def test_a_short_wait_never_ends_too_early(virtual: VirtualTime) -> None:
    due = virtual.monotonic() + 0.1 + 0.2  # 0.30000000000000004
    while (left := due - virtual.monotonic()) > 0:
        virtual.sleep(left)
    assert virtual.monotonic() >= due


def test_what_a_thread_raises_is_raised_on_the_main_one(virtual: VirtualTime) -> None:
    def fail() -> None:
        raise ZeroDivisionError("in a thread")

    concurrency.start(after(virtual, 1, fail), "failing")
    with pytest.raises(ZeroDivisionError, match="in a thread"):
        virtual.sleep(5)
    assert virtual.monotonic() == 1


def test_what_an_event_raises_is_raised_on_the_main_one(virtual: VirtualTime) -> None:
    concurrency.start(lambda: virtual.sleep(10), "beside")
    virtual.call_later(1, lambda: {}["missing"])
    with pytest.raises(KeyError):
        virtual.sleep(5)


def test_an_event_must_not_wait(virtual: VirtualTime) -> None:
    virtual.call_later(1, lambda: virtual.sleep(1))
    with pytest.raises(RuntimeError, match="tried to wait"):
        virtual.sleep(5)


def test_waiting_for_ever_is_an_error_and_no_hang(virtual: VirtualTime) -> None:
    with pytest.raises(RuntimeError, match="waits for ever"):
        concurrency.mailbox().get()


def test_closing_ends_threads_where_they_wait_and_runs_their_ends() -> None:
    virtual, ended = VirtualTime(NINE), list[str]()

    def live() -> None:
        try:
            concurrency.mailbox().get()
        finally:
            ended.append("ended")

    with virtual.driving():
        concurrency.start(live, "waiting")
        concurrency.start(lambda: ended.append("never began"), "new")
        virtual.call_later(0, lambda: None)
        virtual.sleep(1)
        concurrency.start(lambda: ended.append("never began either"), "newer")
        virtual.close()
    assert ended == ["never began", "ended"]


def test_outside_the_block_threads_are_the_machines() -> None:
    with VirtualTime(NINE).driving():
        assert concurrency.monotonic() == 0
    assert concurrency.monotonic() == pytest.approx(time.monotonic(), abs=5)
    done = concurrency.mailbox()
    concurrency.start(lambda: done.put("real"), "real")
    assert done.get(timeout=10) == "real"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_whatever_the_thread_that_it_hits_catches(number: int) -> None:
    ended = []

    def unwind(*_: object) -> None:
        raise KeyboardInterrupt

    def stubborn(time: VirtualTime) -> None:
        try:
            os.kill(os.getpid(), number)
            time.sleep(0)
            for _ in range(100):
                time.sleep(1)
        except KeyboardInterrupt:  # as a worker that takes every failure for one of its work
            ended.append("caught")

    before = signal.signal(number, unwind)
    try:
        time = VirtualTime(NINE)
        with pytest.raises(KeyboardInterrupt), time.driving():
            time.start(lambda: stubborn(time), "stubborn")
            time.sleep(1_000)
        time.close()
        assert signal.getsignal(number) is unwind
    finally:
        signal.signal(number, before)
    assert not ended and time.now() < NINE + timedelta(seconds=1)

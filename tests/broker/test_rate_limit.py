"""The budget: as fast as allowed and never faster, for all threads and processes of one key."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kt.broker.rest.endpoints import Group, Priority, find
from kt.broker.rest.rate_limit import Pacer, budget
from kt.clock import ScaledClock, SystemClock
from kt.errors import KtError
from tests.broker.wiring import NOW, SteppingClock

ROOT = Path(__file__).resolve().parents[2]
CHART, QUOTE, BUY, SELL, LISTING = map(
    find, ("ka10080", "ka10001", "kt10000", "kt10001", "ka10099")
)


def pacer(folder: Path, clock: SteppingClock, queries: float = 5.0, orders: float = 5.0) -> Pacer:
    return Pacer(folder, "k", clock, queries, orders)


def times(clock: SteppingClock, wait: Callable[[], None], count: int) -> list[float]:
    """When each of `count` calls went out, from the start."""
    start, found = clock.monotonic(), list[float]()
    for _ in range(count):
        wait()
        found.append(round(clock.monotonic() - start, 3))
    return found


def test_five_a_second(tmp_path: Path) -> None:
    """A few calls go nearly at once, many at an even pace."""
    clock = SteppingClock()
    paced = pacer(tmp_path, clock)
    found = times(clock, lambda: paced.wait(CHART), 50)
    assert found[0] == 0.0
    assert found[4] < 0.4
    assert found[5] == 1.05
    assert 9.5 < found[-1] < 10.5
    for start in found:
        assert sum(start <= at < start + 1.04 for at in found) <= 5


def test_ten_orders_at_once_leave_as_soon_as_five_a_second_allow(tmp_path: Path) -> None:
    clock = SteppingClock()
    paced = pacer(tmp_path, clock)
    assert times(clock, lambda: paced.wait(SELL), 11) == [0.0] * 5 + [1.05] * 5 + [2.1]


def test_ten_threads_orders_leave_as_soon_as_five_a_second_allow(tmp_path: Path) -> None:
    """Whoever waits behind others sleeps no longer than the window does."""
    paced = Pacer(tmp_path, "k", SystemClock(), 5, 5)
    began, left = time.monotonic(), list[float]()

    def leave() -> None:
        paced.wait(SELL)
        left.append(time.monotonic() - began)

    threads = [threading.Thread(target=leave) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    left.sort()
    assert left[5] - left[0] >= 1.0
    assert left[-1] < 1.05 + 0.25, "a quarter of a second for a slow machine"


def test_an_order_does_not_wait_for_the_lock_of_queries(tmp_path: Path) -> None:
    paced = pacer(tmp_path, SteppingClock())
    paced.wait(CHART)
    with paced._state(Group.QUERY):
        began = time.monotonic()
        paced.refused(SELL)
        paced.sent_at(SELL, paced.wait(SELL), 0.0)
        assert time.monotonic() - began < 1.0


def test_one_a_second_as_on_mock(tmp_path: Path) -> None:
    clock = SteppingClock()
    paced = pacer(tmp_path, clock, queries=1.0)
    assert times(clock, lambda: paced.wait(CHART), 3) == [0.0, 1.05, 2.1]


def test_a_heavy_api_is_slower_than_its_group(tmp_path: Path) -> None:
    clock = SteppingClock()
    paced = pacer(tmp_path, clock)
    assert times(clock, lambda: paced.wait(LISTING), 3) == [0.0, 2.05, 4.1]


def test_the_window_runs_from_when_a_call_was_really_sent(tmp_path: Path) -> None:
    """Connecting may take a while: the server counts from its end."""
    clock = SteppingClock()
    paced = pacer(tmp_path, clock, queries=1.0)
    number = paced.wait(CHART)
    clock.advance(0.5)
    paced.sent_at(CHART, number, clock.monotonic())
    paced.wait(CHART)
    assert clock.slept == [pytest.approx(1.05)]
    clock.advance(10)
    late = paced.wait(CHART)
    clock.advance(5)
    paced.sent_at(CHART, late, clock.monotonic())
    clock.slept.clear()
    paced.wait(CHART)
    assert clock.slept == [pytest.approx(1.05)]


def test_each_query_api_has_a_budget_of_its_own_and_orders_share_one(tmp_path: Path) -> None:
    clock = SteppingClock()
    paced = pacer(tmp_path, clock, queries=1.0, orders=2.0)
    for api in (CHART, QUOTE, BUY):
        paced.wait(api)
    assert clock.slept == []
    paced.wait(SELL)
    paced.wait(BUY)
    assert 1.0 < sum(clock.slept) < 1.2


def test_no_window_of_a_second_holds_more_than_the_rate(tmp_path: Path) -> None:
    clock = SteppingClock()
    paced = pacer(tmp_path, clock)
    found = []
    for pause in (0.3, 0.0, 0.0, 0.9, 0.0, 0.0, 0.0, 0.1, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0):
        clock.advance(pause)
        paced.wait(CHART)
        found.append(clock.monotonic())
    for start in found:
        assert sum(start <= at < start + 1.0 for at in found) <= 5


def test_a_refusal_closes_the_budget_for_a_second(tmp_path: Path) -> None:
    clock = SteppingClock()
    paced = pacer(tmp_path, clock)
    paced.refused(CHART)
    paced.wait(QUOTE)
    assert clock.slept == []
    paced.wait(CHART)
    assert clock.slept == [1.0]


def test_a_refusal_of_the_whole_group_closes_its_every_budget(tmp_path: Path) -> None:
    clock = SteppingClock()
    paced = pacer(tmp_path, clock)
    paced.refused(CHART, whole_group=True)
    paced.wait(BUY)
    assert clock.slept == []
    paced.wait(QUOTE)
    assert clock.slept == [1.0]


def test_times_from_before_a_restart_of_the_machine_are_forgotten(tmp_path: Path) -> None:
    """After one the monotonic clock begins anew: what stands in the file is in the future."""
    late = SteppingClock()
    late.advance(1_000_000)
    before = pacer(tmp_path, late)
    for _ in range(5):
        before.wait(CHART)
    before.refused(CHART)
    clock = SteppingClock()
    after = pacer(tmp_path, clock)
    assert times(clock, lambda: after.wait(CHART), 5)[-1] < 0.4


@pytest.mark.parametrize("text", [b"{", b"\x00" * 50, b'{"buckets":3}', b"[]"])
def test_a_broken_file_counts_as_a_budget_just_used_up(text: bytes, tmp_path: Path) -> None:
    clock = SteppingClock()
    paced = pacer(tmp_path, clock)
    paced.file(Group.QUERY).write_bytes(text)
    paced.wait(CHART)
    assert clock.slept == [1.0]
    json.loads(paced.file(Group.QUERY).read_text())


def test_a_file_that_shrinks_leaves_no_rest_of_the_longer_one(tmp_path: Path) -> None:
    clock = SteppingClock()
    paced = pacer(tmp_path, clock)
    for _ in range(5):
        paced.wait(CHART)
    clock.advance(10)
    paced.wait(CHART)
    assert len(json.loads(paced.file(Group.QUERY).read_text())["buckets"]["ka10080"]["sent"]) == 1


def test_a_folder_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(KtError, match="cannot be kept"):
        pacer(tmp_path / "state", SteppingClock()).wait(CHART)


def test_budgets() -> None:
    assert (budget(5).calls, budget(5).window) == (5, 1.05)
    assert (budget(0.5).calls, budget(0.5).window) == (1, 2.05)
    assert (budget(2.5).calls, budget(2.5).window) == (2, pytest.approx(0.85))


def waiting(paced: Pacer, bucket: str) -> int:
    try:
        state = json.loads(paced.file(Group.QUERY).read_text())
    except ValueError:  # read in the middle of a write
        return -1
    return len(state["buckets"].get(bucket, {}).get("waiting", []))


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_the_highest_priority_goes_first_then_the_oldest(tmp_path: Path) -> None:
    """One call in two clock seconds, which are 0.4 s here; the budget is used up at first."""
    clock = ScaledClock(NOW, time.time(), 5.0)
    paced = Pacer(tmp_path, "k", clock, 0.5, 0.5)
    paced.wait(CHART)
    order: list[str] = []
    threads = []
    for name, priority in (
        ("scan 1", Priority.SCAN),
        ("scan 2", Priority.SCAN),
        ("exit", Priority.EXIT),
        ("account", Priority.ACCOUNT),
    ):

        def run(name: str = name, priority: Priority = priority) -> None:
            paced.wait(CHART, priority)
            order.append(name)

        thread = threading.Thread(target=run)
        thread.start()
        threads.append(thread)
        until(lambda: waiting(paced, "ka10080") == len(threads) or bool(order))
    assert order == []
    for thread in threads:
        thread.join(20)
    assert order == ["account", "exit", "scan 1", "scan 2"]


PROCESS = """
import sys, time
from pathlib import Path
from kt.broker.rest.rate_limit import Pacer
from kt.broker.rest.endpoints import find
from kt.clock import SystemClock

paced = Pacer(Path(sys.argv[1]), "k", SystemClock(), 10, 10)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    paced.wait(find("ka10080"))
    print(time.monotonic(), flush=True)
if sys.argv[3:] == ["hold"]:
    with paced._state(find("ka10080").group):
        print("holding", flush=True)
        time.sleep(60)
if sys.argv[3:] == ["wait"]:
    print("waiting", flush=True)
    paced.wait(find("ka10080"))
"""


def process(folder: Path, calls: int, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(folder), str(calls), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )


def test_processes_share_the_budget(tmp_path: Path) -> None:
    children = [process(tmp_path, 10) for _ in range(3)]
    found: list[float] = []
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        found += map(float, child.communicate()[0].split())
    found.sort()
    assert len(found) == 30
    for start in found:
        assert sum(start <= at < start + 1.0 for at in found) <= 10
    assert found[-1] - found[0] >= 2.0


def test_a_process_killed_with_the_lock_held_blocks_no_other(tmp_path: Path) -> None:
    child = process(tmp_path, 1, "hold")
    assert child.stdin is not None and child.stdout is not None
    child.stdin.write("go\n")
    child.stdin.flush()
    lines = [child.stdout.readline(), child.stdout.readline()]
    assert lines[1] == "holding\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdin.close()
    child.stdout.close()
    before = time.monotonic()
    Pacer(tmp_path, "k", SystemClock(), 10, 10).wait(CHART)
    assert time.monotonic() - before < 1.0


def test_a_waiter_that_was_killed_is_forgotten(tmp_path: Path) -> None:
    """Its place is kept for a moment after its turn, and no longer."""
    child = process(tmp_path, 10, "wait")
    assert child.stdin is not None and child.stdout is not None
    child.stdin.write("go\n")
    child.stdin.flush()
    lines = [child.stdout.readline() for _ in range(11)]
    assert lines[-1] == "waiting\n"
    paced = Pacer(tmp_path, "k", SystemClock(), 10, 10)
    until(lambda: waiting(paced, "ka10080") == 1)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdin.close()
    child.stdout.close()
    before = time.monotonic()
    for _ in range(10):
        paced.wait(CHART, Priority.SCAN)
    assert time.monotonic() - before < 4.0
    assert waiting(paced, "ka10080") == 0

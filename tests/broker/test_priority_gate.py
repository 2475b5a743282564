"""Inside one process market data gives way to orders and to the account, but not for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from kt.broker.rest import priority_gate as module
from kt.broker.rest.endpoints import Priority
from kt.broker.rest.priority_gate import PriorityGate

URGENT = (Priority.ORDER, Priority.ACCOUNT)
DATA = (Priority.EXIT, Priority.SCAN)


class Call:
    """A call on a thread of its own that holds its lane until it is let go."""

    def __init__(self, gate: PriorityGate, priority: Priority) -> None:
        self.entered, self.release = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(gate, priority), daemon=True)
        self._thread.start()

    def _run(self, gate: PriorityGate, priority: Priority) -> None:
        with gate.enter(priority):
            self.entered.set()
            self.release.wait(10)

    def end(self) -> None:
        self.release.set()
        self._thread.join(10)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing happens because a wait was over."""
    monkeypatch.setattr(module, "PATIENCE", 30.0)


def waits(call: Call) -> bool:
    return not call.entered.wait(0.05)


@pytest.mark.parametrize("urgent", URGENT)
@pytest.mark.parametrize("data", DATA)
def test_data_waits_for_what_is_urgent(patient: None, urgent: Priority, data: Priority) -> None:
    gate = PriorityGate()
    first = Call(gate, urgent)
    assert first.entered.wait(5)
    second = Call(gate, data)
    assert waits(second)
    first.end()
    assert second.entered.wait(5)
    second.end()


@pytest.mark.parametrize("urgent", URGENT)
def test_urgent_calls_never_wait_at_the_gate(patient: None, urgent: Priority) -> None:
    gate = PriorityGate(scans=1)
    others = [Call(gate, priority) for priority in (Priority.SCAN, Priority.EXIT)]
    assert all(other.entered.wait(5) for other in others)
    others += [Call(gate, Priority.ORDER), Call(gate, urgent)]
    assert all(other.entered.wait(5) for other in others)
    for other in others:
        other.end()


def test_concurrent_scans_are_limited_and_exit_queries_are_not(patient: None) -> None:
    gate = PriorityGate(scans=2)
    under_way = [Call(gate, Priority.SCAN) for _ in range(2)]
    assert all(call.entered.wait(5) for call in under_way)
    third, exit_data = Call(gate, Priority.SCAN), Call(gate, Priority.EXIT)
    assert exit_data.entered.wait(5)
    assert waits(third)
    under_way[0].end()
    assert third.entered.wait(5)
    for call in (under_way[1], third, exit_data):
        call.end()


def test_an_urgent_call_that_hangs_does_not_end_the_scans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    gate = PriorityGate()
    hanging = Call(gate, Priority.ORDER)
    assert hanging.entered.wait(5)
    scan = Call(gate, Priority.SCAN)
    assert scan.entered.wait(5)
    scan.end()
    hanging.end()


def test_scans_that_hang_do_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    gate = PriorityGate(scans=1)
    hanging = Call(gate, Priority.SCAN)
    assert hanging.entered.wait(5)
    others = [Call(gate, Priority.SCAN) for _ in range(3)]
    assert all(other.entered.wait(5) for other in others)
    for call in (*others, hanging):
        call.end()
    with gate.enter(Priority.SCAN):
        pass


def test_a_scan_stays_out_of_the_pause_between_two_urgent_calls(
    monkeypatch: pytest.MonkeyPatch, patient: None
) -> None:
    monkeypatch.setattr(module, "LINGER", 0.2)
    gate = PriorityGate()
    Call(gate, Priority.ACCOUNT).end()
    began = time.monotonic()
    with gate.enter(Priority.SCAN):
        assert time.monotonic() - began > 0.1


def test_a_call_that_fails_leaves_its_lane(patient: None) -> None:
    gate = PriorityGate(scans=1)

    def fail(priority: Priority) -> None:
        with gate.enter(priority):
            raise OSError

    failing: tuple[Callable[[], None], ...] = (
        lambda: fail(Priority.ORDER),
        lambda: fail(Priority.SCAN),
    )
    for one in failing:
        with pytest.raises(OSError):
            one()
    with gate.enter(Priority.SCAN):
        pass

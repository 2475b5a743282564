"""Several processes on one journal, and one that is killed: no acknowledged row is lost."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, deque
from pathlib import Path

import pytest

from kt.records import Fill
from tests.store.make import fill, fill_event, open_journal, placed

ROOT = Path(__file__).resolve().parents[2]


def start(job: str, folder: Path, name: str, count: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.store.worker", job, str(folder), name, str(count)],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def release(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def go(processes: list[subprocess.Popen[str]]) -> list[str]:
    """Let all begin at once; what they said when all are done."""
    for process in processes:
        release(process)
    lines: list[str] = []
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        lines += out.splitlines()
    return lines


def test_four_processes_lose_no_row(tmp_path: Path) -> None:
    said = go([start("orders", tmp_path, f"{number}", 15) for number in range(1, 5)])
    with open_journal(tmp_path) as journal:
        kept = journal.orders()
        assert len(kept) == 60
        assert all(order.filled_quantity == 10 for order in kept)
        assert {f"order {order.order_id}" for order in kept} < set(said)
        assert len(journal.fills()) == 60
        assert len(journal.trades()) == 60
        assert len(journal.positions()) == 60
        steps = journal.events(kinds=["step"], limit=1000)
        assert Counter(step["run"] for step in steps) == dict.fromkeys("1234", 15)


def test_one_unresolved_intent_between_processes(tmp_path: Path) -> None:
    """Three plan the same stock and side at the same moment, forty times: one wins each time."""
    racers = deque(start("race", tmp_path, name, 40) for name in "ABC")
    said: Counter[str] = Counter()
    for racer in racers:
        release(racer)
    for _ in range(40):
        for racer in racers:
            release(racer)
        for racer in racers:
            assert racer.stdout is not None
            said[racer.stdout.readline().strip()] += 1
        racers.rotate()  # each is a hair ahead in its turn
    for racer in racers:
        assert racer.communicate(timeout=60) == ("", "")
    for index in range(40):
        assert said[f"{index:06d} won"] == 1
        assert said[f"{index:06d} DUPLICATE"] == 2
    with open_journal(tmp_path) as journal:
        kept = journal.orders()
        assert len({order.stock_code for order in kept}) == len(kept) == 40
        assert len({order.order_id[0] for order in kept}) > 1, "they did not meet"


def test_the_same_fills_from_several_processes_count_once(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        placed(journal)
        go([start("fillers", tmp_path, name, 10) for name in "AB"])
        done = journal.order("O1")
        assert done is not None
        assert (done.state, done.filled_quantity) == ("FILLED", 10)
        assert sum(one.quantity for one in journal.fills(order_id="O1")) == 10
        told = [one for one in journal.order_events("O1") if one.kind == "FILL"]
        assert len(told) == 15  # five under one id, five under an id of each process


def test_many_can_open_a_new_journal_at_once(tmp_path: Path) -> None:
    said = go([start("opens", tmp_path, str(number), 0) for number in range(5)])
    assert len(said) == 5
    with open_journal(tmp_path) as journal:
        assert journal.orders() == ()


@pytest.mark.parametrize("rows", [1, 7, 20])
def test_a_killed_process_loses_no_committed_row(tmp_path: Path, rows: int) -> None:
    process = start("orders", tmp_path, "7", 10_000)
    assert process.stdout is not None
    release(process)
    said = [process.stdout.readline().split() for _ in range(rows)]
    process.kill()  # in the middle of whatever it is doing now
    said += [line.split() for line in process.communicate(timeout=30)[0].splitlines()]
    with open_journal(tmp_path) as journal:
        orders = {order.order_id for order in journal.orders()}
        fills = {one.fill_id for one in journal.fills()}
        trades = {one.order_id for one in journal.trades()}
        for what, name in said:
            assert name in {"order": orders, "fill": fills, "trade": trades}[what]
        journal.record(fill_event(_next(journal.fills())))  # and it goes on


def _next(fills: tuple[Fill, ...]) -> Fill:
    """A fill that was told before: it changes nothing and shows that rows can be written."""
    return fills[-1] if fills else fill(0, 1, "7-0", ord_no="700000", stock_code="700000")

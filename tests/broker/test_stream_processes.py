"""One connection for many real processes: whoever is killed, the others go on."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.broker.scripted import ScriptedServer, fill, trade, wait_for

ROOT = Path(__file__).parents[2]


class Child:
    """A process with a stream, and what it printed so far."""

    def __init__(self, url: str, folder: Path, *wants: str) -> None:
        self.events: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.broker.stream_child", url, str(folder), *wants],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.pid = self.process.pid
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            self.events.append(json.loads(text))

    @property
    def states(self) -> list[str]:
        return [event["state"] for event in self.events if event["type"] == "stream"]

    @property
    def prices(self) -> list[int]:
        return [event["price"] for event in self.events if event["type"] == "trade"]

    def detail(self, state: str) -> str:
        return [e["detail"] for e in self.events if e.get("state") == state][-1]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> str:
        """Close its stdin; what it said on stderr, which should be nothing."""
        assert self.process.stdin is not None and self.process.stderr is not None
        self.process.stdin.close()
        self.process.wait(10)
        self._reader.join()
        said = self.process.stderr.read().decode()
        self.process.stdout.close()  # type: ignore[union-attr]
        self.process.stderr.close()
        return said


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


Spawn = Callable[..., Child]


@pytest.fixture
def spawn(server: ScriptedServer, tmp_path: Path) -> Iterator[Spawn]:
    children: list[Child] = []

    def start(*wants: str, until: str = "connected") -> Child:
        child = Child(server.url, tmp_path, *wants)
        children.append(child)
        wait_for(lambda: until in child.states)
        return child

    yield start
    said = ""
    for child in children:
        if child.process.poll() is None:
            os.kill(child.pid, signal.SIGCONT)
        said += child.end()
    assert said == "", "no process said anything on stderr, on its way out or before"


def test_the_second_process_is_a_guest_and_nobody_is_kicked(
    spawn: Spawn, server: ScriptedServer
) -> None:
    owner = spawn("0B:005930")
    guest = spawn("0B:005930", "0B:000660", "00:")
    assert owner.detail("connected") == "owner"
    assert guest.detail("connected") == f"guest of pid {owner.pid}"
    assert server.logins == ["token-1"]
    assert sorted(server.registered()) == [
        ("1", "00", ""),
        ("2", "0B", "000660"),
        ("2", "0B", "005930"),
    ]
    server.send(trade("005930", 1))
    server.send(trade("000660", 2))
    server.send(fill("0000001", "005930", 3, 0, 70_000))
    wait_for(lambda: guest.events[-1]["type"] == "order")
    assert guest.prices == [1, 2]
    wait_for(lambda: owner.prices == [1])
    assert guest.events[-1]["fill_quantity"] == 3
    assert [e["type"] for e in owner.events] == ["stream", "trade"], "only what it asked for"


def test_a_killed_owner_is_followed_by_its_guest(spawn: Spawn, server: ScriptedServer) -> None:
    owner = spawn("0B:005930")
    guest = spawn("0B:000660", "00:")
    server.requests.clear()
    owner.kill()
    wait_for(lambda: "reconnected" in guest.states)
    assert guest.states == ["connected", "lost", "reconnected"]
    assert guest.detail("reconnected") == "owner"
    assert set(server.registered()) == {("1", "00", ""), ("2", "0B", "000660")}
    server.send(trade("000660", 5))
    wait_for(lambda: guest.prices == [5])
    assert len(server.logins) == 2


def test_of_three_one_takes_over_and_the_third_joins_it(
    spawn: Spawn, server: ScriptedServer
) -> None:
    first = spawn("0B:005930")
    others = [spawn("0B:005930"), spawn("0B:005930")]
    first.kill()
    wait_for(lambda: all("reconnected" in child.states for child in others))
    details = sorted(child.detail("reconnected") for child in others)
    assert details[1] == "owner"
    assert details[0].startswith("guest of pid")
    server.send(trade("005930", 7))
    wait_for(lambda: all(child.prices == [7] for child in others))
    assert len(server.logins) == 2


def test_a_killed_guest_takes_its_subscriptions_along(spawn: Spawn, server: ScriptedServer) -> None:
    owner = spawn("0B:005930")
    guest = spawn("0B:005930", "0D:000660")
    guest.kill()
    wait_for(lambda: server.registered("REMOVE"))
    assert server.registered("REMOVE") == [("3", "0D", "000660")]
    server.send(trade("005930", 9))
    wait_for(lambda: owner.prices == [9])
    assert owner.states == ["connected"]


def test_an_owner_that_ends_in_peace_hands_over_too(spawn: Spawn, server: ScriptedServer) -> None:
    owner = spawn("0B:005930")
    guest = spawn("0B:005930")
    assert owner.process.stdin is not None
    owner.process.stdin.close()
    wait_for(lambda: "reconnected" in guest.states)
    assert guest.detail("reconnected") == "owner"
    assert owner.states == ["connected"]
    assert len(server.logins) == 2


def test_guests_hear_of_a_cut_and_of_the_way_back(spawn: Spawn, server: ScriptedServer) -> None:
    owner = spawn("00:")
    guest = spawn("00:")
    server.cut()
    wait_for(lambda: "reconnected" in guest.states and "reconnected" in owner.states)
    assert guest.states == owner.states == ["connected", "lost", "reconnected"]
    assert guest.detail("reconnected") == f"guest of pid {owner.pid}"


def test_an_owner_that_hangs_is_noticed(spawn: Spawn, server: ScriptedServer) -> None:
    owner = spawn("00:")
    guest = spawn("00:", "--silence=0.3")
    os.kill(owner.pid, signal.SIGSTOP)
    wait_for(lambda: "closed" in guest.states)
    assert guest.states == ["connected", "lost", "closed"]
    assert f"process {owner.pid} of kt, which does not answer" in guest.detail("closed")
    assert len(server.logins) == 1


def test_a_stopped_guest_holds_up_nobody_and_loses_no_fill(
    spawn: Spawn, server: ScriptedServer
) -> None:
    owner = spawn("0B:005930")
    guest = spawn("0B:005930", "00:")
    os.kill(guest.pid, signal.SIGSTOP)
    crowd = {"trnm": "REAL", "data": [trade("005930", 1)["data"][0]] * 500}
    for number in range(20):
        server.send(crowd)
        server.send(fill(f"{number + 1:07d}", "005930", 1, 0, 70_000))
    server.send(trade("005930", 2))
    wait_for(lambda: owner.prices.count(1) == 10_000 and owner.prices[-1] == 2)
    os.kill(guest.pid, signal.SIGCONT)
    wait_for(lambda: guest.prices and guest.prices[-1] == 2)
    fills = [event["ord_no"] for event in guest.events if event["type"] == "order"]
    assert fills == [f"{number + 1:07d}" for number in range(20)]
    assert len(guest.prices) < 10_000, "prices were thinned out"
    assert guest.states == ["connected"]


@pytest.mark.soak
def test_killed_and_started_at_random(spawn: Spawn, server: ScriptedServer) -> None:
    """Six processes; in every round one is killed and another comes; nobody is kicked and all
    that live hear what is sent."""
    chance = random.Random(11)
    alive = [spawn("0B:005930", "00:") for _ in range(6)]
    for number in range(100):
        victim = alive.pop(chance.randrange(len(alive)))
        victim.kill()
        alive.append(spawn("0B:005930", "00:"))
        mark = f"{number + 1:07d}"

        def all_heard(mark: str = mark) -> bool:
            server.send(fill(mark, "005930", 1, 0, 70_000))
            time.sleep(0.02)
            return all(any(e.get("ord_no") == mark for e in child.events) for child in alive)

        wait_for(all_heard)
        for child in alive:
            assert not {"replaced", "closed"} & set(child.states)
            assert child.states.count("lost") == child.states.count("reconnected")

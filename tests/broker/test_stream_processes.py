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


def test_the_second_process_follows_and_the_first_stays_connected(
    spawn: Spawn, server: ScriptedServer
) -> None:
    leader = spawn("0B:005930")
    follower = spawn("0B:005930", "0B:000660", "00:")
    assert leader.detail("connected") == "leader"
    assert follower.detail("connected") == f"follower of pid {leader.pid}"
    assert server.logins == ["token-1"]
    assert sorted(server.registered()) == [
        ("1", "00", ""),
        ("2", "0B", "000660"),
        ("2", "0B", "005930"),
    ]
    server.send(trade("005930", 1))
    server.send(trade("000660", 2))
    server.send(fill("0000001", "005930", 3, 0, 70_000))
    wait_for(lambda: follower.events[-1]["type"] == "order")
    assert follower.prices == [1, 2]
    wait_for(lambda: leader.prices == [1])
    assert follower.events[-1]["fill_quantity"] == 3
    assert [e["type"] for e in leader.events] == ["stream", "trade"], "only what it asked for"


def test_a_killed_leader_is_followed_by_its_follower(spawn: Spawn, server: ScriptedServer) -> None:
    leader = spawn("0B:005930")
    follower = spawn("0B:000660", "00:")
    server.requests.clear()
    leader.kill()
    wait_for(lambda: "reconnected" in follower.states)
    assert follower.states == ["connected", "lost", "reconnected"]
    assert follower.detail("reconnected") == "leader"
    assert set(server.registered()) == {("1", "00", ""), ("2", "0B", "000660")}
    server.send(trade("000660", 5))
    wait_for(lambda: follower.prices == [5])
    assert len(server.logins) == 2


def test_of_three_one_takes_over_and_the_third_joins_it(
    spawn: Spawn, server: ScriptedServer
) -> None:
    first = spawn("0B:005930")
    others = [spawn("0B:005930"), spawn("0B:005930")]
    first.kill()
    wait_for(lambda: all("reconnected" in child.states for child in others))
    details = sorted(child.detail("reconnected") for child in others)
    assert details[1] == "leader"
    assert details[0].startswith("follower of pid")
    server.send(trade("005930", 7))
    wait_for(lambda: all(child.prices == [7] for child in others))
    assert len(server.logins) == 2


def test_subscriptions_of_a_killed_follower_are_removed(
    spawn: Spawn, server: ScriptedServer
) -> None:
    leader = spawn("0B:005930")
    follower = spawn("0B:005930", "0D:000660")
    follower.kill()
    wait_for(lambda: server.registered("REMOVE"))
    assert server.registered("REMOVE") == [("3", "0D", "000660")]
    server.send(trade("005930", 9))
    wait_for(lambda: leader.prices == [9])
    assert leader.states == ["connected"]


def test_an_leader_that_ends_in_peace_hands_over_too(spawn: Spawn, server: ScriptedServer) -> None:
    leader = spawn("0B:005930")
    follower = spawn("0B:005930")
    assert leader.process.stdin is not None
    leader.process.stdin.close()
    wait_for(lambda: "reconnected" in follower.states)
    assert follower.detail("reconnected") == "leader"
    assert leader.states == ["connected"]
    assert len(server.logins) == 2


def test_followers_hear_of_a_cut_and_of_the_way_back(spawn: Spawn, server: ScriptedServer) -> None:
    leader = spawn("00:")
    follower = spawn("00:")
    server.cut()
    wait_for(lambda: "reconnected" in follower.states and "reconnected" in leader.states)
    assert follower.states == leader.states == ["connected", "lost", "reconnected"]
    assert follower.detail("reconnected") == f"follower of pid {leader.pid}"


def test_an_leader_that_hangs_is_noticed(spawn: Spawn, server: ScriptedServer) -> None:
    leader = spawn("00:")
    follower = spawn("00:", "--silence=0.3")
    os.kill(leader.pid, signal.SIGSTOP)
    wait_for(lambda: "closed" in follower.states)
    assert follower.states == ["connected", "lost", "closed"]
    assert f"process {leader.pid} of kt, which does not answer" in follower.detail("closed")
    assert len(server.logins) == 1


def test_a_stopped_follower_delays_no_other_and_loses_no_fill(
    spawn: Spawn, server: ScriptedServer
) -> None:
    leader = spawn("0B:005930")
    follower = spawn("0B:005930", "00:")
    os.kill(follower.pid, signal.SIGSTOP)
    crowd = {"trnm": "REAL", "data": [trade("005930", 1)["data"][0]] * 500}
    for number in range(20):
        server.send(crowd)
        server.send(fill(f"{number + 1:07d}", "005930", 1, 0, 70_000))
    server.send(trade("005930", 2))
    wait_for(lambda: leader.prices.count(1) == 10_000 and leader.prices[-1] == 2)
    os.kill(follower.pid, signal.SIGCONT)
    wait_for(lambda: follower.prices and follower.prices[-1] == 2)
    fills = [event["ord_no"] for event in follower.events if event["type"] == "order"]
    assert fills == [f"{number + 1:07d}" for number in range(20)]
    assert len(follower.prices) < 10_000, "prices were thinned out"
    assert follower.states == ["connected"]


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

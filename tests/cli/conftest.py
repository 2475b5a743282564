"""A front door over a world of fakes, with order ids that are the same in every run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kt.errors import Unreachable
from tests.cli.front import FakeApp, Front
from tests.fakes import SAMSUNG, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    folder = tmp_path / "world"
    folder.mkdir()
    made = World(folder)
    yield made
    made.close()


@pytest.fixture
def front(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> Front:
    numbers = itertools.count(1)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # where details of a fault are kept
    monkeypatch.setattr("kt.ids.secrets.randbits", lambda bits: next(numbers))
    return Front(tmp_path, world)


@pytest.fixture
def reachable_front(front: Front, world: World, monkeypatch: pytest.MonkeyPatch) -> Front:
    """A front in which every command can be called: shares are held, and no exchange starts."""
    from tests.cli.test_hostile import Talker

    world.broker.hold(SAMSUNG, 10, 65_000)
    front.rest.answers |= {name: [{"return_code": 0}] for name in ("ka10001", "ka00001")}
    front.stream = Talker()
    monkeypatch.chdir(front.folder)

    def away(*given: object, **named: object) -> Any:
        raise Unreachable("no route to the broker", hint="Check the network.")

    for door in ("server", "pacer"):
        monkeypatch.setattr(FakeApp, door, property(away), raising=False)
    for name in ("start", "serve", "ensure"):
        monkeypatch.setattr(f"kt.sim.launch.{name}", away)
    monkeypatch.setattr("kt.cli.top.session.run", away)
    return front

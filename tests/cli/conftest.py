"""A front door over a world of fakes, with order ids that are the same in every run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.front import Front
from tests.fakes import World


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

"""A world of fakes for each test, and a stage on which its trading day is played."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kt.config.model import Config
from tests.engine.acting import Make, Stage
from tests.fakes import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Make]:
    made: list[Stage] = []

    def make(config: Config | None = None, start: str = "10:00", **options: object) -> Stage:
        made.append(Stage(tmp_path, config, start, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()

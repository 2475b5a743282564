"""A trading day in which everything fails that can: no traceback, no limit broken, no position
without its exits, kt's books are the exchange's in the end, and the journal explains all of it.

    pytest -m soak tests/chaos -s

plays whole days; `CHAOS_RUNS` (10) seeds from `CHAOS_FIRST` (1) on.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kt.engine import day as day_module
from kt.sim.faults import API_ACTIONS, FRAME_ACTIONS, HANDSHAKE_ACTIONS
from tests.chaos.chaos_day import ChaosDay, Chronicle
from tests.chaos.weather import KINDS, weather

FIRST = int(os.environ.get("CHAOS_FIRST", "1"))
RUNS = int(os.environ.get("CHAOS_RUNS", "10"))
TURN = 5.0
"""Longest wait of one turn of the day, as long as a step of the clock."""
DENSE = 40.0
"""Seconds from one trouble to the next, on average, in the short one."""


@pytest.fixture(autouse=True)
def long_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_module, "TURN", TURN)


def well(chronicle: Chronicle) -> None:
    print(chronicle.text())
    assert not chronicle.wrong, chronicle.failure()
    assert chronicle.acted, "the exchange never failed"


def test_a_quarter_of_an_hour_of_chaos(tmp_path: Path) -> None:
    chaos = ChaosDay(11, tmp_path, begins="09:55", ends="10:10", gap=DENSE)
    chronicle = chaos.run()
    well(chronicle)
    assert len(chronicle.troubles) > 10
    assert chaos.orders("ord_no <> ''")


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + RUNS))
def test_a_day_of_chaos(seed: int, tmp_path: Path) -> None:
    well(ChaosDay(seed, tmp_path).run())


def test_a_days_weather_has_every_fault() -> None:
    every = {
        *(f"api {action}" for action in API_ACTIONS),
        *(f"frame {action}" for action in FRAME_ACTIONS),
        *(f"handshake {action}" for action in HANDSHAKE_ACTIONS),
    }
    assert every < set(KINDS)
    assert {trouble.kind for trouble in weather(1, 7.3 * 3600)} == set(KINDS)

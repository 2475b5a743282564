"""The exit matrix on real processes: whatever the exchange does, a position that is due is gone, or
its sell stands in the market, or its owner was told; each share is sold once.

The short one plays every way of leaving against every fault, three of them beside other processes
and the rest alone; `pytest -m soak tests/crash/test_exits.py` plays the rest.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.crash.exit_faults import FAULTS, KINDS, ORDER_FAULTS, TELLING
from tests.crash.exit_scene import ORDERS, SPEED, Played, play
from tests.crash.stage import Stage
from tests.crash.trader import CASH

AT_ONCE = 3
BESIDE = ("5xx", "refused-all", "journal-busy")
"""Those that the short matrix plays beside other processes."""
SHORT = tuple((fault, fault in BESIDE) for fault in (ORDERS, *FAULTS))
OTHERS = tuple((fault, not beside) for fault, beside in SHORT)
Begin = Callable[[str, bool], Future[Played]]


def name_of(scene: tuple[str, bool]) -> str:
    return f"{scene[0]}-beside" if scene[1] else scene[0]


@pytest.fixture(scope="module")
def begin(stage: Stage, request: pytest.FixtureRequest) -> Iterator[Begin]:
    """Scenes are begun ahead of their tests, some at a time; one by one where other processes run
    the rest of the suite."""
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="scene")
    begun: dict[tuple[str, bool], Future[Played]] = {}

    def start(fault: str, beside: bool) -> Future[Played]:
        if (fault, beside) not in begun:
            begun[fault, beside] = pool.submit(played, stage, fault, beside=beside)
        return begun[fault, beside]

    if "PYTEST_XDIST_WORKER" not in os.environ:
        for item in request.session.items:
            found = getattr(item, "callspec", None)
            if item.path == request.path and found is not None and "scene" in found.params:
                start(*found.params["scene"])
    yield start
    pool.shutdown(cancel_futures=True)


def played(stage: Stage, fault: str, **how: Any) -> Played:
    """On the thread's own exchange."""
    return play(fault, stage.house(SPEED, CASH), stage.new_folder("scene"), stage.forge, **how)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("scene", SHORT, ids=name_of)
def test_every_exit_is_sent_or_reported(scene: tuple[str, bool], begin: Begin) -> None:
    well(begin(*scene).result(), scene[0])


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("scene", OTHERS, ids=name_of)
def test_every_exit_is_sent_or_reported_in_the_other_scenes_too(
    scene: tuple[str, bool], begin: Begin
) -> None:
    well(begin(*scene).result(), scene[0])


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("beside", [False, True])
def test_exits_survive_every_fault_of_a_stocks_orders(stage: Stage, beside: bool) -> None:
    rest = [name for name in ORDER_FAULTS if name not in TELLING]
    well(played(stage, ORDERS, faults=rest, beside=beside), ORDERS)


def well(played: Played, fault: str) -> None:
    assert not played.wrong, played.failure()
    assert {met.partition(" ")[0] for met in played.first} == set(KINDS)
    assert played.acted or fault == "journal-busy", "the exchange never failed"
    print(played.line())

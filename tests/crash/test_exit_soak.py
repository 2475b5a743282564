"""The exits at length: hundreds of random ones, by hand.

    pytest -m soak tests/crash/test_exit_soak.py -s

`EXIT_SOAK_RUNS` (500) seeds from `EXIT_SOAK_FIRST` (1) on, by `EXIT_SOAK_THREADS` (3)
threads. `python -m tests.crash.test_exit_soak SEED…` plays single ones.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest

from tests.crash.exit_seeds import Ended, by_seed, play
from tests.crash.stage import Stage
from tests.crash.trader import CASH

SPEED = 20.0


def one(stage: Stage, seed: int) -> Ended:
    folder = stage.new_folder("exit")
    try:
        return play(by_seed(seed), stage.house(), folder, stage.forge)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def soak(seeds: Iterable[int], threads: int) -> list[Ended]:
    """Each thread has an exchange of its own."""
    stage = Stage(threads, speed=SPEED, cash=CASH)
    ended = []
    try:
        with ThreadPoolExecutor(threads, thread_name_prefix="soak") as pool:
            for future in as_completed([pool.submit(one, stage, seed) for seed in seeds]):
                ended.append(future.result())
                if ended[-1].wrong:
                    print(ended[-1].failure(), flush=True)
    finally:
        stage.close()
    return ended


def table(ended: list[Ended]) -> str:
    """The soak's sums, as a person wants to read them."""
    met = Counter(end or "not yet" for each in ended for end in each.first.values())
    sums = {
        "runs": len(ended),
        "kills": sum(each.kills for each in ended),
        "faults that acted": sum(each.acted for each in ended),
        "runs in which one acted": sum(bool(each.acted) for each in ended),
        **{f"positions {end} while it failed": met[end] for end in sorted(met)},
        "positions left to a person, who was told": sum(each.persons for each in ended),
        "differences": sum(len(each.wrong) for each in ended),
    }
    return "\n".join(f"{name:45}{count:8}" for name, count in sums.items())


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_five_hundred_exit_runs_keep_every_invariant() -> None:
    first = int(os.environ.get("EXIT_SOAK_FIRST", "1"))
    runs = int(os.environ.get("EXIT_SOAK_RUNS", "500"))
    ended = soak(range(first, first + runs), int(os.environ.get("EXIT_SOAK_THREADS", "3")))
    print("\n" + table(ended))
    assert len(ended) == runs
    bad = [each.failure() for each in ended if each.wrong]
    assert not bad, "\n\n".join(bad[:5])


if __name__ == "__main__":
    played = soak([int(text) for text in sys.argv[1:]], 1)
    for each in played:
        print(each.line())
    sys.exit(any(each.wrong for each in played))

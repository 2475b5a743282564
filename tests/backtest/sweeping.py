"""A sweep whose trials are a formula: for its scheduling, without backtests.

    python -m tests.backtest.sweeping STORAGE FOLDER METHOD [SECONDS]

joins the study `shared` in a process of its own, prints each trial that it runs, and takes so many
seconds for each.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from kt.backtest.sweep.search import Search
from kt.backtest.sweep.shared_study import SharedStudy, join
from kt.backtest.sweep.sweep_plan import Method, SweepPlan
from kt.backtest.sweep.trial import DayReturn, SeedResult, TrialResult
from kt.backtest.sweep.trial_worker import TrialOrder
from kt.clock import SystemClock
from kt.config.load import build_config
from kt.config.model import Config
from kt.rules.calendar import trading_days
from kt.rules.sweep_space import parse_axis, windows

DAYS = trading_days(date(2026, 1, 5), 12)


def configured(chosen: Mapping[str, str]) -> Config:
    given: dict[str, dict[str, str]] = {}
    for key, value in chosen.items():
        section, _, name = key.partition(".")
        given.setdefault(section, {})[name] = value
    return build_config({}, {}, given)


def plan(method: Method = "grid", **more: object) -> SweepPlan:
    """A small sweep over two keys, in two windows of six and two days."""
    over = ("exits.stop_loss_pct=2:5:1", "limits.positions=3,5")
    usual: dict[str, Any] = {
        "configured": configured, "axes": tuple(parse_axis(text) for text in over),
        "windows": windows(DAYS, 6, 2)[:2], "seeds": (7, 8), "method": method, "trials": 11,
        "batch": 4,
    }  # fmt: skip
    return SweepPlan(**{**usual, **more})


def formula(order: TrialOrder) -> TrialResult:
    """Best at a stop-loss of 3; some luck on each day."""
    stop, positions = order.config.exits.stop_loss_pct, order.config.limits.positions

    def day(at: date, seed: int) -> DayReturn:
        luck = Random(f"{at}:{seed}:{stop}:{positions}").gauss(0, 0.002)
        return DayReturn(day=at, rate=0.004 - abs(stop - 3) / 500 + luck, trades=9, wins=5)

    return TrialResult(
        seeds=tuple(
            SeedResult(seed=seed, days=tuple(day(at, seed) for at in order.days))
            for seed in order.seeds
        )
    )


class Runners:
    """Runs trials by a formula; they end in an order drawn from `seed`."""

    log = Path("workers.log")

    def __init__(
        self,
        most: int = 1,
        seed: int = 0,
        run: Callable[[TrialOrder], TrialResult | None] = formula,
        seconds: float = 0.0,
    ) -> None:
        self.most = most
        self.started: list[int] = []
        self._run, self._seconds = run, seconds
        self._random = Random(seed)
        self._under_way: dict[int, TrialOrder] = {}

    @property
    def free(self) -> int:
        return self.most - len(self._under_way)

    def start(self, number: int, order: TrialOrder) -> None:
        self.started.append(number)
        self._under_way[number] = order

    def wait(self, seconds: float) -> Iterator[tuple[int, TrialResult | None]]:
        if not self._under_way:
            time.sleep(0.05)
            return
        time.sleep(self._seconds)
        number = self._random.choice(sorted(self._under_way))
        yield number, self._run(self._under_way.pop(number))


def search(study: SharedStudy, made: SweepPlan, runners: Runners, folder: Path) -> Search:
    return Search(made, study, runners, folder, SystemClock(), lambda *_: None)


def main() -> None:
    storage, folder, method, *rest = sys.argv[1:]
    made = plan(method)  # type: ignore[arg-type]

    def run(order: TrialOrder) -> TrialResult:
        told = f"{order.config.exits.stop_loss_pct:g} {order.config.limits.positions}"
        print(f"{order.days[0]} {told}", flush=True)
        return formula(order)

    runners = Runners(run=run, seconds=float(rest[0]) if rest else 0.0)
    search(join(made, storage, "shared"), made, runners, Path(folder)).run()


if __name__ == "__main__":
    main()

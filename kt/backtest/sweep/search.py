"""Runs the trials of a sweep that this process can take, until all trials of the study are done."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from kt.backtest.sweep.proposals import propose
from kt.backtest.sweep.shared_study import DIED, SharedStudy, SharedTrial
from kt.backtest.sweep.sweep_plan import Place, SweepPlan
from kt.backtest.sweep.trial import TrialResult, trained_rates
from kt.backtest.sweep.trial_worker import TrialOrder
from kt.errors import ConfigError
from kt.files import process_lives
from kt.ids import new_id
from kt.ports import Clock
from kt.rules.sweep_space import score

BEAT_SECONDS = 15.0
"""How often a process says that it is alive."""
GONE_SECONDS = 90.0
"""After so long without a word a process of another machine has gone."""
POLL_SECONDS = 2.0
"""How often the study is looked at while only other processes have work."""


class TrialRunners(Protocol):
    """Runs trials beside this process (`WorkerProcesses`)."""

    log: Path

    @property
    def free(self) -> int: ...
    def start(self, number: int, order: TrialOrder) -> None: ...
    def wait(self, seconds: float) -> Iterable[tuple[int, TrialResult | None]]: ...


class Search:
    """One process's part in a sweep. `tell` is called for each trial that this process finished,
    with the numbers of finished trials of the whole study and of all."""

    def __init__(
        self,
        plan: SweepPlan,
        study: SharedStudy,
        runners: TrialRunners,
        folder: Path,
        clock: Clock,
        tell: Callable[[SharedTrial, int, int], None],
    ) -> None:
        self._plan = plan
        self._study = study
        self._runners = runners
        self._folder = folder
        self._clock = clock
        self._tell = tell
        self._running: dict[int, SharedTrial] = {}
        self._owner = f"{platform.node()}/{os.getpid()}/{new_id(clock.now())}"
        self._beats, self._beaten = 0, -BEAT_SECONDS
        self._seen: dict[str, tuple[int, float]] = {}

    def run(self) -> dict[Place, SharedTrial]:
        """All trials of the finished study. When it is interrupted, the trials under way are given
        back, so that another process may run them."""
        self._clear()
        try:
            while True:
                trials = self._prepare()
                done = sum(trial.finished for trial in trials.values())
                if done == self._plan.size:
                    return trials
                self._start_some()
                for number, result in self._runners.wait(self._pause()):
                    self._ended(number, result)
        finally:
            self._study.give_up_all()

    def _clear(self) -> None:
        """Delete the journals that killed processes left."""
        for left in self._folder.glob("trial-*-*"):
            number = left.name.rpartition("-")[2]
            if number.isdecimal() and not process_lives(int(number)):
                shutil.rmtree(left, ignore_errors=True)

    def _pause(self) -> float:
        """Nobody tells what other processes do: it has to be looked up."""
        return POLL_SECONDS if self._runners.free else BEAT_SECONDS

    def _prepare(self) -> dict[Place, SharedTrial]:
        """Say that this process is alive, free the places of those that are not, and add the
        trials that are due."""
        now = self._clock.monotonic()
        if now - self._beaten >= BEAT_SECONDS:
            self._beats, self._beaten = self._beats + 1, now
            self._study.beat(self._owner, self._beats)
        trials = self._study.trials()
        for place, trial in list(trials.items()):
            if not trial.finished and trial.number not in self._running and self._gone(trial):
                self._study.give_up(trial.number)
                del trials[place]
        for place, chosen in missing(self._plan, trials):
            self._study.add(place, chosen)
        return trials

    def _gone(self, trial: SharedTrial) -> bool:
        """Whether the process that took this trial no longer runs."""
        if trial.state.name != "RUNNING":
            return False
        machine, _, rest = trial.owner.partition("/")
        number = rest.partition("/")[0]
        if machine == platform.node() and number.isdecimal() and not process_lives(int(number)):
            return True
        key = trial.owner or str(trial.number)
        count, now = self._study.beats().get(key, 0), self._clock.monotonic()
        before = self._seen.get(key)
        if before is None or before[0] != count:
            self._seen[key] = count, now
            return False
        return now - before[1] > GONE_SECONDS

    def _start_some(self) -> None:
        while self._runners.free:
            trial = self._study.take(self._owner)
            if trial is None:
                return
            self._running[trial.number] = trial
            try:
                config = self._plan.configured(trial.chosen)
            except ConfigError as error:
                self._keep(trial, TrialResult(error=error.message))
                continue
            window = self._plan.windows[trial.place.window]
            folder = self._folder / f"trial-{trial.number}-{os.getpid()}"
            order = TrialOrder(
                config=config,
                days=window.days,
                seeds=self._plan.seeds,
                folder=str(folder),
                data=str(self._plan.data or ""),
            )
            self._runners.start(trial.number, order)

    def _ended(self, number: int, result: TrialResult | None) -> None:
        trial = self._running[number]
        if result is not None:
            self._keep(trial, result)
        elif self._study.deaths(trial.place) + 1 < DIED:
            self._study.give_up(number, died=True)
            del self._running[number]
        else:
            error = f"its process died {DIED} times: see {self._runners.log}"
            self._keep(trial, TrialResult(error=error))

    def _keep(self, trial: SharedTrial, result: TrialResult) -> None:
        window = self._plan.windows[trial.place.window]
        found = score(self._plan.objective, trained_rates(window, result.seeds))
        self._study.finish(trial.number, found, result)
        del self._running[trial.number]
        trials = self._study.trials()
        done = sum(one.finished for one in trials.values())
        kept = trials.get(trial.place)
        if kept is not None:
            self._tell(kept, done, self._plan.size)


def missing(
    plan: SweepPlan, trials: Mapping[Place, SharedTrial]
) -> list[tuple[Place, dict[str, str]]]:
    """The places without a trial whose batch is due: all earlier ones of its window are done."""
    found: list[tuple[Place, dict[str, str]]] = []
    size = plan.batch if plan.method == "tpe" else plan.per_window
    for window in range(len(plan.windows)):
        for begin in range(0, plan.per_window, size):
            end = min(begin + size, plan.per_window)
            places = [Place(window, number) for number in range(begin, end)]
            if any(place not in trials for place in places):
                before = [trials[Place(window, number)] for number in range(begin)]
                sets = propose(
                    plan, window, begin // size, [(one.chosen, one.score) for one in before]
                )
                found += [
                    (place, chosen)
                    for place, chosen in zip(places, sets, strict=True)
                    if place not in trials
                ]
            if not all(place in trials and trials[place].finished for place in places):
                break
    return found

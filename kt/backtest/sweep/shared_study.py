"""The study in Optuna's storage: which trial stands where, who runs it, what it brought.

Any number of processes read and write it without a lock of kt's own. Optuna lets one process only
take a waiting trial, and numbers all trials in one order. The first trial of a place counts; what
another process added for the same place at the same time is dropped. A trial that is given up
becomes FAIL, and its place is free again.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.trial import FrozenTrial, TrialState

from kt.backtest.sweep.sweep_plan import Place, SweepPlan
from kt.backtest.sweep.trial import TrialResult
from kt.errors import KtError, Unreachable, UsageError
from kt.files import create_private, private_folder, trouble

if TYPE_CHECKING:
    from kt.backtest.sweep.proposals import Chosen

DIED = 3
"""After so many deaths of its process a trial is not tried again."""


@dataclass(frozen=True, slots=True)
class SharedTrial:
    """The trial of a place. `number` is Optuna's."""

    number: int
    place: Place
    chosen: Chosen
    state: TrialState
    owner: str
    score: float | None
    result: TrialResult | None

    @property
    def finished(self) -> bool:
        return self.state.is_finished()


class SharedStudy:
    """One study, as one process sees it."""

    def __init__(self, study: optuna.Study, plan: SweepPlan) -> None:
        self._study = study
        self._plan = plan
        self._taken: dict[int, optuna.Trial] = {}
        self._finished: dict[int, SharedTrial] = {}
        """By number: they change no more."""
        self._spaces: dict[str, BaseDistribution] = {
            axis.key: CategoricalDistribution(axis.values)
            if axis.values
            else FloatDistribution(axis.low, axis.high)
            for axis in plan.axes
        }

    def trials(self) -> dict[Place, SharedTrial]:
        """The trial of each place that has one."""
        found: dict[Place, SharedTrial] = {}
        for trial in self._placed():
            place = Place(*trial.user_attrs["place"])
            if trial.state is not TrialState.FAIL and place not in found:
                found[place] = self._finished.get(trial.number) or _shared(trial, place)
                if found[place].finished:
                    self._finished[trial.number] = found[place]
        return found

    def deaths(self, place: Place) -> int:
        """How often a process died while it ran this trial."""
        return sum(
            "died" in trial.user_attrs and Place(*trial.user_attrs["place"]) == place
            for trial in self._placed()
        )

    def _placed(self) -> Iterator[FrozenTrial]:
        for trial in self._study.get_trials(deepcopy=False):
            if "place" in trial.user_attrs:
                yield trial

    def add(self, place: Place, chosen: Mapping[str, str]) -> None:
        """Add a waiting trial."""
        params = {
            key: float(value) if isinstance(self._spaces[key], FloatDistribution) else value
            for key, value in chosen.items()
        }
        self._study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.WAITING,
                params=params,
                distributions=self._spaces,
                user_attrs={"place": list(place), "set": dict(chosen)},
            )
        )

    def take(self, owner: str) -> SharedTrial | None:
        """The next waiting trial, which is this process's from now on; None without one."""
        while any(trial.state is TrialState.WAITING for trial in self._placed()):
            trial = self._study.ask()
            attributes = trial.user_attrs
            place = Place(*attributes["place"]) if "place" in attributes else None
            first = self.trials().get(place) if place else None
            if first is None or first.number != trial.number:
                self._study.tell(trial.number, state=TrialState.FAIL)  # nobody needs it
                continue
            trial.set_user_attr("owner", owner)
            self._taken[trial.number] = trial
            return first
        return None

    def finish(self, number: int, score: float | None, result: TrialResult) -> None:
        """Keep what a trial brought, unless another process was given it meanwhile."""
        trial = self._taken.pop(number)
        try:
            trial.set_user_attr("result", msgspec.to_builtins(result))
        except UpdateFinishedTrialError:
            return
        state = TrialState.PRUNED if score is None else TrialState.COMPLETE
        self._study.tell(number, score, state=state, skip_if_finished=True)

    def give_up(self, number: int, *, died: bool = False) -> None:
        """Let the place of a running trial be filled again."""
        trial = self._taken.pop(number, None)
        if died and trial is not None:
            trial.set_user_attr("died", True)
        self._study.tell(number, state=TrialState.FAIL, skip_if_finished=True)

    def give_up_all(self) -> None:
        """Give up what this process has taken."""
        for number in list(self._taken):
            self.give_up(number)

    def beat(self, owner: str, count: int) -> None:
        """Say that this process is alive."""
        self._study.set_user_attr(f"alive/{owner}", count)

    def beats(self) -> dict[str, int]:
        """The last count of each process."""
        attributes = self._study.user_attrs
        return {
            name.removeprefix("alive/"): count
            for name, count in attributes.items()
            if name.startswith("alive/")
        }


def _shared(trial: FrozenTrial, place: Place) -> SharedTrial:
    attributes = trial.user_attrs
    result = attributes.get("result") if trial.state.is_finished() else None
    return SharedTrial(
        number=trial.number,
        place=place,
        chosen=dict(attributes["set"]),
        state=trial.state,
        owner=attributes.get("owner", ""),
        score=trial.value if trial.state is TrialState.COMPLETE else None,
        result=msgspec.convert(result, TrialResult) if result else None,
    )


def join(plan: SweepPlan, where: str, name: str) -> SharedStudy:
    """The study of this name in the storage `where` (the path of a journal file, or the URL of a
    database), made if there is none. Raises UsageError for the study of another plan, and KtError
    for a storage that cannot be used."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        study_name=name,
        storage=_database(where) if "://" in where else _journal(Path(where)),
        sampler=optuna.samplers.RandomSampler(seed=0),
        direction="maximize",
        load_if_exists=True,
    )
    ours = plan.identity()
    if "plan" not in study.user_attrs:
        study.set_user_attr("plan", msgspec.json.encode(ours).decode())
    theirs = msgspec.json.decode(study.user_attrs["plan"])
    differing = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
    if differing:
        raise UsageError(
            f"the study {name} is of another sweep: it differs in {', '.join(differing)}",
            hint="Repeat its command unchanged to go on with it, or name another with --study.",
        )
    return SharedStudy(study, plan)


@contextlib.contextmanager
def storage_errors() -> Iterator[None]:
    """Around the use of a study: a database that fails is Unreachable."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (optuna.exceptions.StorageInternalError, SQLAlchemyError) as error:
        raise Unreachable(
            "the database of the study failed", hint="Repeat the command to go on."
        ) from error


class MendingLock(JournalFileSymlinkLock):
    """Optuna's lock of a journal file. Whoever takes it first cuts off the part of a line that a
    killed process left at the end: the next line would be written behind it, and neither read."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path

    def acquire(self) -> bool:
        taken = super().acquire()
        with self._path.open("r+b") as file:
            size = end = file.seek(0, os.SEEK_END)
            while end:
                file.seek(end - 1)
                if file.read(1) == b"\n":
                    break
                end -= 1
            if end < size:
                file.truncate(end)
        return taken


def _journal(path: Path) -> optuna.storages.BaseStorage:
    try:
        private_folder(path.absolute().parent)
        create_private(path)
        backend = JournalFileBackend(str(path), lock_obj=MendingLock(path))
        return optuna.storages.JournalStorage(backend)
    except OSError as error:
        why, advice = trouble(error, "name another with --storage")
        raise KtError(f"the study's file {path} cannot be used: {why}", hint=advice) from error
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise KtError(
            f"{path} is not a journal of Optuna", hint="Name another file with --storage."
        ) from error


def _database(url: str) -> optuna.storages.BaseStorage:
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    try:
        return _made(url)
    except ImportError as error:
        raise UsageError(
            f"the database of --storage needs a driver that is not installed: {error}",
            hint="Install it with pip beside kt, or use a file as --storage.",
        ) from error
    except ArgumentError as error:
        raise UsageError(
            "--storage is neither a path nor the URL of a database",
            hint="As in postgresql+psycopg://user@host/database",
        ) from error
    except SQLAlchemyError as error:
        kind = type(getattr(error, "orig", None) or error).__name__
        raise KtError(
            f"the database of --storage cannot be used: {kind}",
            hint="Check that it runs, its address, and the user's rights.",
        ) from error


_RACED = re.compile("already exists|locked", re.IGNORECASE)
MOST_STEPS = 50
"""More than the steps in which Optuna makes its tables."""


def _made(url: str) -> optuna.storages.BaseStorage:
    """The storage with its tables. When several processes make them at the same time, each step
    succeeds for one of them and fails for the others, which find it done when they try again."""
    from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

    for _ in range(MOST_STEPS):
        try:
            return _one_at_a_time(_opened(url))
        except IntegrityError:
            continue
        except (OperationalError, ProgrammingError) as error:
            if not _RACED.search(str(error.orig)):
                raise
    return _one_at_a_time(_opened(url))


LOCK_SECONDS = 60
"""How long a process waits for another's write to an SQLite file."""


def _opened(url: str) -> optuna.storages.RDBStorage:
    arguments = {"timeout": LOCK_SECONDS} if url.startswith("sqlite") else {}
    return optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": arguments})


def _one_at_a_time(storage: optuna.storages.RDBStorage) -> optuna.storages.RDBStorage:
    """Take a waiting trial in one step on SQLite too: it knows no SELECT FOR UPDATE, and its driver
    begins a transaction after the SELECT, so that two processes could take the same trial."""
    from sqlalchemy import event

    def begin_myself(connection: sqlite3.Connection, record: object) -> None:
        connection.isolation_level = None

    if storage.engine.dialect.name == "sqlite":
        storage.engine.dispose()
        event.listen(storage.engine, "connect", begin_myself)
        event.listen(
            storage.engine, "begin", lambda found: found.exec_driver_sql("BEGIN IMMEDIATE")
        )
    return storage

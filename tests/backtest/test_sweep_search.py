"""The trials of a sweep: the same whoever runs them, each run once, and none lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kt.backtest.sweep import search as searching
from kt.backtest.sweep.search import Search
from kt.backtest.sweep.shared_study import SharedStudy, join
from kt.backtest.sweep.sweep_plan import Method, Place
from kt.backtest.sweep.trial import TrialResult
from kt.backtest.sweep.trial_worker import TrialOrder
from kt.clock import ManualClock
from kt.errors import ConfigError, KtError, UsageError
from kt.records import KST
from kt.rules.sweep_space import parse_axis
from tests.backtest.sweeping import Runners, formula, plan, search


def found(study: SharedStudy) -> dict[Place, Any]:
    return {
        place: (one.chosen, one.score, one.result) for place, one in sorted(study.trials().items())
    }


@pytest.mark.parametrize("method", ["grid", "random", "tpe"])
def test_any_number_of_workers_finds_the_same(tmp_path: Path, method: Method) -> None:
    results = []
    for most in (1, 3, 8):
        made = plan(method)
        study = join(made, str(tmp_path / f"{most}.log"), "one")
        search(study, made, Runners(most, seed=most), tmp_path).run()
        results.append(found(study))
    assert results[0] == results[1] == results[2]
    assert len(results[0]) == made.size == (16 if method == "grid" else 22)
    sets = [tuple(chosen.values()) for chosen, _, _ in results[0].values()]
    half = len(sets) // 2
    assert (sets[:half] == sets[half:]) == (method != "tpe"), "TPE goes its own way in each window"


def test_tpe_learns_from_earlier_batches_alone(tmp_path: Path) -> None:
    """What is proposed next depends on results, but on none of its own batch."""

    def worse(order: TrialOrder) -> TrialResult:
        return formula(order) if order.config.exits.stop_loss_pct > 3 else TrialResult()

    sets = []
    for number, run in enumerate((formula, worse)):
        made = plan("tpe", trials=24, windows=plan().windows[:1])
        study = join(made, str(tmp_path / f"{number}.log"), "one")
        search(study, made, Runners(2, run=run), tmp_path).run()
        sets.append([one.chosen for _, one in sorted(study.trials().items())])
    assert sets[0][:8] == sets[1][:8], "random before there are ten results"
    assert sets[0][12:] != sets[1][12:]


class Interrupted(Runners):
    """Ctrl-C after some trials."""

    def wait(self, seconds: float) -> Any:
        if len(self.started) > 5:
            raise KeyboardInterrupt
        return super().wait(seconds)


def test_an_interrupted_sweep_goes_on_where_it_stopped(tmp_path: Path) -> None:
    made, where = plan("tpe"), str(tmp_path / "study.log")
    first = Interrupted(2)
    with pytest.raises(KeyboardInterrupt):
        search(join(made, where, "one"), made, first, tmp_path).run()
    kept = {place: one for place, one in join(made, where, "one").trials().items() if one.finished}
    assert len(kept) == 4
    study, second = join(made, where, "one"), Runners(1)
    search(study, made, second, tmp_path).run()
    assert len(second.started) == made.size - 4, "what was finished is not run again"
    alone = join(made, str(tmp_path / "alone.log"), "one")
    search(alone, made, Runners(1), tmp_path).run()
    assert found(study) == found(alone)


def child(storage: str, folder: Path, method: str, seconds: float) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "tests.backtest.sweeping", storage, str(folder), method]
    return subprocess.Popen([*line, str(seconds)], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("storage", "method"), [("{}/study.log", "tpe"), ("sqlite:///{}/study.db", "grid")]
)
def test_processes_share_one_study_and_run_each_trial_once(
    tmp_path: Path, storage: str, method: Method
) -> None:
    where = storage.format(tmp_path)
    ran = []
    both = [child(where, tmp_path, method, 0.3) for _ in range(2)]
    for process in both:
        out, _ = process.communicate(timeout=100)
        assert process.returncode == 0
        ran.append(out.splitlines())
    made = plan(method)
    assert all(ran), "both had a part"
    assert len(ran[0]) + len(ran[1]) == made.size
    alone = join(made, str(tmp_path / "alone.log"), "one")
    search(alone, made, Runners(1), tmp_path).run()
    assert found(join(made, where, "shared")) == found(alone)


def test_a_killed_process_loses_only_the_trial_that_it_ran(tmp_path: Path) -> None:
    where = str(tmp_path / "study.log")
    with child(where, tmp_path, "grid", 0.3) as process:
        assert process.stdout is not None
        for _ in range(3):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    made = plan()
    study = join(made, where, "shared")
    kept = [one for one in study.trials().values() if one.finished]
    assert len(kept) >= 2
    second = Runners(1)
    search(study, made, second, tmp_path).run()
    assert len(second.started) == made.size - len(kept)
    assert all(one.finished and one.result for one in study.trials().values())


def test_a_line_torn_by_a_kill_is_cut_off(tmp_path: Path) -> None:
    made, where = plan(), tmp_path / "study.log"
    study = join(made, str(where), "one")
    study.add(Place(0, 0), {"exits.stop_loss_pct": "2", "limits.positions": "3"})
    with where.open("ab") as file:
        file.write(b'{"op_code": 8, "worker_id": "gone", "tri')
    study.add(Place(0, 1), {"exits.stop_loss_pct": "2", "limits.positions": "5"})
    assert sorted(join(made, str(where), "one").trials()) == [Place(0, 0), Place(0, 1)]


class Passing(ManualClock):
    """A clock on which ten seconds pass whenever it is asked."""

    def monotonic(self) -> float:
        self._now += timedelta(seconds=10)
        return self._now.timestamp()


def test_what_another_machine_left_is_taken_over_after_its_silence(tmp_path: Path) -> None:
    made = plan()
    study = join(made, str(tmp_path / "study.log"), "one")
    study.add(Place(0, 0), {"exits.stop_loss_pct": "2", "limits.positions": "3"})
    theirs = study.take("elsewhere/1/x")
    assert theirs is not None
    study.beat("elsewhere/1/x", 4)
    ours = join(made, str(tmp_path / "study.log"), "one")
    clock = Passing(datetime(2026, 1, 5, tzinfo=KST))
    runners = Runners(1)
    Search(made, ours, runners, tmp_path, clock, lambda *_: None).run()
    assert len(runners.started) == made.size
    study.finish(theirs.number, 99.0, TrialResult(error="late"))  # it was only slow
    kept = join(made, str(tmp_path / "study.log"), "one").trials()[Place(0, 0)]
    assert kept.score is not None and kept.score < 99


def test_a_live_process_keeps_its_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "POLL_SECONDS", 0.0)
    made = plan()
    study = join(made, str(tmp_path / "study.log"), "one")
    study.add(Place(0, 0), {"exits.stop_loss_pct": "2", "limits.positions": "3"})
    theirs = study.take("elsewhere/1/x")
    assert theirs is not None
    beats = 0

    class Waiting(Runners):
        def wait(self, seconds: float) -> Any:
            nonlocal beats
            beats += 1
            study.beat("elsewhere/1/x", beats // 3)
            if beats == made.size + 20:
                study.finish(theirs.number, 0.5, TrialResult())
            return super().wait(seconds)

    runners = Waiting(1)
    ours = join(made, str(tmp_path / "study.log"), "one")
    clock = Passing(datetime(2026, 1, 5, tzinfo=KST))
    trials = Search(made, ours, runners, tmp_path, clock, lambda *_: None).run()
    assert len(runners.started) == made.size - 1
    assert trials[Place(0, 0)].score == 0.5


def test_a_trial_that_kills_its_process_is_given_up(tmp_path: Path) -> None:
    made = plan(windows=plan().windows[:1])

    def deadly(order: TrialOrder) -> TrialResult | None:
        return None if order.config.exits.stop_loss_pct == 4 else formula(order)

    study, runners = join(made, str(tmp_path / "study.log"), "one"), Runners(2, run=deadly)
    trials = search(study, made, runners, tmp_path).run()
    failed = [one for one in trials.values() if one.result and one.result.error]
    assert [one.chosen["exits.stop_loss_pct"] for one in failed] == ["4", "4"]
    assert "died 3 times: see workers.log" in (failed[0].result or TrialResult()).error
    assert len(runners.started) == made.size + 4


def test_a_set_that_is_invalid_is_a_result(tmp_path: Path) -> None:
    axes = (
        parse_axis("limits.per_stock=1000000,9000000"),
        parse_axis("limits.total=5000000,9000000"),
    )
    made = plan(axes=axes, windows=plan().windows[:1])
    made.check()
    study = join(made, str(tmp_path / "study.log"), "one")
    trials = search(study, made, Runners(1), tmp_path).run()
    errors = [one.result.error for one in trials.values() if one.result and one.result.error]
    assert errors == ["configuration: limits.per_stock 9,000,000 is above limits.total 5,000,000"]


def test_a_value_that_no_set_can_use_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="stop_loss_pct"):
        plan(axes=(parse_axis("exits.stop_loss_pct=3,high"),)).check()
    with pytest.raises(ConfigError, match="stop_los"):
        plan(axes=(parse_axis("exits.stop_los=3"), parse_axis("limits.positions=3,5"))).check()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seeds": (9,)}, "seeds"),
        ({"objective": "sharpe"}, "objective"),
        ({"method": "tpe"}, "method, trials, Optuna, batch"),
        ({"windows": plan().windows[:1]}, "windows"),
        ({"axes": plan().axes[:1]}, "keys"),
    ],
)
def test_a_study_of_another_sweep_is_refused(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    join(plan(), str(tmp_path / "study.log"), "one")
    with pytest.raises(UsageError, match="another sweep") as refused:
        join(plan(**change), str(tmp_path / "study.log"), "one")
    assert said in refused.value.message
    assert plan(**change).default_name() != plan().default_name() == plan().default_name()


def test_storages_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "other.log").write_text("some other file\nof two lines\n")
    for where, said in (
        (str(tmp_path / "other.log"), "not a journal of Optuna"),
        (str(tmp_path), "cannot be used"),
        ("nonsense://x", "driver|URL"),
        (f"sqlite:///{tmp_path}/none/x.db", "cannot be used"),
    ):
        with pytest.raises(KtError, match=said):
            join(plan(), where, "one")
